import { basename, join } from 'node:path';
import { sha256, type Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { Clock } from '../ports/clock.js';
import type { OwnProgram, RuntimeArchive } from '../ports/runtime.js';
import type { Medium } from '../ports/volume.js';
import type { Identity } from '../trust/identity.js';
import { encodeRuntime, runtimeId, type RuntimeDescription } from '../trust/runtime-file.js';
import { formatTime } from '../trust/time.js';
import { launcherScript } from './runtime-launcher.js';

/** Where a runtime lies on a medium, and what is in it beside the archive. */
export const RUNTIME_FOLDER = 'x-runtime';
export const RUNTIME_FILE = 'x-runtime.json';
export const RUNTIME_SUMS = 'SHA256SUMS';
export const RUNTIME_LAUNCHER = 'x';

export interface RuntimeDeps {
  program: OwnProgram;
  archive: RuntimeArchive;
  identity: Identity;
  clock: Pick<Clock, 'now'>;
  /** A file's length and digest. */
  measure(path: string): Promise<{ lengthBytes: number; sha256: Sha256 }>;
}

/** A runtime that waits to be written to a medium. */
export interface PackedRuntime {
  description: Omit<RuntimeDescription, 'source'>;
  /** Where the archive lies. */
  path: string;
  /** All of its files together. */
  lengthBytes: number;
  files: { name: string; bytes: Uint8Array }[];
}

const SYSTEMS: Partial<Record<string, string>> = {
  'linux/amd64': 'Linux x86_64',
  'linux/arm64': 'Linux aarch64',
};

/**
 * Packs the program that runs here, its Node and what starts both, signed by this machine's key.
 * @param folder for the archive; the caller's to remove.
 * @throws XError RUNTIME_UNSUITED where this program is none that can be taken along.
 */
export async function packRuntime(deps: RuntimeDeps, folder: string): Promise<PackedRuntime> {
  const { program, archive, identity, clock } = deps;
  const { version, platform, node } = program;
  const system = SYSTEMS[platform.split('/', 2).join('/')];
  if (system === undefined) {
    throw new XError('RUNTIME_UNSUITED', `x cannot be taken along from ${platform}`, {
      hint: 'Export with --with-runtime on a Linux of amd64 or arm64.',
    });
  }
  const path = join(folder, `x-${version}-${platform.replaceAll('/', '-')}${archive.suffix}`);
  await archive.pack(await program.files(), path);
  const measured = { name: basename(path), ...(await deps.measure(path)) };
  const createdAt = formatTime(clock.now());
  const told = { createdAt, version, platform, node, archive: measured };
  const id = runtimeId({ ...told, source: identity.did, sums: '' });
  const launcher = Buffer.from(launcherScript({ id, archive: measured.name, system, platform }));
  const sums = Buffer.from(
    [`${measured.sha256}  ${measured.name}\n`, `${sha256(launcher)}  ${RUNTIME_LAUNCHER}\n`].join(
      '',
    ),
  );
  const description = { ...told, sums: sha256(sums) };
  const files = [
    { name: RUNTIME_LAUNCHER, bytes: launcher },
    { name: RUNTIME_SUMS, bytes: sums },
    { name: RUNTIME_FILE, bytes: encodeRuntime(description, identity) },
  ];
  const lengthBytes = files.reduce((sum, { bytes }) => sum + bytes.length, measured.lengthBytes);
  return { description, path, lengthBytes, files };
}

/** What a runtime still takes of a medium: an archive that lies there already is not written again. */
export async function neededBytes(
  medium: Pick<Medium, 'sizes'>,
  { description, lengthBytes }: PackedRuntime,
  to: string,
): Promise<number> {
  const { archive } = description;
  const there = (await medium.sizes(join(to, RUNTIME_FOLDER))).get(archive.name);
  return there === archive.lengthBytes ? lengthBytes - archive.lengthBytes : lengthBytes;
}

export interface WriteRuntimeDeps {
  medium: Pick<Medium, 'writeFile'>;
  read(path: string): AsyncIterable<Uint8Array>;
  measure: RuntimeDeps['measure'];
}

/**
 * Writes a packed runtime to a medium, its description last: a runtime without one is none.
 * @returns its folder.
 * @throws XError DISK_FULL, IO_FAILED, VOLUME_DAMAGED where the medium holds other bytes than were written.
 */
export async function writeRuntime(
  { medium, read, measure }: WriteRuntimeDeps,
  { description, path, files }: PackedRuntime,
  to: string,
): Promise<string> {
  const folder = join(to, RUNTIME_FOLDER);
  const { name, sha256: digest } = description.archive;
  const archive = join(folder, name);
  const held = await measure(archive).catch(() => undefined);
  if (held?.sha256 !== digest) {
    await medium.writeFile(archive, read(path));
    if ((await measure(archive)).sha256 !== digest) {
      throw new XError('VOLUME_DAMAGED', `${archive} holds other bytes than were written`, {
        hint: 'The medium loses data: run the same command again, or take another one.',
      });
    }
  }
  for (const { name: file, bytes } of files) await medium.writeFile(join(folder, file), one(bytes));
  return folder;
}

async function* one(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  yield await Promise.resolve(bytes);
}
