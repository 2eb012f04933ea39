import { BOUNDS } from '../domain/bounds.js';
import { isBundleName, type Did } from '../domain/bundle.js';
import { isDigest, sha256, type Sha256 } from '../domain/digest.js';
import { messageOf, XError } from '../domain/errors.js';
import { decodeHeldSet, encodeHeldSet } from '../domain/held-set.js';
import { ECOSYSTEM_NAMES, type JsonObject } from '../domain/plan.js';
import type { MachineRequest, TargetSections, Wished } from '../domain/request.js';
import { isDid } from './did.js';
import { isSignedBy } from './did-signature.js';
import type { Identity } from './identity.js';
import { parseTime } from './time.js';

const TYPE = 'x-request';
export const REQUEST_FORMAT = 1;

/** What the signature is over begins with this, so that it serves as no other kind of signature. */
const SIGNED_PREFIX = 'x-request 1\n';

const NEWLINE = 0x0a;
const SIGNATURE_CHARS = 128;

export interface RequestContent {
  createdAt: string;
  target: string;
  sections: TargetSections;
  bundles: MachineRequest['bundles'];
  held: Iterable<Sha256>;
  wishes: readonly Wished[];
  /** Of the held set. */
  salt: Uint8Array;
}

/**
 * A request file: a line of JSON, a line with its signature in hex, then the held set, whose
 * digest is in the JSON. The same bytes for the same content and key.
 * @throws XError LIMIT_EXCEEDED where no source would read it.
 */
export function encodeRequest(content: RequestContent, identity: Identity): Uint8Array {
  const { createdAt, target, sections, bundles } = content;
  const { bytes, ...held } = encodeHeldSet(content.held, content.salt);
  const header = {
    type: TYPE,
    format: REQUEST_FORMAT,
    requester: identity.did,
    createdAt,
    target,
    ecosystems: sections,
    bundles,
    wishes: content.wishes.map(({ ecosystem, name }) => ({ ecosystem, name })),
    held: { ...held, lengthBytes: bytes.length, sha256: sha256(bytes) },
  };
  const line = Buffer.from(JSON.stringify(header));
  if (line.length > BOUNDS.requestHeaderBytes || bytes.length > BOUNDS.requestHeldBytes) {
    throw new XError(
      'LIMIT_EXCEEDED',
      `a request of ${line.length} bytes about the machine and ${bytes.length} about what it holds is more than a source reads`,
    );
  }
  const signature = Buffer.from(identity.sign(signedBytes(line))).toString('hex');
  return Buffer.concat([line, Buffer.from(`\n${signature}\n`), bytes]);
}

/**
 * Reads a request file and checks that it is whole and signed by the DID that it names. Whether that
 * DID is known is the caller's question.
 * @throws XError INPUT_MALFORMED where it is none, SIGNATURE_INVALID, LIMIT_EXCEEDED.
 */
export function decodeRequest(bytes: Uint8Array, where: string): MachineRequest {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = buffer.subarray(0, BOUNDS.requestHeaderBytes + 1).indexOf(NEWLINE);
  if (end < 0) throw malformed(where, 'it is no request file');
  const line = buffer.subarray(0, end);
  const header = parseHeader(line, where);
  const signature = buffer.subarray(end + 1, end + 1 + SIGNATURE_CHARS).toString('latin1');
  const isFramed =
    /^[0-9a-f]{128}$/.test(signature) && buffer[end + 1 + SIGNATURE_CHARS] === NEWLINE;
  if (!isFramed) throw malformed(where, 'its second line is no signature');
  if (!isSignedBy(header.requester, signedBytes(line), Buffer.from(signature, 'hex'))) {
    throw new XError('SIGNATURE_INVALID', `${where} is not signed by ${header.requester}`, {
      hint: 'It was altered on the way, or cut: make it again with x request.',
    });
  }
  const heldBytes = buffer.subarray(end + 2 + SIGNATURE_CHARS);
  const { sha256: digest, lengthBytes, ...encoded } = header.held;
  if (heldBytes.length !== lengthBytes || sha256(heldBytes) !== digest) {
    throw new XError(
      'SIGNATURE_INVALID',
      `${where}: what it says it holds is not what was signed`,
      {
        hint: 'It was cut or damaged on the way: copy it again.',
      },
    );
  }
  const held = decodeHeldSet({ ...encoded, bytes: heldBytes });
  if (held === undefined) throw malformed(where, 'what it says it holds is no set of digests');
  const { requester, createdAt, target, ecosystems, bundles, wishes = [] } = header;
  return { requester, createdAt, target, sections: ecosystems, bundles, held, wishes };
}

interface Header {
  requester: Did;
  createdAt: string;
  target: string;
  ecosystems: TargetSections;
  bundles: MachineRequest['bundles'];
  /** Missing in files of before there were any. */
  wishes?: Wished[] | undefined;
  held: { salt: string; count: number; riceBits: number; lengthBytes: number; sha256: Sha256 };
}

function parseHeader(line: Buffer, where: string): Header {
  let value: unknown;
  try {
    value = JSON.parse(line.toString('utf8'));
  } catch (cause) {
    throw malformed(where, `it is no request file: ${messageOf(cause).slice(0, 80)}`, cause);
  }
  const fields = isObject(value) ? value : {};
  if (fields['type'] !== TYPE) throw malformed(where, 'it is no request file');
  if (fields['format'] !== REQUEST_FORMAT) {
    throw malformed(
      where,
      `it has format ${String(fields['format'])}; this x reads ${REQUEST_FORMAT}`,
    );
  }
  const wrong = Object.entries(FIELDS)
    .filter(([name, isSound]) => !isSound(fields[name]))
    .map(([name]) => name);
  if (wrong.length > 0) throw malformed(where, `wrong are its fields ${wrong.join(', ')}`);
  return fields as unknown as Header;
}

const FIELDS: Record<keyof Header, (value: unknown) => boolean> = {
  requester: (value) => typeof value === 'string' && isDid(value),
  createdAt: (value) => parseTime(value) !== undefined,
  target: isPlainText,
  ecosystems: (value) =>
    isObject(value) &&
    Object.entries(value).every(
      ([name, section]) => ECOSYSTEM_NAMES.some((known) => known === name) && isObject(section),
    ),
  bundles: (value) =>
    Array.isArray(value) && value.length <= BOUNDS.bundlesPerMaster && value.every(isBundle),
  wishes: (value) =>
    value === undefined ||
    (Array.isArray(value) && value.length <= BOUNDS.wishes && value.every(isWished)),
  held: (value) =>
    isObject(value) &&
    typeof value['salt'] === 'string' &&
    typeof value['sha256'] === 'string' &&
    isDigest('sha256', value['sha256']) &&
    ['count', 'riceBits', 'lengthBytes'].every((name) => Number.isSafeInteger(value[name])) &&
    Number(value['lengthBytes']) <= BOUNDS.requestHeldBytes,
};

function isBundle(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { name, source, version } = value;
  const isNamed = typeof name === 'string' && isBundleName(name);
  return isNamed && typeof source === 'string' && isDid(source) && Number.isSafeInteger(version);
}

function isWished(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { ecosystem, name } = value;
  const isNamed = isPlainText(name) && String(name).length <= BOUNDS.wishCharacters;
  return isNamed && ECOSYSTEM_NAMES.some((known) => known === ecosystem);
}

function isPlainText(value: unknown): boolean {
  return (
    typeof value === 'string' &&
    value !== '' &&
    value.length <= BOUNDS.entryTextChars &&
    !/[\u0000-\u001f\u007f-\u009f]/.test(value)
  );
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function signedBytes(line: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(SIGNED_PREFIX), line]);
}

function malformed(where: string, what: string, cause?: unknown): XError {
  return new XError('INPUT_MALFORMED', `${where}: ${what}`, {
    hint: 'A request file is what `x request -o FILE` writes on the isolated machine.',
    cause,
  });
}
