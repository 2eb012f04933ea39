import { createHash } from 'node:crypto';
import type { Manifest } from '../../src/domain/bundle.js';
import type { Random } from '../../src/ports/random.js';

export const MIB = 1 << 20;

/** A manifest of artifacts with these lengths; the hashes are made up. */
export function manifestOf(lengths: readonly number[]): Manifest {
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
  return {
    bundle: 'simulated',
    source: 'did:key:z6MkSimulated',
    version: 1,
    digest: hash('manifest'),
    signedAt: '2026-01-01T00:00:00Z',
    expiresAt: '2027-01-01T00:00:00Z',
    graceDays: 1,
    entries: lengths.map((lengthBytes, i) => ({
      path: `pypi/${String(i).padStart(6, '0')}`,
      lengthBytes,
      sha256: hash(`blob ${i}`),
      pieceRoot: hash(`root ${i}`),
      kind: 'package',
      proof: 'index-hash',
      requires: [],
      targets: [],
      private: false,
    })),
  };
}

/** One file of half the bytes, many small ones, the rest of 1 to 20 MB, in any order. */
export function mixedLengths(totalBytes: number, smallFiles: number, random: Random): number[] {
  const lengths = [totalBytes >> 1];
  let left = totalBytes - (totalBytes >> 1);
  for (let i = 0; i < smallFiles && left > 0; i++) {
    const length = Math.min(left, Math.round(1_000 * 200 ** (random.integer(1_000) / 1_000)));
    lengths.push(length);
    left -= length;
  }
  while (left > 0) {
    const length = Math.min(left, 1_000_000 + random.integer(19_000_000));
    lengths.push(length);
    left -= length;
  }
  for (let i = lengths.length - 1; i > 0; i--) {
    const j = random.integer(i + 1);
    [lengths[i], lengths[j]] = [lengths[j]!, lengths[i]!];
  }
  return lengths;
}
