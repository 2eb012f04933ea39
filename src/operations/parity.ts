import { isDigest, type Sha256 } from '../domain/digest.js';
import { BOUNDS } from '../domain/bounds.js';
import type { JsonObject, JsonValue } from '../domain/plan.js';
import {
  CHECKED_BYTES,
  type ErasureCode,
  type OpenVolume,
  type VolumeItem,
  type VolumeWriter,
} from '../ports/volume.js';
import { inMemory } from './volume-items.js';
import { readSmall } from './volume-content.js';
import {
  isVolumeFileName,
  PARITY_CHECKS_NAME,
  PARITY_DATA_NAME,
  PARITY_NAME,
} from './volume-layout.js';

/** A volume that parity volumes help to rebuild. */
export interface ProtectedVolume {
  name: string;
  lengthBytes: number;
  /** SHA-256 of each CHECKED_BYTES, the last run shorter. */
  checks: Sha256[];
}

/** What a parity volume says of its set. */
export interface ParitySet {
  parity: number;
  /** Which one this is, from 0. */
  index: number;
  volumes: ProtectedVolume[];
}

/** Runs of CHECKED_BYTES that a set's parity has: as many as its largest volume. */
export function runCount(volumes: readonly { lengthBytes: number }[]): number {
  return Math.max(0, ...volumes.map(({ lengthBytes }) => Math.ceil(lengthBytes / CHECKED_BYTES)));
}

/** What a parity volume takes beside the largest volume that it protects. */
export function parityOverheadBytes(
  writer: Pick<VolumeWriter, 'itemOverheadBytes'>,
  set: { count: number; volumeSizeBytes: number },
): number {
  const items = [PARITY_NAME, PARITY_CHECKS_NAME, PARITY_DATA_NAME];
  const checkBytes = 32 * set.count * Math.ceil(set.volumeSizeBytes / CHECKED_BYTES);
  return (
    items.reduce((sum, name) => sum + writer.itemOverheadBytes(name), 0) +
    checkBytes +
    // A line for each volume, and the filling of the last run.
    set.count * 256 +
    256 +
    CHECKED_BYTES
  );
}

/** The items of one parity volume, beside what every volume carries. */
export function parityItems(
  code: ErasureCode,
  set: ParitySet,
  openVolume: (index: number) => AsyncIterable<Uint8Array>,
): VolumeItem[] {
  const { parity, index, volumes } = set;
  const described = volumes.map(({ name, lengthBytes }) => ({ name, lengthBytes }));
  const json = { parity, index, runBytes: CHECKED_BYTES, volumes: described };
  const checks = volumes.flatMap((volume) => volume.checks.map((hex) => Buffer.from(hex, 'hex')));
  return [
    inMemory(PARITY_NAME, Buffer.from(`${JSON.stringify(json)}\n`)),
    inMemory(PARITY_CHECKS_NAME, Buffer.concat(checks)),
    {
      name: PARITY_DATA_NAME,
      lengthBytes: runCount(volumes) * CHECKED_BYTES,
      open: () => parityRuns(code, set, openVolume),
    },
  ];
}

async function* parityRuns(
  code: ErasureCode,
  { parity, index, volumes }: ParitySet,
  openVolume: (index: number) => AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const readers = volumes.map((_, at) => openVolume(at)[Symbol.asyncIterator]());
  try {
    for (let run = 0; run < runCount(volumes); run += 1) {
      const data = await Promise.all(readers.map(async (reader) => paddedRun(await reader.next())));
      const made = await code.encode(data, parity);
      yield made[index] as Uint8Array;
    }
  } finally {
    for (const reader of readers) await reader.return?.();
  }
}

function paddedRun(next: IteratorResult<Uint8Array>): Uint8Array {
  return padded(next.done === true ? new Uint8Array() : next.value);
}

/** A shorter last run, and one beyond a shorter volume's end, is filled up with zeros. */
export function padded(run: Uint8Array): Uint8Array {
  if (run.length === CHECKED_BYTES) return run;
  const whole = new Uint8Array(CHECKED_BYTES);
  whole.set(run);
  return whole;
}

/** What a volume says of a parity set; undefined where it is no parity volume, or not one to believe. */
export async function readParitySet(volume: OpenVolume): Promise<ParitySet | undefined> {
  const isParity = [PARITY_NAME, PARITY_CHECKS_NAME, PARITY_DATA_NAME].every((name) =>
    volume.entries.has(name),
  );
  if (!isParity) return undefined;
  const text = await readSmall(volume, PARITY_NAME, BOUNDS.parityListBytes);
  const set = parseSet(Buffer.from(text).toString('utf8'));
  if (set === undefined) return undefined;
  const checks = await readSmall(volume, PARITY_CHECKS_NAME, BOUNDS.parityChecksBytes);
  let at = 0;
  for (const one of set.volumes) {
    for (let left = Math.ceil(one.lengthBytes / CHECKED_BYTES); left > 0; left -= 1, at += 32) {
      one.checks.push(Buffer.from(checks.subarray(at, at + 32)).toString('hex'));
    }
    if (!one.checks.every((check) => isDigest('sha256', check))) return undefined;
  }
  const dataBytes = volume.entries.get(PARITY_DATA_NAME)?.lengthBytes;
  const isWhole = at === checks.length && dataBytes === runCount(set.volumes) * CHECKED_BYTES;
  return isWhole ? set : undefined;
}

function parseSet(text: string): ParitySet | undefined {
  const value = objectOf(() => JSON.parse(text) as JsonValue);
  const { parity, index, runBytes, volumes } = value ?? {};
  if (!isNumber(parity, 1, BOUNDS.parityVolumes) || !isNumber(index, 0, parity - 1))
    return undefined;
  const isList =
    runBytes === CHECKED_BYTES &&
    Array.isArray(volumes) &&
    volumes.length > 0 &&
    volumes.length <= BOUNDS.protectedVolumes;
  if (!isList) return undefined;
  const read: ProtectedVolume[] = [];
  for (const volume of volumes) {
    const { name, lengthBytes } = objectOf(() => volume) ?? {};
    if (typeof name !== 'string' || !isVolumeFileName(name)) return undefined;
    if (!isNumber(lengthBytes, 1, BOUNDS.protectedBytes)) return undefined;
    read.push({ name, lengthBytes, checks: [] });
  }
  if (new Set(read.map(({ name }) => name)).size !== read.length) return undefined;
  return { parity, index, volumes: read };
}

function objectOf(read: () => JsonValue): JsonObject | undefined {
  try {
    const value = read();
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isNumber(value: unknown, from: number, to: number): value is number {
  return Number.isSafeInteger(value) && Number(value) >= from && Number(value) <= to;
}
