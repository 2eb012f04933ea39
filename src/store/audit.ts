import type Database from 'better-sqlite3';
import type { Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { AuditResult, PartialBlob } from '../ports/store.js';
import type { BlobReader } from './blob-reader.js';
import { key } from './blob-rows.js';
import type { StoreContext } from './context.js';
import { stampOf, type FileStamp } from './file-stamp.js';
import { hasBit } from './partial-rows.js';
import { PIECE_SIZE_BYTES, pieceCount, pieceLengthBytes } from '../domain/piece.js';

interface StampedBlob {
  sha256: Buffer;
  length: number;
  stamp: string | null;
}

interface StampedPack {
  number: number;
  stamp: string | null;
}

/** How many rows are read, and files looked at, before the event loop gets a turn. */
const PAGE_ROWS = 500;

/** Compares files with what they were when their bytes were last known, and re-reads those that differ. */
export class Audit {
  readonly #context: StoreContext;
  readonly #reader: BlobReader;
  readonly #partialOf: (sha256: Sha256) => PartialBlob | undefined;
  readonly #signal: AbortSignal | undefined;
  readonly #files: Database.Statement<[Buffer], StampedBlob>;
  readonly #packs: Database.Statement<[], StampedPack>;
  readonly #inPack: Database.Statement<[number, Buffer], StampedBlob>;
  readonly #stampFile: Database.Statement<[string, Buffer]>;
  readonly #stampPack: Database.Statement<[string, number]>;
  readonly #result: AuditResult = { rereadBytes: 0, damaged: [] };

  constructor(
    context: StoreContext,
    reader: BlobReader,
    partialOf: (sha256: Sha256) => PartialBlob | undefined,
    signal: AbortSignal | undefined,
  ) {
    const { sql } = context.db;
    this.#context = context;
    this.#reader = reader;
    this.#partialOf = partialOf;
    this.#signal = signal;
    const page = `ORDER BY sha256 LIMIT ${String(PAGE_ROWS)}`;
    this.#files = sql.prepare(
      `SELECT sha256, length, stamp FROM blobs WHERE pack IS NULL AND sha256 > ? ${page}`,
    );
    this.#packs = sql.prepare('SELECT number, stamp FROM packs ORDER BY number');
    this.#inPack = sql.prepare(
      `SELECT sha256, length, stamp FROM blobs WHERE pack = ? AND sha256 > ? ${page}`,
    );
    this.#stampFile = sql.prepare('UPDATE blobs SET stamp = ? WHERE sha256 = ? AND pack IS NULL');
    this.#stampPack = sql.prepare('UPDATE packs SET stamp = ? WHERE number = ?');
  }

  /** @see Store.audit */
  async run(): Promise<AuditResult> {
    await this.#auditFiles();
    await this.#auditPacks();
    await this.#auditPartials();
    return this.#result;
  }

  async #auditFiles(): Promise<void> {
    for await (const { sha256, length, stamp } of this.#pages((last) => this.#files.all(last))) {
      const name = sha256.toString('hex');
      const now = stampOf(this.#context.layout.blob(name));
      if (now === stamp) continue;
      if (await this.#isSound(name, length)) {
        await this.#settle(now, (fresh) => this.#stampFile.run(fresh, sha256));
      }
    }
  }

  async #auditPacks(): Promise<void> {
    const { db, layout } = this.#context;
    for (const { number, stamp } of db.read(() => this.#packs.all())) {
      const now = stampOf(layout.pack(number));
      if (now === stamp) continue;
      const blobs = this.#pages((last) => this.#inPack.all(number, last));
      for await (const { sha256, length } of blobs) {
        await this.#isSound(sha256.toString('hex'), length);
      }
      await this.#settle(now, (fresh) => this.#stampPack.run(fresh, number));
    }
  }

  async #auditPartials(): Promise<void> {
    const { layout, partials } = this.#context;
    const memory = Buffer.allocUnsafeSlow(PIECE_SIZE_BYTES);
    for (const { sha256 } of partials.all()) {
      this.#signal?.throwIfAborted();
      const row = partials.get(sha256);
      const now = stampOf(layout.partial(sha256));
      if (row === undefined || now === row.stamp) continue;
      const blob = this.#partialOf(sha256);
      for (let piece = 0; piece < pieceCount(row.lengthBytes); piece += 1) {
        if (!hasBit(row.held, piece) || blob?.holds(piece) !== true) continue;
        this.#result.rereadBytes += pieceLengthBytes(row.lengthBytes, piece);
        if (!(await isReadable(blob, piece, memory))) this.#result.damaged.push({ sha256, piece });
      }
      await this.#settle(now, (fresh) => partials.setStamp(sha256, fresh));
    }
  }

  /** A blob that is not is dropped by the reader, which says so. */
  async #isSound(sha256: Sha256, lengthBytes: number): Promise<boolean> {
    this.#signal?.throwIfAborted();
    this.#result.rereadBytes += lengthBytes;
    const sound = await this.#reader.verify(sha256);
    if (!sound) this.#result.damaged.push({ sha256, piece: undefined });
    return sound;
  }

  /** Remembers the stamp from before the reading: a later change shows at the next audit. */
  async #settle(stamp: FileStamp | undefined, write: (stamp: FileStamp) => void): Promise<void> {
    if (stamp === undefined) return;
    await this.#context.db.write(() => write(stamp));
  }

  /** Rows may go while they are looked at: each page begins behind the last one's end. */
  async *#pages(read: (last: Buffer) => StampedBlob[]): AsyncGenerator<StampedBlob> {
    let last = key('');
    for (;;) {
      const from = last;
      const page = this.#context.db.read(() => read(from));
      yield* page;
      const end = page.at(-1);
      if (end === undefined) return;
      last = end.sha256;
      await new Promise(setImmediate);
      this.#signal?.throwIfAborted();
    }
  }
}

async function isReadable(blob: PartialBlob, piece: number, into: Uint8Array): Promise<boolean> {
  try {
    await blob.read(piece, into);
    return true;
  } catch (error) {
    if (error instanceof XError && error.code === 'STORE_DAMAGED') return false;
    throw error;
  }
}
