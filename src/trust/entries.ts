import { isSafePath, type BundleEntry, type EntryKind } from '../domain/bundle.js';
import { BOUNDS } from '../domain/bounds.js';
import { isDigest, sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import {
  ECOSYSTEM_NAMES,
  type JsonObject,
  type JsonValue,
  type ProofKind,
} from '../domain/plan.js';
import { pieceCount, treeRoot } from '../domain/piece.js';

const EMPTY_SHA256 = sha256('');
const EMPTY_ROOT = Buffer.from(treeRoot([])).toString('hex');
const KINDS: readonly EntryKind[] = ['package', 'index', 'proof', 'input'];
const PROOFS: readonly ProofKind[] = [
  'debian-release',
  'npm-provenance',
  'npm-signature',
  'pep740',
  'index-hash',
  'none',
];

/** An entry as a TUF target: `length`, `hashes`, and everything else in `custom.x`. */
export function targetOfEntry(entry: BundleEntry): JsonObject {
  const { path: _path, lengthBytes, sha256, sha512, detail, ...rest } = entry;
  return {
    length: lengthBytes,
    hashes: sha512 === undefined ? { sha256 } : { sha256, sha512 },
    custom: { x: { ...rest, detail } as unknown as JsonObject },
  };
}

/**
 * Reads a TUF target back, field by field; what it does not know it leaves out.
 * @throws XError METADATA_INVALID naming the path and the field.
 */
export function entryOfTarget(path: string, target: JsonObject): BundleEntry {
  const hashes = objectOf(target['hashes']);
  const fields = objectOf(objectOf(target['custom'])['x']);
  const read = new FieldReader(path, fields);
  const entry: BundleEntry = {
    path,
    lengthBytes: typeof target['length'] === 'number' ? target['length'] : -1,
    sha256: typeof hashes['sha256'] === 'string' ? hashes['sha256'] : '',
    pieceRoot: read.string('pieceRoot'),
    kind: read.oneOf('kind', KINDS),
    proof: read.oneOf('proof', PROOFS),
    requires: read.strings('requires'),
    targets: read.strings('targets'),
    private: read.boolean('private'),
  };
  if (hashes['sha512'] !== undefined) entry.sha512 = String(hashes['sha512']);
  if (fields['ecosystem'] !== undefined) entry.ecosystem = read.oneOf('ecosystem', ECOSYSTEM_NAMES);
  for (const name of ['name', 'version', 'purl'] as const) {
    if (fields[name] !== undefined) entry[name] = read.string(name);
  }
  if (fields['detail'] !== undefined) entry.detail = read.object('detail');
  const wrong = wrongField(entry);
  if (wrong !== undefined) throw invalid(path, wrong);
  return entry;
}

function objectOf(value: JsonValue | undefined): JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
}

/**
 * The entries of one bundle, checked one by one and against each other, in path order.
 * @throws XError METADATA_INVALID, LIMIT_EXCEEDED.
 */
export function orderEntries(entries: readonly BundleEntry[]): BundleEntry[] {
  for (const entry of entries) {
    const wrong = wrongField(entry);
    if (wrong !== undefined) throw invalid(entry.path, wrong);
  }
  return arrangeEntries(entries);
}

/**
 * Entries that are sound one by one, checked against each other, in path order.
 * @throws XError METADATA_INVALID, LIMIT_EXCEEDED.
 */
export function arrangeEntries(entries: readonly BundleEntry[]): BundleEntry[] {
  if (entries.length > BOUNDS.manifestEntries) {
    throw new XError(
      'LIMIT_EXCEEDED',
      `a bundle of ${entries.length} entries; at most ${BOUNDS.manifestEntries} fit`,
      { hint: 'Split the requirements into several bundles.' },
    );
  }
  const ordered = sortedByPath(entries);
  const spellings = new Map<string, string>();
  const bySha256 = new Map<string, BundleEntry>();
  let pieces = 0;
  for (const entry of ordered) {
    const spelling = foldPath(entry.path);
    const other = spellings.get(spelling);
    if (other !== undefined) {
      throw invalid(entry.path, `the path, which ${other} also takes on some file systems`);
    }
    spellings.set(spelling, entry.path);
    const twin = bySha256.get(entry.sha256);
    if (twin && !isSameBlob(twin, entry)) {
      throw invalid(entry.path, `the length or piece root: ${twin.path} gives its digest others`);
    }
    if (twin === undefined) pieces += pieceCount(entry.lengthBytes);
    // Here and not only where they travel: what was accepted stays, and would end every later pull.
    if (pieces > BOUNDS.leaves) throw tooManyPieces();
    bySha256.set(entry.sha256, entry);
  }
  const folders = new Set<string>();
  for (const spelling of spellings.keys()) {
    const file = takenFolder(spelling, spellings, folders);
    if (file !== undefined) {
      throw invalid(spellings.get(spelling) ?? '', `the path: ${file} is a file`);
    }
  }
  return ordered;
}

/** As comparePaths; of ASCII alone the order of units is that of bytes. */
function sortedByPath(entries: readonly BundleEntry[]): BundleEntry[] {
  if (entries.every(({ path }) => isAscii(path))) {
    return [...entries].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  }
  // Each path is encoded once: it is compared some twenty times.
  return entries
    .map((entry) => ({ entry, path: Buffer.from(entry.path) }))
    .sort((a, b) => Buffer.compare(a.path, b.path))
    .map(({ entry }) => entry);
}

function isAscii(text: string): boolean {
  return !/[^\u0000-\u007f]/.test(text);
}

function tooManyPieces(): XError {
  return new XError('LIMIT_EXCEEDED', `a bundle of over ${BOUNDS.leaves} pieces`, {
    hint: 'Split the requirements into several bundles.',
  });
}

/** One spelling for all paths that a case-insensitive or normalising file system holds to be the same. */
export function foldPath(path: string): string {
  return isAscii(path) ? path.toLowerCase() : path.normalize('NFC').toLowerCase();
}

/** @param free folders that were seen to be no file, with all above them; added to. */
function takenFolder(
  spelling: string,
  spellings: ReadonlyMap<string, string>,
  free: Set<string>,
): string | undefined {
  for (let at = spelling.lastIndexOf('/'); at > 0; at = spelling.lastIndexOf('/', at - 1)) {
    const folder = spelling.slice(0, at);
    if (free.has(folder)) return undefined;
    const file = spellings.get(folder);
    if (file !== undefined) return file;
    free.add(folder);
  }
  return undefined;
}

function isSameBlob(a: BundleEntry, b: BundleEntry): boolean {
  return a.lengthBytes === b.lengthBytes && a.pieceRoot === b.pieceRoot;
}

/** Which field of an entry cannot be, for the error; undefined where all are sound. */
function wrongField(entry: BundleEntry): string | undefined {
  if (!isSafePath(entry.path)) return 'the path';
  const { lengthBytes } = entry;
  if (!Number.isSafeInteger(lengthBytes) || lengthBytes < 0) return 'the length';
  if (lengthBytes > BOUNDS.artifactBytes) return 'the length, beyond any artifact’s bound';
  if (!isDigest('sha256', entry.sha256)) return 'sha256';
  if (entry.sha512 !== undefined && !isDigest('sha512', entry.sha512)) return 'sha512';
  if (!isDigest('sha256', entry.pieceRoot)) return 'pieceRoot';
  const ofEmpty = lengthBytes === 0 ? wrongFieldOfEmpty(entry) : undefined;
  if (ofEmpty !== undefined) return ofEmpty;
  if (entry.kind !== 'input' && entry.ecosystem === undefined) return 'ecosystem';
  if (entry.kind === 'package' && (entry.purl === undefined || entry.name === undefined)) {
    return 'purl or name';
  }
  const texts = [entry.name, entry.version, entry.purl, ...entry.requires, ...entry.targets];
  if (texts.some((text) => text !== undefined && !isPlainText(text))) {
    return 'a text that is empty, too long or holds control characters';
  }
  if (entry.detail !== undefined && !isSignable(entry.detail, BOUNDS.detailNesting)) {
    return 'detail (too deep, or a number that is no whole one)';
  }
  return undefined;
}

/** No bytes have one digest and one root; nobody could ever deliver them under others. */
function wrongFieldOfEmpty(entry: BundleEntry): string | undefined {
  if (entry.sha256 !== EMPTY_SHA256) return 'sha256: it has no bytes';
  return entry.pieceRoot === EMPTY_ROOT ? undefined : 'pieceRoot: it has no bytes';
}

function isPlainText(text: string): boolean {
  return text !== '' && text.length <= BOUNDS.entryTextChars && !/[\u0000-\u001f\u007f]/.test(text);
}

/** Canonical JSON has whole numbers only. */
function isSignable(value: JsonValue, depth: number): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  if (typeof value !== 'object' || value === null) return value !== undefined;
  return depth > 0 && Object.values(value).every((inner) => isSignable(inner, depth - 1));
}

function invalid(path: string, what: string): XError {
  return new XError('METADATA_INVALID', `entry ${JSON.stringify(path)}: wrong is ${what}`);
}

/** Reads typed fields of one target's `custom.x`. */
class FieldReader {
  constructor(
    readonly path: string,
    readonly fields: Record<string, unknown>,
  ) {}

  string(name: string): string {
    const value = this.fields[name];
    if (typeof value !== 'string') throw invalid(this.path, name);
    return value;
  }

  strings(name: string): string[] {
    const value = this.fields[name];
    const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
    if (!isList) throw invalid(this.path, name);
    return value;
  }

  boolean(name: string): boolean {
    const value = this.fields[name];
    if (typeof value !== 'boolean') throw invalid(this.path, name);
    return value;
  }

  object(name: string): JsonObject {
    const value = this.fields[name];
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw invalid(this.path, name);
    }
    return value as JsonObject;
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T {
    const value = this.fields[name];
    const found = allowed.find((item) => item === value);
    if (found === undefined) throw invalid(this.path, name);
    return found;
  }
}
