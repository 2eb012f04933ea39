import { XError } from '../domain/errors.js';
import type { Did } from '../domain/bundle.js';
import { readMark } from './mark.js';
import { rootFileName } from './names.js';
import { markOf, parseRoot } from './parse.js';

/** Whose bundle metadata says it is, before anything is proved: what to ask the user, and what to check. */
export interface MetadataClaim {
  bundle: string;
  source: Did;
}

/**
 * What root version 1 claims.
 * @throws XError METADATA_INVALID.
 */
export function readClaim(rootBytes: Uint8Array): MetadataClaim {
  const name = rootFileName(1);
  const mark = readMark(markOf(parseRoot(name, rootBytes).signed));
  if (mark === undefined) {
    throw new XError('METADATA_INVALID', `${name}: its "x" names no bundle and source`);
  }
  return { bundle: mark.bundle, source: mark.source };
}
