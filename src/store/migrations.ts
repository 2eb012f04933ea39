import type Database from 'better-sqlite3';
import { XError } from '../domain/errors.js';

/**
 * The catalog's schema, a step a version. A step that has been released is never edited; a change is
 * a new one. Digests are raw bytes; JSON columns are arrays or objects as the manifest has them.
 */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE blobs (
    sha256 BLOB PRIMARY KEY,
    sha512 BLOB NOT NULL,
    length INTEGER NOT NULL,
    root BLOB NOT NULL,
    -- Both null: a file of its own.
    pack INTEGER,
    offset INTEGER
  ) WITHOUT ROWID;
  CREATE INDEX blobs_by_sha512 ON blobs (sha512);
  CREATE INDEX blobs_by_pack ON blobs (pack) WHERE pack IS NOT NULL;

  -- Leaf hashes, 32 bytes each, of blobs and partials of more than one piece.
  CREATE TABLE trees (sha256 BLOB UNIQUE NOT NULL, leaves BLOB NOT NULL);

  -- A pack is appended to by its writer alone; null: free for the next, unless it is full.
  CREATE TABLE packs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    writer TEXT,
    full INTEGER NOT NULL DEFAULT 0
  );

  -- held: a bit a piece, lowest bit first.
  CREATE TABLE partials (
    sha256 BLOB PRIMARY KEY,
    length INTEGER NOT NULL,
    root BLOB NOT NULL,
    held BLOB NOT NULL
  ) WITHOUT ROWID;

  -- The first durable bytes of a download's file are on disk for certain; its writer, if any, is
  -- at it now.
  CREATE TABLE downloads (
    name TEXT PRIMARY KEY,
    durable INTEGER NOT NULL,
    writer TEXT,
    updated_at INTEGER NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE bundles (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT UNIQUE NOT NULL,
    name TEXT NOT NULL,
    source TEXT NOT NULL,
    role TEXT NOT NULL,
    version INTEGER NOT NULL,
    manifest_digest TEXT NOT NULL,
    signed_at TEXT NOT NULL,
    expires_at TEXT NOT NULL,
    grace_days INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    bytes INTEGER NOT NULL
  );
  CREATE TABLE metadata (
    bundle INTEGER NOT NULL REFERENCES bundles ON DELETE CASCADE,
    file TEXT NOT NULL,
    bytes BLOB NOT NULL,
    UNIQUE (bundle, file)
  );
  CREATE TABLE entries (
    bundle INTEGER NOT NULL REFERENCES bundles ON DELETE CASCADE,
    path TEXT NOT NULL,
    length INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    sha512 BLOB,
    piece_root BLOB NOT NULL,
    kind TEXT NOT NULL,
    ecosystem TEXT,
    name TEXT,
    version TEXT,
    purl TEXT,
    proof TEXT NOT NULL,
    requires TEXT NOT NULL,
    targets TEXT NOT NULL,
    private INTEGER NOT NULL,
    detail TEXT,
    PRIMARY KEY (bundle, path)
  ) WITHOUT ROWID;
  CREATE INDEX entries_by_name ON entries (ecosystem, name, kind);
  CREATE INDEX entries_by_sha256 ON entries (sha256);

  CREATE TABLE pins (did TEXT PRIMARY KEY, first_seen TEXT NOT NULL, how TEXT NOT NULL);
  CREATE TABLE settings (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  `,
  `
  -- A file's size and times when its bytes were last known to be right; null: they have to be read.
  ALTER TABLE blobs ADD COLUMN stamp TEXT;
  ALTER TABLE packs ADD COLUMN stamp TEXT;
  ALTER TABLE partials ADD COLUMN stamp TEXT;

  -- What was held, rotted, and has not come again.
  CREATE TABLE damaged (sha256 BLOB PRIMARY KEY, reason TEXT NOT NULL) WITHOUT ROWID;
  `,
  `
  -- Machines whose request files are answered.
  CREATE TABLE requesters (
    did TEXT PRIMARY KEY,
    first_seen TEXT NOT NULL,
    how TEXT NOT NULL,
    newest_request_at TEXT NOT NULL
  ) WITHOUT ROWID;

  -- What was exported to whom: a requester's DID, or a name that the user gave.
  CREATE TABLE exported (
    recipient TEXT NOT NULL,
    sha256 BLOB NOT NULL,
    sent_at TEXT NOT NULL,
    PRIMARY KEY (recipient, sha256)
  ) WITHOUT ROWID;
  `,
  `
  -- What native clients asked for and no bundle has.
  CREATE TABLE wishes (
    ecosystem TEXT NOT NULL,
    name TEXT NOT NULL,
    times INTEGER NOT NULL,
    first_at TEXT NOT NULL,
    last_at TEXT NOT NULL,
    PRIMARY KEY (ecosystem, name)
  ) WITHOUT ROWID;
  `,
  `
  -- Nodes of the public swarm that were heard of; hearsay for the next life of the process.
  CREATE TABLE nodes (
    did TEXT PRIMARY KEY,
    addresses TEXT NOT NULL,
    address_group TEXT NOT NULL,
    kind TEXT NOT NULL,
    free_bytes INTEGER NOT NULL,
    load REAL NOT NULL,
    first_heard_at INTEGER NOT NULL,
    heard_at INTEGER NOT NULL,
    answered_at INTEGER NOT NULL,
    round_trip_ms REAL NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX nodes_by_heard_at ON nodes (heard_at);

  -- What this machine itself saw of them.
  CREATE TABLE scores (
    did TEXT PRIMARY KEY,
    served_bytes REAL NOT NULL,
    received_bytes REAL NOT NULL,
    uptime_ms REAL NOT NULL,
    successes REAL NOT NULL,
    failures REAL NOT NULL,
    lies INTEGER NOT NULL,
    shunned_until INTEGER NOT NULL,
    first_seen_at INTEGER NOT NULL,
    at INTEGER NOT NULL
  ) WITHOUT ROWID;
  `,
  `
  -- Package files elsewhere on this machine, read where they lie. leaves: null for one piece or none.
  CREATE TABLE marked (
    path TEXT UNIQUE NOT NULL,
    ecosystem TEXT NOT NULL,
    stamp TEXT NOT NULL,
    length INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    sha512 BLOB,
    root BLOB NOT NULL,
    leaves BLOB
  );
  CREATE INDEX marked_by_sha256 ON marked (sha256);
  CREATE INDEX marked_by_sha512 ON marked (sha512) WHERE sha512 IS NOT NULL;
  `,
  `
  -- Artifacts that may be named to strangers, beside those that bundles name: a public index named them.
  CREATE TABLE public_digests (sha256 BLOB PRIMARY KEY, sha512 BLOB) WITHOUT ROWID;
  CREATE INDEX public_digests_by_sha512 ON public_digests (sha512) WHERE sha512 IS NOT NULL;

  -- Without private ones: whoever looks for one finds as little as for what is not there.
  CREATE INDEX entries_public ON entries (sha256, sha512) WHERE private = 0 AND kind = 'package';
  CREATE INDEX entries_public_by_sha512 ON entries (sha512, sha256)
    WHERE private = 0 AND kind = 'package' AND sha512 IS NOT NULL;
  `,
  `
  -- As whom this machine told the public swarm what it holds, and of which places when.
  CREATE TABLE told_words (
    number INTEGER PRIMARY KEY,
    network TEXT NOT NULL,
    did TEXT NOT NULL,
    kind TEXT NOT NULL,
    addresses TEXT NOT NULL,
    UNIQUE (network, did, kind, addresses)
  );
  CREATE TABLE told_places (
    place BLOB PRIMARY KEY,
    word INTEGER NOT NULL REFERENCES told_words,
    recorded_at INTEGER NOT NULL,
    provided_at INTEGER NOT NULL,
    copies INTEGER NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX told_places_by_word ON told_places (word);
  `,
];

/**
 * Brings a catalog to this version's schema.
 * @throws XError RUNTIME_UNSUITED where a newer x wrote it.
 */
export function migrate(sql: Database.Database, path: string): void {
  if (versionOf(sql) === MIGRATIONS.length) return;
  sql
    .transaction(() => {
      // Read again inside: another process may have been first.
      const version = versionOf(sql);
      if (version > MIGRATIONS.length) {
        throw new XError(
          'RUNTIME_UNSUITED',
          `${path} has schema ${String(version)}; this x knows ${String(MIGRATIONS.length)}`,
          { hint: 'A newer x made it: use that one, or another data folder.' },
        );
      }
      for (const step of MIGRATIONS.slice(version)) sql.exec(step);
      sql.pragma(`user_version = ${String(MIGRATIONS.length)}`);
    })
    .immediate();
}

function versionOf(sql: Database.Database): number {
  return Number(sql.pragma('user_version', { simple: true }));
}
