import { BOUNDS } from '../domain/bounds.js';
import type { Sha256 } from '../domain/digest.js';
import type { OpenVolume } from '../ports/volume.js';
import { PLACEMENT_NAME } from './volume-layout.js';
import type { VolumePart } from './volume-plan.js';
import { readSmall } from './volume-content.js';

/**
 * Where each of a bundle's blobs lies, in path order, each blob once: the number of its volume, the
 * numbers of those that share its slices, or 0 where it was left out.
 */
export type Placement = (number | number[])[];

export function placementOf(blobs: readonly Sha256[], volumes: readonly VolumePart[][]): Placement {
  const found = new Map<Sha256, number[]>();
  for (const [at, parts] of volumes.entries()) {
    for (const { sha256 } of parts) found.set(sha256, [...(found.get(sha256) ?? []), at + 1]);
  }
  return blobs.map((sha256) => {
    const numbers = found.get(sha256) ?? [0];
    return numbers.length === 1 ? (numbers[0] as number) : numbers;
  });
}

/**
 * At which piece the slice begins that each of those volumes has, by the blob's number; of blobs that
 * lie in several.
 */
export type Cuts = Record<string, number[]>;

export function cutsOf(blobs: readonly Sha256[], volumes: readonly VolumePart[][]): Cuts {
  const found = new Map<Sha256, number[]>();
  for (const part of volumes.flat()) {
    if (part.kind !== 'slice') continue;
    found.set(part.sha256, [...(found.get(part.sha256) ?? []), part.firstPiece]);
  }
  const several = blobs.flatMap((sha256, blob) => {
    const cuts = found.get(sha256) ?? [];
    return cuts.length > 1 ? [[blob, cuts] as const] : [];
  });
  return Object.fromEntries(several);
}

export function encodePlacement(
  placement: Placement,
  cuts: Cuts,
  names: readonly string[],
): Uint8Array {
  // Without slices a volume is what it was before there were cuts, so that it is not written again.
  const ofSlices = Object.keys(cuts).length === 0 ? {} : { cuts };
  return Buffer.from(`${JSON.stringify({ volumes: names, placement, ...ofSlices })}\n`);
}

/**
 * The files that a volume says hold a blob, by the blob's number; empty where it does not say.
 * @param isWanted whether any of these pieces is: a file that has others alone is left out.
 */
export type VolumesOf = (
  blob: number,
  isWanted?: (firstPiece: number, endPiece: number) => boolean,
) => string[];

export async function readPlacement(volume: OpenVolume): Promise<VolumesOf> {
  const nobody = (): string[] => [];
  if (!volume.entries.has(PLACEMENT_NAME)) return nobody;
  let value: unknown;
  try {
    const bytes = await readSmall(volume, PLACEMENT_NAME, BOUNDS.placementBytes);
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch {
    // It is for people alone: without it they are told less.
    return nobody;
  }
  const { volumes, placement, cuts } = (value ?? {}) as Partial<Record<string, unknown>>;
  if (!Array.isArray(volumes) || !Array.isArray(placement)) return nobody;
  return (blob, isWanted = () => true) => {
    const numbers: unknown[] = [placement[blob] as unknown].flat();
    const begins = cutsIn(cuts, blob, numbers.length);
    return numbers
      .filter(
        (_, at) => begins === undefined || isWanted(begins[at] ?? 0, begins[at + 1] ?? Infinity),
      )
      .map((number) => (typeof number === 'number' ? (volumes[number - 1] as unknown) : undefined))
      .filter((name): name is string => typeof name === 'string')
      .map((name) => name.slice(0, 200));
  };
}

/** Undefined where the volume does not say, or says what cannot be: then any of them may be wanted. */
function cutsIn(cuts: unknown, blob: number, count: number): number[] | undefined {
  const value = (cuts ?? {}) as Partial<Record<string, unknown>>;
  const begins: unknown = Object.hasOwn(value, blob) ? value[blob] : undefined;
  if (!Array.isArray(begins) || begins.length !== count || begins[0] !== 0) return undefined;
  const rises = begins.every(
    (piece, at) => Number.isSafeInteger(piece) && (at === 0 || piece > begins[at - 1]),
  );
  return rises ? (begins as number[]) : undefined;
}
