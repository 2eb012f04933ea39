import { constants, fstatSync, lstatSync, type BigIntStats } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { sep } from 'node:path';
import { BOUNDS } from '../domain/bounds.js';
import { disagreements, type Sha256 } from '../domain/digest.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import { leafHash, PIECE_SIZE_BYTES, pieceLengthBytes, unpackLeaves } from '../domain/piece.js';
import type { Marked, MarkedFiles, MarkRequest, MarkVerdict } from '../ports/marked-files.js';
import type { StoredBlob } from '../ports/store.js';
import { storedBlob } from './blob-rows.js';
import { BodyHasher } from './body-hasher.js';
import type { CatalogDatabase } from './database.js';
import { readUpTo } from './durable-file.js';
import { MarkedRows, type MarkedRow } from './marked-rows.js';

/** A mark that is no longer true: it is forgotten by then. */
export interface LostMark {
  sha256: Sha256;
  path: string;
  reason: string;
}

const READ_BYTES = 1 << 20;
/** A link in its place is not followed, and a named pipe is not waited for. */
const FLAGS = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Why a file is not what it was when it was marked. */
class Changed extends Error {}

/** Marked files of local file systems. */
export class DiskMarkedFiles implements MarkedFiles {
  readonly #rows: MarkedRows;
  readonly #onLost: (lost: LostMark) => void;

  constructor(db: CatalogDatabase, onLost: (lost: LostMark) => void) {
    this.#rows = new MarkedRows(db);
    this.#onLost = onLost;
  }

  async mark(request: MarkRequest, signal?: AbortSignal): Promise<MarkVerdict> {
    const { path, withSha512 } = request;
    const known = this.#rows.get(path);
    const status = statusOf(path);
    if (
      known !== undefined &&
      status?.isFile() === true &&
      known.stamp === stampFrom(status) &&
      (known.sha512 !== undefined || !withSha512)
    ) {
      return { kind: 'marked', blob: storedBlob(known), isRead: false };
    }
    const verdict = await this.#read(request, signal);
    // What it was marked as it is not any more.
    if (verdict.kind !== 'marked' && known !== undefined) await this.#rows.delete([known]);
    return verdict;
  }

  stat(sha256: Sha256): StoredBlob | undefined {
    return firstThere(this.#rows.bySha256(sha256));
  }

  findBySha512(sha512: string): StoredBlob | undefined {
    return firstThere(this.#rows.bySha512(sha512));
  }

  leaves(sha256: Sha256): Uint8Array[] | undefined {
    const [row] = this.#rows.bySha256(sha256);
    return row && unpackLeaves(this.#rows.packedLeaves(row));
  }

  async *open(
    sha256: Sha256,
    range?: { start: number; end: number },
  ): AsyncGenerator<Uint8Array, undefined> {
    const rows = this.#rows.bySha256(sha256);
    const length = rows[0]?.lengthBytes ?? 0;
    const end = Math.min(length, range?.end ?? length);
    let at = Math.max(0, range?.start ?? 0);
    for (const row of rows) {
      try {
        for await (const bytes of this.#pieces(row, at, end)) {
          at += bytes.length;
          yield bytes;
        }
        return;
      } catch (error) {
        if (!(error instanceof Changed)) throw error;
        await this.#rows.delete([row]);
        this.#onLost({ sha256, path: row.path, reason: error.message });
      }
    }
    throw new XError('STORE_DAMAGED', `no marked file has the bytes of ${sha256} any more`, {
      hint: 'x scan looks again at what is there.',
    });
  }

  async forget(folder?: string): Promise<Marked> {
    return this.#forgetWhere((path) => folder === undefined || isBelow(path, folder));
  }

  async forgetMissing(folder: string): Promise<Marked> {
    return this.#forgetWhere((path) => {
      if (!isBelow(path, folder)) return false;
      try {
        return lstatSync(path, { throwIfNoEntry: false })?.isFile() !== true;
      } catch (error) {
        // A folder that may not be looked into says nothing of what is in it.
        if (['EACCES', 'EPERM'].includes(systemCodeOf(error) ?? '')) return false;
        if (systemCodeOf(error) === 'ENOTDIR') return true;
        throw error;
      }
    });
  }

  totals(): Marked {
    return this.#rows.totals();
  }

  changed(): Marked {
    const changed = { files: 0, bytes: 0 };
    for (const { path, stamp, lengthBytes } of this.#rows.all()) {
      const status = statusOf(path);
      if (status?.isFile() === true && stampFrom(status) === stamp) continue;
      changed.files += 1;
      changed.bytes += lengthBytes;
    }
    return changed;
  }

  async #forgetWhere(isGone: (path: string) => boolean): Promise<Marked> {
    const gone = [...this.#rows.all()].filter(({ path }) => isGone(path));
    await this.#rows.delete(gone);
    return {
      files: gone.length,
      bytes: gone.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0),
    };
  }

  async #read(request: MarkRequest, signal: AbortSignal | undefined): Promise<MarkVerdict> {
    let file: FileHandle;
    try {
      file = await open(request.path, FLAGS);
    } catch (error) {
      return { kind: 'refused', reason: reasonOf(error) };
    }
    try {
      return await this.#hash(request, file, signal);
    } catch (error) {
      if (systemCodeOf(error) === undefined || error instanceof XError) throw error;
      return { kind: 'refused', reason: reasonOf(error) };
    } finally {
      await file.close();
    }
  }

  async #hash(
    { path, ecosystem, accepts, expected, withSha512 }: MarkRequest,
    file: FileHandle,
    signal: AbortSignal | undefined,
  ): Promise<MarkVerdict> {
    const status = fstatSync(file.fd, { bigint: true });
    if (!status.isFile()) return { kind: 'refused', reason: 'it is no plain file' };
    const size = Number(status.size);
    if (size > BOUNDS.markedFileBytes) {
      return { kind: 'refused', reason: `it is larger than ${BOUNDS.markedFileBytes} bytes` };
    }
    if (!accepts(await readUpTo(file, 0, Math.min(size, BOUNDS.scanHeadBytes)))) {
      return { kind: 'no-package' };
    }
    const hasher = new BodyHasher();
    if (!withSha512) hasher.leaveSha512();
    const memory = Buffer.allocUnsafe(Math.min(READ_BYTES, Math.max(size, 1)));
    for (let at = 0; at < size;) {
      signal?.throwIfAborted();
      const want = Math.min(memory.length, size - at);
      const bytes = await readUpTo(file, at, want, memory);
      if (bytes.length < want) break;
      hasher.update(bytes);
      at += bytes.length;
    }
    const stamp = stampFrom(status);
    if (stampFrom(fstatSync(file.fd, { bigint: true })) !== stamp || hasher.lengthBytes !== size) {
      return { kind: 'refused', reason: 'it changed while it was read' };
    }
    const body = hasher.finish();
    const [wrong] = disagreements(expected, body);
    if (wrong !== undefined) {
      return { kind: 'refused', reason: `its bytes do not match the ${wrong} it is named by` };
    }
    await this.#rows.save(path, ecosystem, stamp, body);
    return { kind: 'marked', blob: storedBlob(body), isRead: true };
  }

  /** @throws Changed. */
  async *#pieces(row: MarkedRow, start: number, end: number): AsyncGenerator<Uint8Array> {
    if (start >= end) return;
    const leaves = this.#rows.packedLeaves(row);
    const file = await asChanged(() => open(row.path, FLAGS));
    try {
      const status = fstatSync(file.fd);
      if (!status.isFile()) throw new Changed('it is no plain file any more');
      if (status.size !== row.lengthBytes) {
        throw new Changed(`it had ${row.lengthBytes} bytes and has ${status.size} now`);
      }
      const first = Math.floor(start / PIECE_SIZE_BYTES);
      for (let index = first; index * PIECE_SIZE_BYTES < end; index += 1) {
        const at = index * PIECE_SIZE_BYTES;
        const length = pieceLengthBytes(row.lengthBytes, index);
        const piece = await asChanged(() => readUpTo(file, at, length));
        const leaf = leaves.subarray(index * 32, index * 32 + 32);
        if (piece.length < length || Buffer.compare(leafHash(piece), leaf) !== 0) {
          throw new Changed('its bytes are not those that were there');
        }
        yield piece.subarray(Math.max(0, start - at), Math.min(length, end - at));
      }
    } finally {
      await file.close();
    }
  }
}

/** What cannot be read any more has changed. */
async function asChanged<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw new Changed(reasonOf(error), { cause: error });
  }
}

function reasonOf(error: unknown): string {
  switch (systemCodeOf(error) ?? '') {
    case 'ENOENT':
      return 'it is not there any more';
    case 'ELOOP':
      return 'it is a link, and links are not followed';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not read it';
    default:
      return messageOf(error);
  }
}

/** The first whose file still has its length; the bytes are looked at when they are read. */
function firstThere(rows: readonly MarkedRow[]): StoredBlob | undefined {
  const there = rows.find(({ path, lengthBytes }) => {
    const status = statusOf(path);
    return status?.isFile() === true && Number(status.size) === lengthBytes;
  });
  return there && storedBlob(there);
}

/** Undefined also for what may not be looked at. */
function statusOf(path: string): BigIntStats | undefined {
  try {
    return lstatSync(path, { bigint: true, throwIfNoEntry: false });
  } catch (error) {
    if (['EACCES', 'EPERM', 'ENOTDIR', 'ELOOP'].includes(systemCodeOf(error) ?? '')) {
      return undefined;
    }
    throw error;
  }
}

/** Whoever changes a file changes its times, and whoever replaces it its inode. */
function stampFrom({ size, mtimeNs, ctimeNs, ino }: BigIntStats): string {
  return `${size} ${mtimeNs} ${ctimeNs} ${ino}`;
}

function isBelow(path: string, folder: string): boolean {
  const prefix = folder.endsWith(sep) ? folder : folder + sep;
  return path === folder || path.startsWith(prefix);
}
