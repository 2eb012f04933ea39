import type { BundleEntry, EntryKind, PieceEntry } from '../domain/bundle.js';
import type { EcosystemName, JsonObject, ProofKind } from '../domain/plan.js';
import { key } from './blob-rows.js';
import { catalogDamaged } from './disk-errors.js';

/** A row of `entries`; better-sqlite3 gives null for what is not there. */
export interface EntryRow {
  bundle: number;
  path: string;
  length: number;
  sha256: Buffer;
  sha512: Buffer | null;
  piece_root: Buffer;
  kind: string;
  ecosystem: string | null;
  name: string | null;
  version: string | null;
  purl: string | null;
  proof: string;
  requires: string;
  targets: string;
  private: number;
  detail: string | null;
}

/** What of a row moving the entry takes. */
export type PieceRow = Pick<EntryRow, 'path' | 'length' | 'sha256' | 'sha512' | 'piece_root'>;

/** The columns in the order of `entryValues`. */
export const ENTRY_COLUMNS = [
  'bundle',
  'path',
  'length',
  'sha256',
  'sha512',
  'piece_root',
  'kind',
  'ecosystem',
  'name',
  'version',
  'purl',
  'proof',
  'requires',
  'targets',
  'private',
  'detail',
] as const;

export function entryValues(
  bundle: number,
  entry: BundleEntry,
): (string | number | Buffer | null)[] {
  return [
    bundle,
    entry.path,
    entry.lengthBytes,
    key(entry.sha256),
    entry.sha512 === undefined ? null : key(entry.sha512),
    key(entry.pieceRoot),
    entry.kind,
    entry.ecosystem ?? null,
    entry.name ?? null,
    entry.version ?? null,
    entry.purl ?? null,
    entry.proof,
    JSON.stringify(entry.requires),
    JSON.stringify(entry.targets),
    entry.private ? 1 : 0,
    entry.detail === undefined ? null : JSON.stringify(entry.detail),
  ];
}

/**
 * What `entryValues` wrote.
 * @throws XError STORE_DAMAGED where it wrote nothing of the kind: the file rotted.
 */
export function entryOf(row: EntryRow): BundleEntry {
  try {
    return {
      ...pieceEntryOf(row),
      kind: row.kind as EntryKind,
      ...(row.ecosystem === null ? {} : { ecosystem: row.ecosystem as EcosystemName }),
      ...(row.name === null ? {} : { name: row.name }),
      ...(row.version === null ? {} : { version: row.version }),
      ...(row.purl === null ? {} : { purl: row.purl }),
      proof: row.proof as ProofKind,
      requires: listOf(row.requires),
      targets: listOf(row.targets),
      private: row.private === 1,
      ...(row.detail === null ? {} : { detail: JSON.parse(row.detail) as JsonObject }),
    };
  } catch (thrown) {
    throw catalogDamaged(`the catalog's entry of ${row.path}`, thrown);
  }
}

/** @throws XError STORE_DAMAGED, as `entryOf`. */
export function pieceEntryOf(row: PieceRow): PieceEntry {
  try {
    return {
      path: row.path,
      lengthBytes: row.length,
      sha256: hex(row.sha256, 32),
      ...(row.sha512 === null ? {} : { sha512: hex(row.sha512, 64) }),
      pieceRoot: hex(row.piece_root, 32),
    };
  } catch (thrown) {
    throw catalogDamaged(`the catalog's entry of ${row.path}`, thrown);
  }
}

/** SQLite keeps whatever type is in the file, whatever the column's. */
function hex(bytes: Buffer, length: number): string {
  if (Buffer.isBuffer(bytes) && bytes.length === length) return bytes.toString('hex');
  throw new TypeError('no digest where one was');
}

function listOf(json: string): string[] {
  const list = JSON.parse(json) as unknown;
  if (Array.isArray(list)) return list as string[];
  throw new TypeError('no list where one was');
}
