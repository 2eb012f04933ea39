import { join } from 'node:path';
import { BOUNDS } from '../domain/bounds.js';
import { sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import { decodeRuntime, type RuntimeDescription } from '../trust/runtime-file.js';
import {
  RUNTIME_FILE,
  RUNTIME_FOLDER,
  RUNTIME_LAUNCHER,
  RUNTIME_SUMS,
  type RuntimeDeps,
} from './carry-runtime.js';

export interface CheckRuntimeDeps {
  measure: RuntimeDeps['measure'];
  /** A small file; undefined where there is none. @throws XError LIMIT_EXCEEDED, IO_FAILED. */
  readSmall(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
}

export interface CheckedRuntime {
  description: RuntimeDescription;
  /** The description as it was signed. */
  signed: Uint8Array;
  folder: string;
  /** Of the archive. */
  path: string;
}

/**
 * The runtime on a medium, by its own signature alone: whether its signer is trusted is the caller's
 * question. Undefined where there is none.
 * @param where the medium's folder, or the runtime's own.
 */
export async function readRuntime(
  { readSmall }: Pick<CheckRuntimeDeps, 'readSmall'>,
  where: string,
): Promise<CheckedRuntime | undefined> {
  for (const folder of [join(where, RUNTIME_FOLDER), where]) {
    const path = join(folder, RUNTIME_FILE);
    const bytes = await readSmall(path, BOUNDS.runtimeDescriptionBytes);
    if (bytes === undefined) continue;
    const description = decodeRuntime(bytes, path);
    return { description, signed: bytes, folder, path: join(folder, description.archive.name) };
  }
  return undefined;
}

/**
 * Whether every byte of a runtime is what was signed.
 * @throws XError DIGEST_MISMATCH naming the file that is not.
 */
export async function checkRuntimeFiles(
  { measure, readSmall }: CheckRuntimeDeps,
  { description, folder, path }: CheckedRuntime,
): Promise<void> {
  const sums = await readSmall(join(folder, RUNTIME_SUMS), BOUNDS.runtimeDescriptionBytes);
  if (sums === undefined || sha256(sums) !== description.sums) {
    throw notSigned(join(folder, RUNTIME_SUMS));
  }
  const listed = new Map(
    Buffer.from(sums)
      .toString('utf8')
      .split('\n')
      .map((line) => [line.slice(66), line.slice(0, 64)]),
  );
  const launcher = join(folder, RUNTIME_LAUNCHER);
  const script = await readSmall(launcher, BOUNDS.runtimeDescriptionBytes);
  if (script === undefined || sha256(script) !== listed.get(RUNTIME_LAUNCHER)) {
    throw notSigned(launcher);
  }
  const { lengthBytes, sha256: digest } = description.archive;
  const held = await measure(path).catch(() => undefined);
  if (held?.lengthBytes !== lengthBytes || held.sha256 !== digest) throw notSigned(path);
}

function notSigned(path: string): XError {
  return new XError('DIGEST_MISMATCH', `${path} is not what was signed`, {
    hint: 'It was damaged or altered on the way: have it exported again. Nothing of it was run.',
  });
}
