import { BOUNDS } from '../domain/bounds.js';
import type { XError } from '../domain/errors.js';

/**
 * Hosts at which nothing answered a moment ago. A thousand names of one index then fail at once
 * instead of each waiting through its own retries.
 */
export class UnreachableHosts {
  readonly #hosts = new Map<string, { untilMs: number; error: XError }>();

  /** The failure that is remembered for an origin, if it is still fresh. */
  recall(origin: string, monotonicMs: number): XError | undefined {
    const known = this.#hosts.get(origin);
    if (known === undefined) return undefined;
    if (monotonicMs < known.untilMs) return known.error;
    this.#hosts.delete(origin);
    return undefined;
  }

  remember(origin: string, error: XError, monotonicMs: number): void {
    this.#hosts.set(origin, { untilMs: monotonicMs + BOUNDS.unreachableHostMs, error });
    const oldest = this.#hosts.keys().next();
    if (this.#hosts.size > BOUNDS.rememberedHosts && !oldest.done) this.#hosts.delete(oldest.value);
  }
}

/** The strong ETags of addresses opened in this run, so that a resumed download can say If-Range. */
export class SeenEtags {
  readonly #etags = new Map<string, string>();

  get(url: string): string | undefined {
    return this.#etags.get(url);
  }

  set(url: string, etag: string | undefined): void {
    this.#etags.delete(url);
    if (etag === undefined) return;
    this.#etags.set(url, etag);
    const oldest = this.#etags.keys().next();
    if (this.#etags.size > BOUNDS.rememberedEtags && !oldest.done) this.#etags.delete(oldest.value);
  }
}
