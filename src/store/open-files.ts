import { fstatSync, statSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { DirectFiles } from '../ports/direct-files.js';

/** How long a file that nobody uses stays open: one that was removed keeps its space until then. */
const IDLE_MS = 2_000;

interface OpenFile {
  path: string;
  handle: FileHandle;
  inode: number;
  users: number;
  usedMs: number;
}

export interface TakenFile {
  handle: FileHandle;
  inode: number;
  /** Once. */
  release(): void;
}

/**
 * Files that stay open between uses: opening and closing costs more than reading a megabyte. The
 * file is always the one that has the name now; `limit` is how many stay open that nobody uses.
 */
export class OpenFiles {
  readonly #limit: number;
  readonly #files = new Map<string, OpenFile>();
  #timer: NodeJS.Timeout | undefined;
  #closing = new Set<Promise<void>>();
  #isClosed = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Opens the file, or takes it where it is open. It stays the same file until it is released,
   * whatever becomes of its name.
   * @throws what open throws, ENOENT where the name is gone.
   */
  async take(path: string, flags: number): Promise<TakenFile> {
    const key = `${String(flags)} ${path}`;
    return this.#take(
      key,
      this.#current(key) ?? this.#keep(key, path, await open(path, flags, 0o644)),
    );
  }

  /** The same for writes past the page cache; undefined where there are none. */
  async takePast(
    path: string,
    direct: Pick<DirectFiles, 'openToWrite'>,
  ): Promise<TakenFile | undefined> {
    const key = `past ${path}`;
    const known = this.#current(key);
    if (known !== undefined) return this.#take(key, known);
    const handle = await direct.openToWrite(path);
    return handle && this.#take(key, this.#keep(key, path, handle));
  }

  /** Takes a file for as long as `work` runs. */
  async use<T>(path: string, flags: number, work: (file: FileHandle) => Promise<T>): Promise<T> {
    const { handle, release } = await this.take(path, flags);
    try {
      return await work(handle);
    } finally {
      release();
    }
  }

  /** Lets go of a file by name, so that its space is free as soon as nobody uses it. */
  forget(path: string): void {
    for (const [key, file] of this.#files) if (file.path === path) this.#drop(key, file);
  }

  /** Who was opening a file meanwhile closes it when he releases it. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const [key, file] of this.#files) this.#drop(key, file);
    await Promise.all(this.#closing);
  }

  /** The open file, where it still has its name. */
  #current(key: string): OpenFile | undefined {
    const file = this.#files.get(key);
    if (file === undefined) return undefined;
    if (statSync(file.path, { throwIfNoEntry: false })?.ino === file.inode) {
      // Last in the map is used last.
      this.#files.delete(key);
      this.#files.set(key, file);
      return file;
    }
    this.#drop(key, file);
    return undefined;
  }

  #take(key: string, file: OpenFile): TakenFile {
    file.users += 1;
    return { handle: file.handle, inode: file.inode, release: () => this.#release(key, file) };
  }

  #keep(key: string, path: string, handle: FileHandle): OpenFile {
    const inode = fstatSync(handle.fd).ino;
    const file = { path, handle, inode, users: 0, usedMs: performance.now() };
    const known = this.#files.get(key);
    if (known !== undefined) this.#drop(key, known);
    this.#files.set(key, file);
    return file;
  }

  #release(key: string, file: OpenFile): void {
    file.users -= 1;
    file.usedMs = performance.now();
    if (this.#files.get(key) !== file) {
      if (file.users === 0) this.#close(file);
    } else if (this.#isClosed) this.#drop(key, file);
    else this.#trim();
  }

  #trim(): void {
    let over = this.#files.size - this.#limit;
    for (const [key, file] of this.#files) {
      if (over <= 0) break;
      if (file.users > 0) continue;
      this.#drop(key, file);
      over -= 1;
    }
    this.#timer ??= setTimeout(() => this.#closeIdle(), IDLE_MS).unref();
  }

  #closeIdle(): void {
    this.#timer = undefined;
    const beforeMs = performance.now() - IDLE_MS;
    for (const [key, file] of this.#files) {
      if (file.users === 0 && file.usedMs <= beforeMs) this.#drop(key, file);
    }
    if (this.#files.size > 0) this.#timer = setTimeout(() => this.#closeIdle(), IDLE_MS).unref();
  }

  #drop(key: string, file: OpenFile): void {
    this.#files.delete(key);
    if (file.users === 0) this.#close(file);
  }

  #close(file: OpenFile): void {
    const closing = file.handle.close();
    this.#closing.add(closing);
    void closing.finally(() => this.#closing.delete(closing));
  }
}
