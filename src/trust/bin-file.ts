import { createPublicKey, verify } from 'node:crypto';
import { Metadata, MetadataKind, type Key, type Targets } from '@tufjs/models';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, XError } from '../domain/errors.js';
import type { JsonObject } from '../domain/plan.js';
import { canonicalText, orderedJson } from './canonical.js';
import type { Identity } from './identity.js';
import { checkedRole, readSignedJson } from './parse.js';
import { tufKeyId } from './tuf-key.js';

/** Signatures stand at the beginning of a file, and there are few. */
const MAX_HEAD_BYTES = 16_384;

/**
 * A bin's file: targets metadata without delegations. The models' conversions take time by the square
 * of the number of targets, and bins are nearly all of a bundle's metadata, so that here the targets
 * stay JSON; all else of the file passes through the models.
 */
export interface BinFile {
  /** Everything but the targets. */
  signed: Targets;
  targets: JsonObject;
  keyIds: string[];
  /** Signatures by key id. */
  signatures: Metadata<Targets>['signatures'];
  /** The signed part as it stands in the file, where that may be what was signed. */
  raw: Uint8Array | undefined;
  /** The signed part in canonical JSON. */
  canonical: () => Uint8Array;
}

/** Targets of a bin, by path in the order of UTF-16 units, as JSON in canonical order. */
export function targetsText(targets: readonly (readonly [string, JsonObject])[]): string {
  const members = targets.map(([path, target]) => `${orderedJson(path)}:${orderedJson(target)}`);
  return `{${members.join(',')}}`;
}

/**
 * The bytes of a bin's file, signed: the same for the same input.
 * @param common the signed part without its targets.
 * @param targets as `targetsText` writes them.
 */
export function encodeBin(common: JsonObject, targets: string, signer: Identity): Uint8Array {
  const names = [...Object.keys(common), 'targets'].sort();
  const members = names.map((name) => {
    const value = name === 'targets' ? targets : orderedJson(common[name] ?? null);
    return `${orderedJson(name)}:${value}`;
  });
  const text = `{${members.join(',')}}`;
  // An escape that canonical JSON does not know: then the two texts differ.
  const isCanonical = !/\\[^"\\]/.test(text);
  const canonical = isCanonical ? text : canonicalText(JSON.parse(text) as JsonObject);
  const sig = Buffer.from(signer.sign(Buffer.from(canonical))).toString('hex');
  const signatures = JSON.stringify([{ keyid: tufKeyId(signer.publicKey), sig }]);
  return Buffer.from(`{"signatures":${signatures},"signed":${text}}`);
}

/** @throws XError METADATA_INVALID naming the file. */
export function parseBin(file: string, bytes: Uint8Array): BinFile {
  const json = readSignedJson(file, bytes, { targets: BOUNDS.binTargets });
  const signedJson = json['signed'] as JsonObject;
  const { targets = {}, ...rest } = signedJson;
  if (!isRecordOfObjects(targets)) throw invalid(file, 'its targets are no objects');
  try {
    const withoutTargets = { ...json, signed: { ...rest, targets: {} } };
    const metadata = Metadata.fromJSON(MetadataKind.Targets, withoutTargets);
    const { signed, signatures } = checkedRole(file, metadata);
    const keyIds = Object.keys(signatures);
    const raw = signedBytes(bytes);
    const canonical = (): Uint8Array => Buffer.from(canonicalText(signedJson));
    return { signed, targets, keyIds, signatures, raw, canonical };
  } catch (cause) {
    throw cause instanceof XError ? cause : invalid(file, messageOf(cause), cause);
  }
}

/**
 * The signed part as it stands in a file that is laid out as X lays it out: where a signature holds
 * over these bytes, they are what was signed, and nothing needs to be put in canonical order first.
 */
function signedBytes(bytes: Uint8Array): Uint8Array | undefined {
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, MAX_HEAD_BYTES));
  const match =
    /^\{"signatures":\[(?:\{"keyid":"[0-9a-f]*","sig":"[0-9a-f]*"\},?)*\],"signed":/.exec(
      head.toString('latin1'),
    );
  return match === null ? undefined : bytes.subarray(match[0].length, -1);
}

/**
 * The signatures of a bin by the keys that the top-level targets give it to (TUF 1.0.31 section
 * 4.6, TAP 15). One key counts once, under whatever ids it stands.
 * @throws XError SIGNATURE_INVALID.
 */
export function checkBinSignature(targets: Targets, file: string, bin: BinFile): void {
  const { keys = {}, succinctRoles } = targets.delegations ?? {};
  const { keyIDs, threshold } = succinctRoles ?? { keyIDs: [], threshold: Infinity };
  const signers = new Set<string>();
  for (const id of keyIDs) {
    const key = keys[id];
    if (key !== undefined && hasSigned(key, bin)) signers.add(key.keyVal['public'] ?? '');
  }
  if (signers.size >= threshold) return;
  throw new XError(
    'SIGNATURE_INVALID',
    `${file} is not signed as it must be: by ${signers.size} of the ${threshold} keys that are demanded`,
    {
      hint: 'It was altered, comes from somebody else, or is of before its source gave up that key. Take it from the source itself.',
    },
  );
}

function hasSigned(key: Key, { signatures, raw, canonical }: BinFile): boolean {
  const signature = signatures[key.keyID];
  const publicHex = key.keyVal['public'] ?? '';
  const isEd25519 = key.keyType === 'ed25519' && key.scheme === 'ed25519';
  if (signature === undefined || !isEd25519 || !/^[0-9a-f]{64}$/.test(publicHex)) return false;
  const x = Buffer.from(publicHex, 'hex').toString('base64url');
  const publicKey = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
  const sig = Buffer.from(signature.sig, 'hex');
  const holds = (bytes: Uint8Array): boolean => verify(null, bytes, publicKey, sig);
  return (raw !== undefined && holds(raw)) || holds(canonical());
}

function isRecordOfObjects(value: unknown): value is JsonObject {
  const isObject = (one: unknown): boolean =>
    typeof one === 'object' && one !== null && !Array.isArray(one);
  return isObject(value) && Object.values(value as object).every(isObject);
}

function invalid(file: string, what: string, cause?: unknown): XError {
  return new XError('METADATA_INVALID', `${file}: ${what.slice(0, 300)}`, { cause });
}
