import { open } from 'node:fs/promises';
import { Worker } from 'node:worker_threads';
import type { DigestAlgorithm } from '../domain/digest.js';
import { readUpTo } from './durable-file.js';
import { FileHashes } from './file-hashes.js';

export interface HashedFile {
  /** The caller's word for one file's bytes. */
  name: string;
  path: string;
  /** Of the whole file; Infinity where nobody knows. */
  lengthBytes: number;
  /** Up to here its bytes will not change any more. */
  endBytes: number;
  /** Which are wanted, the same each time. */
  digests: readonly DigestAlgorithm[];
}

/** What the thread is told. */
export type HashTask =
  | ({ type: 'take'; id: number; startBytes: number; parts: readonly Uint8Array[] } & HashedFile)
  | ({ type: 'advance' } & HashedFile)
  | ({ type: 'finish'; id: number } & HashedFile)
  | { type: 'forget'; name: string };

export type HashReply =
  ({ id: number } & FileDigests) | { id: number; taken: true } | { id: number; failed: string };

export interface FileDigests {
  /** Where it was wanted. */
  sha256: string | undefined;
  /** Likewise. */
  sha512: string | undefined;
}

/** A thread costs as much to start as hashing so much does: shorter files start none. */
const WORTH_A_THREAD_BYTES = 48 << 20;
const READ_BYTES = 1 << 20;

/** How long the thread stays when there is nothing to hash. */
const IDLE_MS = 10_000;

/**
 * sha256 and sha512 of long files, in a thread of its own: both together take as long as everything
 * else that is done with the bytes. It can begin with the first bytes while the last are on
 * their way. It starts with the first file that is worth one, and ends when it had none for a while; until
 * then shorter ones are hashed here, a megabyte at a time.
 */
export class FileDigester {
  #worker: Worker | undefined;
  #nextId = 1;
  readonly #waiting = new Map<number, (reply: HashReply | undefined) => void>();
  readonly #begun = new Set<string>();
  /** Files that are hashed in this thread. */
  readonly #here = new Map<string, FileHashes>();
  #idle: NodeJS.Timeout | undefined;

  /** More of a file can be hashed. */
  advance(file: HashedFile): void {
    // Here it is read when it is needed.
    if (this.#isHere(file)) return;
    this.#begun.add(file.name);
    this.#post({ type: 'advance', ...file });
  }

  /**
   * Hashes what comes next of a file from memory that is shared with the thread, and must stay as it is
   * until this resolves: whether it was done. Where not, what was hashed of the file is lost.
   * @param startBytes where the parts begin; they end at `file.endBytes`.
   */
  async take(file: HashedFile, startBytes: number, parts: readonly Uint8Array[]): Promise<boolean> {
    if (this.#isHere(file)) return (await this.#takeHere(file, startBytes, parts)) !== undefined;
    this.#begun.add(file.name);
    const reply = await this.#ask((id) => ({ type: 'take', id, startBytes, parts, ...file }));
    return reply !== undefined && 'taken' in reply;
  }

  /** What was hashed of it does not count. */
  forget(name: string): void {
    this.#here.delete(name);
    if (this.#begun.delete(name)) this.#post({ type: 'forget', name });
  }

  /** The digests of the whole file; undefined where it cannot be read or the thread failed. */
  async finish(file: HashedFile): Promise<FileDigests | undefined> {
    if (this.#isHere(file)) {
      const hashes = await this.#takeHere(file, file.endBytes, []);
      this.#here.delete(file.name);
      return hashes?.finish();
    }
    this.#begun.delete(file.name);
    const reply = await this.#ask((id) => ({ type: 'finish', id, ...file }));
    return reply !== undefined && 'sha256' in reply ? reply : undefined;
  }

  async close(): Promise<void> {
    clearTimeout(this.#idle);
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
    this.#fail();
  }

  #isHere({ name, lengthBytes }: HashedFile): boolean {
    if (this.#here.has(name)) return true;
    return (
      this.#worker === undefined && !this.#begun.has(name) && lengthBytes < WORTH_A_THREAD_BYTES
    );
  }

  /** Reads what lies before `startBytes` and was not hashed. Undefined where that cannot be. */
  async #takeHere(
    file: HashedFile,
    startBytes: number,
    parts: readonly Uint8Array[],
  ): Promise<FileHashes | undefined> {
    const hashes = this.#here.get(file.name) ?? new FileHashes(file);
    this.#here.set(file.name, hashes);
    if (await readInto(hashes, file.path, startBytes)) {
      for (const part of parts) hashes.update(part);
      return hashes;
    }
    this.#here.delete(file.name);
    return undefined;
  }

  #ask(task: (id: number) => HashTask): Promise<HashReply | undefined> {
    const id = this.#nextId++;
    return new Promise((resolve) => {
      this.#waiting.set(id, resolve);
      this.#post(task(id));
    });
  }

  #post(task: HashTask): void {
    this.#worker ??= this.#start();
    this.#worker.postMessage(task);
    if (this.#waiting.size > 0) this.#worker.ref();
    this.#touch();
  }

  #start(): Worker {
    const worker = new Worker(new URL('./hash-thread.js', import.meta.url));
    worker.unref();
    worker.on('message', (reply: HashReply) => {
      const resolve = this.#waiting.get(reply.id);
      this.#waiting.delete(reply.id);
      resolve?.(reply);
      if (this.#waiting.size === 0) worker.unref();
      this.#touch();
    });
    const gone = (): void => {
      if (this.#worker !== worker) return;
      this.#worker = undefined;
      this.#fail();
    };
    worker.on('error', gone);
    worker.on('exit', gone);
    return worker;
  }

  /** Whoever waits hashes for himself. */
  #fail(): void {
    this.#begun.clear();
    for (const resolve of this.#waiting.values()) resolve(undefined);
    this.#waiting.clear();
  }

  #touch(): void {
    this.#idle ??= setTimeout(() => {
      this.#idle = undefined;
      if (this.#waiting.size > 0 || this.#begun.size > 0) this.#touch();
      else void this.close();
    }, IDLE_MS).unref();
  }
}

/** Hashes a file's bytes up to `endBytes`. False where it cannot be read so far. */
async function readInto(hashes: FileHashes, path: string, endBytes: number): Promise<boolean> {
  if (hashes.atBytes >= endBytes) return hashes.atBytes === endBytes;
  const file = await open(path, 'r').catch(() => undefined);
  if (file === undefined) return false;
  try {
    const memory = Buffer.allocUnsafeSlow(Math.min(READ_BYTES, endBytes - hashes.atBytes));
    while (hashes.atBytes < endBytes) {
      const want = Math.min(memory.length, endBytes - hashes.atBytes);
      const bytes = await readUpTo(file, hashes.atBytes, want, memory);
      if (bytes.length === 0) return false;
      hashes.update(bytes);
    }
    return true;
  } catch {
    return false;
  } finally {
    await file.close();
  }
}
