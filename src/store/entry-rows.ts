import type { BundleEntry, EntryKind } from '../domain/bundle.js';
import type { EcosystemName, JsonObject, ProofKind } from '../domain/plan.js';
import { key } from './blob-rows.js';

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

/** Rows come from `entryValues` alone, so their words and JSON are what the manifest had. */
export function entryOf(row: EntryRow): BundleEntry {
  return {
    path: row.path,
    lengthBytes: row.length,
    sha256: row.sha256.toString('hex'),
    ...(row.sha512 === null ? {} : { sha512: row.sha512.toString('hex') }),
    pieceRoot: row.piece_root.toString('hex'),
    kind: row.kind as EntryKind,
    ...(row.ecosystem === null ? {} : { ecosystem: row.ecosystem as EcosystemName }),
    ...(row.name === null ? {} : { name: row.name }),
    ...(row.version === null ? {} : { version: row.version }),
    ...(row.purl === null ? {} : { purl: row.purl }),
    proof: row.proof as ProofKind,
    requires: JSON.parse(row.requires) as string[],
    targets: JSON.parse(row.targets) as string[],
    private: row.private === 1,
    ...(row.detail === null ? {} : { detail: JSON.parse(row.detail) as JsonObject }),
  };
}
