import { randomBytes, randomInt } from 'node:crypto';
import type { Random } from '../ports/random.js';

/** This machine's randomness, fit for secrets. */
export const systemRandom: Random = {
  bytes: (length) => randomBytes(length),
  integer: (below) => randomInt(below),
};
