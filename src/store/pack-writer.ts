import { constants, fstatSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type Database from 'better-sqlite3';
import { BOUNDS } from '../domain/bounds.js';
import { lengthOf } from '../domain/piece.js';
import type { HashedBody } from './body-hasher.js';
import { asStoreError } from './disk-errors.js';
import { appendPast, type Appended } from './direct-append.js';
import { GroupQueue } from './group-queue.js';
import { syncFolder, writeAll } from './durable-file.js';
import { stampOfOpen, type FileStamp } from './file-stamp.js';
import { isHeldOnDisk, type StoreContext } from './context.js';
import { enter } from './placing.js';

/** What one flush takes at most. */
const GROUP_BYTES = 16 << 20;
/** What a row costs beside its bytes, so that a group of tiny blobs ends too. */
const ROW_BYTES = 4 << 10;

/** A group of so much goes past the page cache: less is not worth a write of whole blocks. */
const DIRECT_GROUP_BYTES = 1 << 20;

interface PendingBlob {
  body: HashedBody;
  bytes: Uint8Array;
}

interface OpenPack {
  number: number;
  file: FileHandle;
  endBytes: number;
  /** Undefined where somebody else touched the file: the next audit reads it. */
  stamp: FileStamp | undefined;
}

/**
 * Appends small blobs to this writer's own pack. Whatever waits while one flush is under way shares
 * the next: one write, one fdatasync, one transaction. Removing a blob leaves a hole in its pack; a
 * pack without blobs is deleted (see BlobRemover), others are not compacted.
 */
export class PackWriter {
  readonly #context: StoreContext;
  readonly #adopt: Database.Statement<[string], { number: number; stamp: string | null }>;
  readonly #create: Database.Statement<[string]>;
  readonly #release: Database.Statement<[number, number]>;
  readonly #stamp: Database.Statement<[string | null, number]>;
  readonly #queue: GroupQueue<PendingBlob>;
  #pack: OpenPack | undefined;

  constructor(context: StoreContext) {
    const { sql } = context.db;
    this.#context = context;
    this.#adopt = sql.prepare(
      `UPDATE packs SET writer = ? WHERE number =
         (SELECT number FROM packs WHERE writer IS NULL AND NOT full ORDER BY number DESC LIMIT 1)
       RETURNING number, stamp`,
    );
    this.#create = sql.prepare('INSERT INTO packs (writer) VALUES (?)');
    this.#queue = new GroupQueue({
      maxWeight: GROUP_BYTES,
      weigh: ({ bytes }) => bytes.length + ROW_BYTES,
      flush: (group) => this.#flush(group),
      failed: (error, group) => {
        const bytes = group.reduce((sum, blob) => sum + blob.bytes.length, 0);
        return asStoreError(error, context.layout.folder, bytes);
      },
    });
    this.#stamp = sql.prepare('UPDATE packs SET stamp = ? WHERE number = ?');
    this.#release = sql.prepare('UPDATE packs SET writer = NULL, full = ? WHERE number = ?');
  }

  /** Resolves when the bytes and their row are on disk, from here or since earlier. */
  append(body: HashedBody, bytes: Uint8Array): Promise<void> {
    return this.#queue.add({ body, bytes });
  }

  async close(): Promise<void> {
    await this.#queue.idle();
    await this.#letGo();
  }

  async #flush(waiting: readonly PendingBlob[]): Promise<void> {
    const group = this.#notHeld(waiting);
    if (group.length === 0) return;
    const pack = await this.#openPack();
    const bytes = group.map((blob) => blob.bytes);
    // After a write that failed half-way the pack ends later than its last blob: a hole.
    const end = fstatSync(pack.file.fd).size;
    const isUntouched = pack.stamp !== undefined && pack.stamp === stampOfOpen(pack.file);
    const appended = await this.#append(pack, bytes, end);
    pack.endBytes = appended.endBytes;
    await pack.file.datasync();
    pack.stamp = isUntouched ? stampOfOpen(pack.file) : undefined;
    const { number, stamp = null } = pack;
    await this.#context.db.write(() => {
      this.#stamp.run(stamp, number);
      let offset = appended.start;
      for (const { body } of group) {
        enter(this.#context, body, { pack: number, offset });
        offset += body.lengthBytes;
      }
    });
  }

  async #append(pack: OpenPack, bodies: readonly Uint8Array[], end: number): Promise<Appended> {
    const { direct, files, layout } = this.#context;
    const past =
      direct === undefined || lengthOf(bodies) < DIRECT_GROUP_BYTES
        ? undefined
        : await files.takePast(layout.pack(pack.number), direct);
    if (direct === undefined || past === undefined) {
      await writeAll(pack.file, bodies, end);
      return { start: end, endBytes: end + lengthOf(bodies) };
    }
    try {
      return await appendPast(direct, past.handle, pack.file, bodies, end);
    } finally {
      past.release();
    }
  }

  #notHeld(waiting: readonly PendingBlob[]): PendingBlob[] {
    const { db } = this.#context;
    return db.readTogether(() =>
      waiting.filter(({ body }) => !isHeldOnDisk(this.#context, body.sha256)),
    );
  }

  async #openPack(): Promise<OpenPack> {
    for (;;) {
      this.#pack ??= await this.#takePack();
      if (this.#pack.endBytes < BOUNDS.packFileBytes) return this.#pack;
      await this.#letGo();
    }
  }

  async #takePack(): Promise<OpenPack> {
    const { layout, db } = this.#context;
    const writer = this.#context.lease().id;
    const adopted = await db.write(() => this.#adopt.get(writer));
    const number =
      adopted?.number ?? (await db.write(() => Number(this.#create.run(writer).lastInsertRowid)));
    const file = await open(layout.pack(number), constants.O_WRONLY | constants.O_CREAT, 0o644);
    await syncFolder(layout.packs);
    // Past a dead writer's last row may lie bytes that no row names: they stay, as a hole.
    const stamp = adopted === undefined ? stampOfOpen(file) : (adopted.stamp ?? undefined);
    return { number, file, endBytes: (await file.stat()).size, stamp };
  }

  async #letGo(): Promise<void> {
    if (this.#pack === undefined) return;
    const { number, file, endBytes } = this.#pack;
    this.#pack = undefined;
    await file.close();
    const full = endBytes >= BOUNDS.packFileBytes ? 1 : 0;
    await this.#context.db.write(() => this.#release.run(full, number));
  }
}
