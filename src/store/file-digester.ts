import { Worker } from 'node:worker_threads';
import type { DigestAlgorithm } from '../domain/digest.js';

export interface HashedFile {
  /** The caller's word for one file's bytes. */
  name: string;
  path: string;
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
  | ({ id: number } & FileDigests)
  | { id: number; taken: true }
  | { id: number; failed: string };

export interface FileDigests {
  /** Where it was wanted. */
  sha256: string | undefined;
  /** Likewise. */
  sha512: string | undefined;
}

/** How long the thread stays when there is nothing to hash. */
const IDLE_MS = 10_000;

/**
 * sha256 and sha512 of long files, in a thread of its own: both together take as long as everything
 * else that is done with the bytes. It can begin with the first bytes while the last are on
 * their way. It starts with the first task, and ends when it had none for a while.
 */
export class FileDigester {
  #worker: Worker | undefined;
  #nextId = 1;
  readonly #waiting = new Map<number, (reply: HashReply | undefined) => void>();
  readonly #begun = new Set<string>();
  #idle: NodeJS.Timeout | undefined;

  /** More of a file can be hashed. */
  advance(file: HashedFile): void {
    this.#begun.add(file.name);
    this.#post({ type: 'advance', ...file });
  }

  /**
   * Hashes what comes next of a file from memory that is shared with the thread, and must stay as it is
   * until this resolves: whether it was done. Where not, what was hashed of the file is lost.
   * @param startBytes where the parts begin; they end at `file.endBytes`.
   */
  async take(
    file: HashedFile,
    startBytes: number,
    parts: readonly Uint8Array[],
  ): Promise<boolean> {
    this.#begun.add(file.name);
    const reply = await this.#ask((id) => ({ type: 'take', id, startBytes, parts, ...file }));
    return reply !== undefined && 'taken' in reply;
  }

  /** What was hashed of it does not count. */
  forget(name: string): void {
    if (this.#begun.delete(name)) this.#post({ type: 'forget', name });
  }

  /** The digests of the whole file; undefined where it cannot be read or the thread failed. */
  async finish(file: HashedFile): Promise<FileDigests | undefined> {
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
