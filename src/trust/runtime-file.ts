import type { Did } from '../domain/bundle.js';
import { isDigest, type Sha256 } from '../domain/digest.js';
import { messageOf, XError } from '../domain/errors.js';
import type { JsonObject } from '../domain/plan.js';
import { isDid } from './did.js';
import { isSignedBy } from './did-signature.js';
import type { Identity } from './identity.js';
import { parseTime } from './time.js';

const TYPE = 'x-runtime';
const FORMAT = 1;

/** What the signature is over begins with this, so that it serves as no other kind of signature. */
const SIGNED_PREFIX = 'x-runtime 1\n';

/** What a runtime is, as its source signs it. */
export interface RuntimeDescription {
  source: Did;
  createdAt: string;
  /** Of x. */
  version: string;
  /** `linux/amd64/glibc`. */
  platform: string;
  node: string;
  /** Of the checksum list, which names every other file. */
  sums: Sha256;
  archive: { name: string; lengthBytes: number; sha256: Sha256 };
}

/** A line of JSON, and a line with its signature in hex. The same bytes for the same content and key. */
export function encodeRuntime(
  { createdAt, version, platform, node, sums, archive }: Omit<RuntimeDescription, 'source'>,
  identity: Identity,
): Uint8Array {
  const { name, lengthBytes, sha256 } = archive;
  const line = JSON.stringify({
    type: TYPE,
    format: FORMAT,
    source: identity.did,
    createdAt,
    version,
    platform,
    node,
    sums,
    archive: { name, lengthBytes, sha256 },
  });
  const signature = Buffer.from(identity.sign(signedBytes(line))).toString('hex');
  return Buffer.from(`${line}\n${signature}\n`);
}

/**
 * Reads a runtime's description and checks that the DID that it names has signed it. Whether that DID
 * is trusted is the caller's question.
 * @throws XError INPUT_MALFORMED where it is none, SIGNATURE_INVALID.
 */
export function decodeRuntime(bytes: Uint8Array, where: string): RuntimeDescription {
  const [line = '', signature = '', ...rest] = Buffer.from(bytes).toString('utf8').split('\n');
  const fields = parse(line, where);
  const wrong = Object.entries(FIELDS)
    .filter(([name, isSound]) => !isSound(fields[name]))
    .map(([name]) => name);
  if (wrong.length > 0) throw malformed(where, `wrong are its fields ${wrong.join(', ')}`);
  const description = fields as unknown as RuntimeDescription;
  const isFramed = /^[0-9a-f]{128}$/.test(signature) && rest.join('\n') === '';
  const isSigned =
    isFramed && isSignedBy(description.source, signedBytes(line), Buffer.from(signature, 'hex'));
  if (isSigned) return description;
  throw new XError('SIGNATURE_INVALID', `${where} is not signed by ${description.source}`, {
    hint: 'It was altered, or cut, on the way: have it exported again.',
  });
}

/** What tells a runtime from others; a folder's name. */
export function runtimeId({ version, platform, archive }: RuntimeDescription): string {
  return `${version}-${platform.replaceAll('/', '-')}-${archive.sha256.slice(0, 12)}`;
}

function parse(line: string, where: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw malformed(where, `it describes no runtime: ${messageOf(cause).slice(0, 80)}`, cause);
  }
  const fields = isObject(value) ? value : {};
  if (fields['type'] !== TYPE) throw malformed(where, 'it describes no runtime');
  if (fields['format'] !== FORMAT) {
    throw malformed(where, `it has format ${String(fields['format'])}; this x reads ${FORMAT}`);
  }
  return fields;
}

const FIELDS: Record<keyof RuntimeDescription, (value: unknown) => boolean> = {
  source: (value) => typeof value === 'string' && isDid(value),
  createdAt: (value) => parseTime(value) !== undefined,
  version: (value) => isText(value, /^[0-9]+\.[0-9]+\.[0-9]+[0-9A-Za-z.-]{0,40}$/),
  platform: (value) => isText(value, /^[a-z]{1,16}\/[a-z0-9]{1,16}(\/[a-z]{1,16})?$/),
  node: (value) => isText(value, /^v[0-9.]{1,20}$/),
  sums: isSha256,
  archive: (value) =>
    isObject(value) &&
    isText(value['name'], /^[A-Za-z0-9][A-Za-z0-9._-]{0,120}$/) &&
    Number.isSafeInteger(value['lengthBytes']) &&
    Number(value['lengthBytes']) > 0 &&
    isSha256(value['sha256']),
};

function isSha256(value: unknown): boolean {
  return typeof value === 'string' && isDigest('sha256', value);
}

function isText(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function signedBytes(line: string): Uint8Array {
  return Buffer.from(SIGNED_PREFIX + line);
}

function malformed(where: string, what: string, cause?: unknown): XError {
  return new XError('INPUT_MALFORMED', `${where}: ${what}`, {
    hint: 'A runtime is what `x export NAME --to DIR --with-runtime` writes.',
    cause,
  });
}
