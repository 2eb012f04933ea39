import type Database from 'better-sqlite3';
import type { Did } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';
import type { ExportLog, Recipient, Requester } from '../ports/export-log.js';
import { key } from './blob-rows.js';
import type { CatalogDatabase } from './database.js';

/** Requesters and what was exported to whom, in the catalog's database. */
export class SqliteExportLog implements ExportLog {
  readonly #db: CatalogDatabase;
  readonly #requester: Database.Statement<[Did], Requester>;
  readonly #noteRequest: Database.Statement<[Did, string, string, string]>;
  readonly #recipients: Database.Statement<[], Recipient>;
  readonly #sentTo: Database.Statement<[string], Buffer>;
  readonly #noteSent: Database.Statement<[string, Buffer, string]>;
  readonly #forgetSent: Database.Statement<[string]>;

  constructor(db: CatalogDatabase) {
    this.#db = db;
    const { sql } = db;
    this.#requester = sql.prepare(
      `SELECT did, first_seen AS firstSeen, how, newest_request_at AS newestRequestAt
       FROM requesters WHERE did = ?`,
    );
    this.#noteRequest = sql.prepare(
      `INSERT INTO requesters (did, first_seen, how, newest_request_at) VALUES (?, ?, ?, ?)
       ON CONFLICT (did) DO UPDATE SET
       newest_request_at = max(newest_request_at, excluded.newest_request_at)`,
    );
    this.#recipients = sql.prepare(
      `SELECT recipient AS name, count(*) AS files, max(sent_at) AS lastAt
       FROM exported GROUP BY recipient ORDER BY recipient`,
    );
    this.#sentTo = sql
      .prepare<[string], Buffer>('SELECT sha256 FROM exported WHERE recipient = ?')
      .pluck();
    this.#noteSent = sql.prepare(
      `INSERT INTO exported (recipient, sha256, sent_at) VALUES (?, ?, ?)
       ON CONFLICT (recipient, sha256) DO UPDATE SET sent_at = excluded.sent_at`,
    );
    this.#forgetSent = sql.prepare('DELETE FROM exported WHERE recipient = ?');
  }

  requester(did: Did): Requester | undefined {
    return this.#db.read(() => this.#requester.get(did));
  }

  noteRequest(did: Did, how: string, requestAt: string, now: string): void {
    this.#db.writeNow(() => this.#noteRequest.run(did, now, how, requestAt));
  }

  recipients(): Recipient[] {
    return this.#db.read(() => this.#recipients.all());
  }

  sentTo(recipient: string): ReadonlySet<Sha256> {
    const rows = this.#db.read(() => this.#sentTo.all(recipient));
    return new Set(rows.map((digest) => digest.toString('hex')));
  }

  noteSent(recipient: string, digests: readonly Sha256[], now: string): void {
    this.#db.writeNow(() => {
      for (const digest of digests) this.#noteSent.run(recipient, key(digest), now);
    });
  }

  forgetSent(recipient: string): void {
    this.#db.writeNow(() => this.#forgetSent.run(recipient));
  }
}
