import type { XError } from '../domain/errors.js';
import type { LeafSpan } from '../transfer/index.js';

interface Waiter {
  /** What it still waits for; undefined means everything that is expected. */
  missing: Set<LeafSpan> | undefined;
  resolve: () => void;
  reject: (reason: unknown) => void;
}

/** Who waits for which artifacts to be whole. */
export class Waiters {
  readonly #isWhole: (span: LeafSpan) => boolean;
  readonly #expected = new Set<LeafSpan>();
  readonly #waiters = new Set<Waiter>();
  #failure: XError | undefined;

  constructor(isWhole: (span: LeafSpan) => boolean) {
    this.#isWhole = isWhole;
  }

  /** Whether any is new. */
  expect(spans: readonly LeafSpan[]): boolean {
    const before = this.#expected.size;
    for (const span of spans) this.#expected.add(span);
    return this.#expected.size > before;
  }

  expected(): Iterable<LeafSpan> {
    return this.#expected;
  }

  wait(spans: readonly LeafSpan[], signal?: AbortSignal): Promise<void> {
    const missing = spans.filter((span) => !this.#isWhole(span));
    return this.#add(missing.length === 0, new Set(missing), signal);
  }

  waitForAll(signal?: AbortSignal): Promise<void> {
    return this.#add(this.#expected.size === 0, undefined, signal);
  }

  settle(whole: readonly LeafSpan[]): void {
    for (const span of whole) this.#expected.delete(span);
    if (whole.length === 0) return;
    for (const waiter of this.#waiters) {
      for (const span of whole) waiter.missing?.delete(span);
      if ((waiter.missing ?? this.#expected).size > 0) continue;
      this.#waiters.delete(waiter);
      waiter.resolve();
    }
  }

  /** Those that wait now, or before a recovery, are told why it will not be. */
  fail(error: XError): void {
    this.#failure ??= error;
    for (const waiter of this.#waiters) waiter.reject(this.#failure);
    this.#waiters.clear();
  }

  /** What was failed at is tried again: one may wait for it. */
  recover(): void {
    this.#failure = undefined;
  }

  #add(isDone: boolean, missing: Set<LeafSpan> | undefined, signal?: AbortSignal): Promise<void> {
    if (isDone) return Promise.resolve();
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      signal?.throwIfAborted();
      const waiter: Waiter = {
        missing,
        resolve: () => {
          signal?.removeEventListener('abort', onAbort);
          resolve();
        },
        reject: (reason) => {
          signal?.removeEventListener('abort', onAbort);
          reject(reason instanceof Error ? reason : new Error(String(reason)));
        },
      };
      const onAbort = (): void => {
        this.#waiters.delete(waiter);
        waiter.reject(signal?.reason);
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#waiters.add(waiter);
    });
  }
}
