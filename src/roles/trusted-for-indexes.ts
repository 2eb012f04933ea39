import type { Settings } from '../config/settings.js';
import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';
import { isDid } from '../trust/did.js';

/** @throws XError USAGE where one is no DID, or they are too many. */
export function trustedForIndexes({ trustIndexes }: Settings): readonly Did[] {
  const wrong = trustIndexes.find((one) => !isDid(one));
  if (wrong !== undefined) {
    throw new XError('USAGE', `--trust-index: "${wrong.slice(0, 80)}" is no DID`, {
      hint: 'One looks like did:key:z6Mk…; x key prints it.',
    });
  }
  if (trustIndexes.length <= BOUNDS.trustedForIndexes) return trustIndexes;
  throw new XError('USAGE', `--trust-index: ${BOUNDS.trustedForIndexes} nodes at most`);
}
