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

export function encodePlacement(placement: Placement, names: readonly string[]): Uint8Array {
  return Buffer.from(`${JSON.stringify({ volumes: names, placement })}\n`);
}

/** The files that a volume says hold a blob, by the blob's number; empty where it does not say. */
export async function readPlacement(volume: OpenVolume): Promise<(blob: number) => string[]> {
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
  const { volumes, placement } = (value ?? {}) as Partial<Record<string, unknown>>;
  if (!Array.isArray(volumes) || !Array.isArray(placement)) return nobody;
  return (blob) => {
    const numbers: unknown[] = [placement[blob] as unknown].flat();
    return numbers
      .map((number) => (typeof number === 'number' ? (volumes[number - 1] as unknown) : undefined))
      .filter((name): name is string => typeof name === 'string')
      .map((name) => name.slice(0, 200));
  };
}
