import type { Did } from '../domain/bundle.js';
import type { JsonObject } from '../domain/plan.js';
import { isSignedBy } from './did-signature.js';
import type { Identity } from './identity.js';

/** A newline, the signature in hex, a newline. */
const TAIL = /^\n([0-9a-f]{128})\n$/;
const TAIL_BYTES = 130;

/** What a signed line says; its signature is not looked at yet. */
export interface SignedLine {
  line: string;
  fields: JsonObject;
  /** Whether a DID's key has signed it: the dear part, for last. */
  isSignedBy(did: Did): boolean;
}

/**
 * A line of canonical JSON, a line with the signature in hex.
 * @param prefix what the signature is over begins with it, so that it serves as no other kind.
 */
export function writeSignedLine(prefix: string, line: string, signer: Identity): Uint8Array {
  const signature = Buffer.from(signer.sign(signedBytes(prefix, line))).toString('hex');
  return Buffer.from(`${line}\n${signature}\n`);
}

/** Undefined where it is longer than `maxBytes`, framed otherwise, or no JSON object. */
export function readSignedLine(
  prefix: string,
  bytes: Uint8Array,
  maxBytes: number,
): SignedLine | undefined {
  if (bytes.length > maxBytes || bytes.length <= TAIL_BYTES) return undefined;
  const text = Buffer.from(bytes).toString('utf8');
  const line = text.slice(0, -TAIL_BYTES);
  const signature = TAIL.exec(text.slice(-TAIL_BYTES))?.[1];
  const fields = signature === undefined ? undefined : objectOf(line);
  if (fields === undefined || signature === undefined) return undefined;
  return {
    line,
    fields,
    isSignedBy: (did) => isSignedBy(did, signedBytes(prefix, line), Buffer.from(signature, 'hex')),
  };
}

function objectOf(line: string): JsonObject | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return value as JsonObject;
}

function signedBytes(prefix: string, line: string): Uint8Array {
  return Buffer.from(prefix + line);
}
