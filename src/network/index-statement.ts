import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import { isDigest, type Sha256 } from '../domain/digest.js';
import { canonicalText } from '../trust/canonical.js';
import type { Identity } from '../trust/identity.js';
import { readSignedLine, writeSignedLine } from '../trust/signed-line.js';

const SIGNED_PREFIX = 'x-index 1\n';

/** "The official source gave this page at that time": what a node signs of an index. */
export interface IndexStatement {
  /** What was asked for (`indexName`), and the page's own digest and length. */
  name: Sha256;
  sha256: Sha256;
  lengthBytes: number;
  contentType: string;
  seenAtMs: number;
}

export function signIndexStatement(statement: IndexStatement, author: Identity): Uint8Array {
  return writeSignedLine(SIGNED_PREFIX, canonicalText({ ...statement }), author);
}

/** Undefined where it is malformed, not signed by that DID, of another page, or of a time to come. */
export function readIndexStatement(
  bytes: Uint8Array,
  { name, author, now }: { name: Sha256; author: Did; now: number },
): IndexStatement | undefined {
  const line = readSignedLine(SIGNED_PREFIX, bytes, BOUNDS.indexStatementBytes);
  if (line === undefined) return undefined;
  const { sha256, lengthBytes, contentType, seenAtMs } = line.fields;
  const isSound =
    line.fields['name'] === name &&
    typeof sha256 === 'string' &&
    isDigest('sha256', sha256) &&
    isCount(lengthBytes) &&
    lengthBytes <= BOUNDS.sharedIndexBytes &&
    typeof contentType === 'string' &&
    isCount(seenAtMs) &&
    seenAtMs <= now + BOUNDS.announcementAheadMs;
  if (!isSound || !line.isSignedBy(author)) return undefined;
  return { name, sha256, lengthBytes, contentType, seenAtMs };
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}
