import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { LocalMedium } from '../archive/medium.js';
import { TarArchive } from '../archive/tar-archive.js';
import {
  neededBytes,
  packRuntime,
  writeRuntime,
  type PackedRuntime,
} from '../operations/carry-runtime.js';
import { systemClock } from '../platform/clock.js';
import { RunningProgram } from '../platform/own-program.js';
import { openIdentity } from './open-keys.js';
import { formatBytes, type Printer } from './printer.js';
import { measure, readFileInChunks } from './runtime-files.js';
import { VERSION } from './version.js';

/**
 * Does something with the program that runs here, packed to be taken along; the archive is removed
 * afterwards.
 */
export async function withPackedRuntime<T>(
  folder: string,
  printer: Printer,
  work: (packed: PackedRuntime) => Promise<T>,
): Promise<T> {
  printer.report({ event: 'step', text: 'Packing x and its Node…' });
  const scratch = await mkdtemp(join(folder, 'runtime-'));
  try {
    const packed = await packRuntime(
      {
        program: new RunningProgram(VERSION),
        archive: new TarArchive(),
        identity: await openIdentity(folder),
        clock: systemClock,
        measure,
      },
      scratch,
    );
    return await work(packed);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
}

/** What it still takes of a medium. */
export async function roomFor(packed: PackedRuntime, to: string): Promise<number> {
  return await neededBytes(new LocalMedium(), packed, to);
}

/** Writes it beside the volumes. */
export async function putRuntime(packed: PackedRuntime, to: string): Promise<string> {
  const deps = { medium: new LocalMedium(), read: readFileInChunks, measure };
  return await writeRuntime(deps, packed, to);
}

export function runtimeLines(
  { description, lengthBytes }: PackedRuntime,
  folder: string,
): string[] {
  const { version, platform, node } = description;
  return [
    `runtime: x ${version} and Node ${node.slice(1)} for ${platform}, ${formatBytes(lengthBytes)}; it starts with: sh ${join(folder, 'x')}`,
  ];
}
