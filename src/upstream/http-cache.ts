import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { BOUNDS } from '../domain/bounds.js';
import { sha256 } from '../domain/digest.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';

/** A body as it came once, with what the server can tell whether it still holds. */
export interface CachedBody {
  /** After redirects, without credentials. */
  url: string;
  contentType: string | undefined;
  etag: string | undefined;
  lastModified: string | undefined;
  bytes: Uint8Array;
}

/** As it lies on disk. */
export interface KeptBody extends CachedBody {
  /** When the server last said that this is the page. */
  seenAt: Date;
}

/** The first line of a cache file, as JSON; the body follows it. */
interface CacheHead {
  url: string;
  contentType?: string | undefined;
  etag?: string | undefined;
  lastModified?: string | undefined;
  sha256: string;
}

const HEAD_BYTES = 16 << 10;
/** After so many writes the folder is measured again. */
const WRITES_BETWEEN_PRUNINGS = 256;
const FILE_NAME = /^[0-9a-f]{64}$/;

/**
 * Small bodies on disk, each in a file named by the hash of its address. Every one is confirmed with
 * the server before it is used, so a lost or torn file costs a download and nothing else.
 */
export class HttpCache {
  readonly #folder: string;
  #writes = 0;
  #pruning: Promise<void> | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * The cached body of an address; undefined where there is none, or none that is intact.
   * @throws XError IO_FAILED where the folder cannot be read.
   */
  async load(address: URL, accept: string): Promise<KeptBody | undefined> {
    const path = join(this.#folder, fileName(address, accept));
    try {
      await using handle = await open(path, 'r+');
      const { size, mtime } = await handle.stat();
      if (size > HEAD_BYTES + BOUNDS.upstreamCacheEntryBytes) return undefined;
      const body = parse(await handle.readFile());
      // The time of last use, by which the oldest go first; the other is when it was last confirmed.
      await handle.utimes(new Date(), mtime);
      return body && { ...body, seenAt: mtime };
    } catch (thrown) {
      if (systemCodeOf(thrown) === 'ENOENT') return undefined;
      throw failed('read', path, thrown);
    }
  }

  /**
   * Notes that a body that is kept is still the page.
   * @throws XError IO_FAILED.
   */
  async confirm(address: URL, accept: string): Promise<void> {
    const path = join(this.#folder, fileName(address, accept));
    try {
      await utimes(path, new Date(), new Date());
    } catch (thrown) {
      // Pruned meanwhile.
      if (systemCodeOf(thrown) !== 'ENOENT') throw failed('write', path, thrown);
    }
  }

  /**
   * Keeps a body that is not too large, and has a validator unless it is kept for when it cannot be asked for.
   * @throws XError DISK_FULL, IO_FAILED.
   */
  async save(address: URL, accept: string, body: CachedBody, anyway = false): Promise<void> {
    const { bytes, ...head } = body;
    if (!anyway && head.etag === undefined && head.lastModified === undefined) return;
    if (bytes.length > BOUNDS.upstreamCacheEntryBytes) return;
    const line = `${JSON.stringify({ ...head, sha256: sha256(bytes) } satisfies CacheHead)}\n`;
    if (Buffer.byteLength(line) > HEAD_BYTES) return;
    const path = join(this.#folder, fileName(address, accept));
    const torn = `${path}.${randomUUID()}.part`;
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      if (this.#writes++ % WRITES_BETWEEN_PRUNINGS === 0) await this.#prune();
      try {
        await using handle = await open(torn, 'wx', 0o600);
        await handle.writeFile(line);
        await handle.writeFile(bytes);
      } catch (thrown) {
        await rm(torn, { force: true });
        throw thrown;
      }
      await rename(torn, path);
    } catch (thrown) {
      throw failed('write', path, thrown);
    }
  }

  #prune(): Promise<void> {
    this.#pruning ??= prune(this.#folder).finally(() => {
      this.#pruning = undefined;
    });
    return this.#pruning;
  }
}

/**
 * Removes what a killed process left, and the longest unused files past the bounds. The file system
 * stamps files by the system's clock, so that is the one they are compared with.
 */
async function prune(folder: string): Promise<void> {
  const files: { path: string; size: number; usedMs: number }[] = [];
  const torn: string[] = [];
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (FILE_NAME.test(name)) {
      const found = await stat(path).catch(ignoreMissing);
      if (found !== undefined) files.push({ path, size: found.size, usedMs: found.atimeMs });
    } else if (name.endsWith('.part')) torn.push(path);
  }
  for (const path of torn) {
    const found = await stat(path).catch(ignoreMissing);
    // Another process may be writing a young one.
    if (found !== undefined && Date.now() - found.mtimeMs > BOUNDS.smallReadMs) {
      await rm(path, { force: true });
    }
  }
  files.sort((a, b) => b.usedMs - a.usedMs);
  let bytes = 0;
  for (const [index, file] of files.entries()) {
    bytes += file.size;
    if (bytes > BOUNDS.upstreamCacheBytes || index >= BOUNDS.upstreamCacheEntries) {
      await rm(file.path, { force: true });
    }
  }
}

/** The same address read with other credentials or another Accept is another page. */
function fileName(address: URL, accept: string): string {
  return sha256(`${accept}\n${address.href}`);
}

function parse(file: Buffer): CachedBody | undefined {
  const end = file.indexOf(0x0a);
  if (end < 0 || end > HEAD_BYTES) return undefined;
  const head = parseHead(file.toString('utf8', 0, end));
  const bytes = file.subarray(end + 1);
  if (head === undefined || sha256(bytes) !== head.sha256) return undefined;
  const { url, contentType, etag, lastModified } = head;
  return { url, contentType, etag, lastModified, bytes };
}

function parseHead(line: string): CacheHead | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    // A torn file: as good as none.
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const text = (key: string): string | undefined => {
    const field: unknown = Reflect.get(value, key);
    return typeof field === 'string' ? field : undefined;
  };
  const url = text('url');
  const digest = text('sha256');
  if (url === undefined || digest === undefined || !URL.canParse(url)) return undefined;
  return {
    url,
    contentType: text('contentType'),
    etag: text('etag'),
    lastModified: text('lastModified'),
    sha256: digest,
  };
}

function ignoreMissing(thrown: unknown): undefined {
  if (systemCodeOf(thrown) === 'ENOENT') return undefined;
  throw thrown;
}

function failed(verb: string, path: string, cause: unknown): XError {
  const full = systemCodeOf(cause) === 'ENOSPC';
  return new XError(
    full ? 'DISK_FULL' : 'IO_FAILED',
    `cannot ${verb} the index cache ${path}: ${messageOf(cause)}`,
    { hint: 'The cache may be removed at any time.', cause },
  );
}
