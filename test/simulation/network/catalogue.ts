import { sha256 } from '../../../src/domain/digest.js';
import { positionOfDigest, textOfPosition, type Position } from '../../../src/network/position.js';
import type { Random } from '../../../src/ports/random.js';
import { NETWORK } from '../../network/kit.js';

export interface Artifact {
  index: number;
  sha256: string;
  key: Position;
  keyText: string;
  lengthBytes: number;
  /** How many packages require it. */
  dependents: number;
}

/** Artifacts by rank: the first is asked for most. Lengths are drawn, most are small, a few long. */
export class Catalogue {
  readonly artifacts: Artifact[];
  readonly byPosition = new Map<Position, Artifact>();
  readonly bySha256 = new Map<string, Artifact>();
  readonly #sums: Float64Array;

  constructor(count: number, exponent: number, random: Random) {
    this.artifacts = Array.from({ length: count }, (_, index) => {
      const digest = sha256(`artifact ${index}`);
      const key = positionOfDigest(NETWORK, 'sha256', digest);
      // Median 60 KB, mean about 350 KB, like what package indexes hold.
      const lengthBytes = Math.min(16e6, Math.round(60e3 * Math.exp(1.9 * normal(random))));
      const keyText = textOfPosition(key);
      const dependents = Math.round(200 / (index + 1));
      return { index, sha256: digest, key, keyText, lengthBytes: lengthBytes + 1, dependents };
    });
    for (const artifact of this.artifacts) {
      this.byPosition.set(artifact.key, artifact);
      this.bySha256.set(artifact.sha256, artifact);
    }
    this.#sums = new Float64Array(count);
    let sum = 0;
    for (let i = 0; i < count; i++) this.#sums[i] = sum += 1 / (i + 1) ** exponent;
  }

  /** One by Zipf's law. */
  draw(random: Random): Artifact {
    const at = unit(random) * (this.#sums.at(-1) ?? 0);
    let [low, high] = [0, this.#sums.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sums[middle] ?? 0) < at) low = middle + 1;
      else high = middle;
    }
    return this.artifacts[low]!;
  }
}

export function unit(random: Random): number {
  return (random.integer(2 ** 30) + 1) / (2 ** 30 + 1);
}

/** Box and Muller. */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(unit(random))) * Math.cos(2 * Math.PI * unit(random));
}

export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(unit(random));
}
