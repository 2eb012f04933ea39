import type { PlannedArtifact } from '../domain/plan.js';
import type { Clock } from '../ports/clock.js';
import type { Report } from '../ports/progress.js';

interface FetchProgressDeps {
  clock: Pick<Clock, 'monotonicMs'>;
  report: Report;
}

/** Counts one attempt at one artifact. */
export interface Meter {
  /** So much of it is here, of which what came last may be more or less than before. */
  reached(bytes: number, fromSwarm: number): void;
  /** @param offset how much of the body was held already. */
  counted(offset: number, stream: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  /** The attempt failed: another begins anew, or where the store says. */
  forget(): void;
}

const REPORT_EVERY_MS = 250;
/** What an artifact that nobody gives a size of is taken for, until some have come. */
const UNSIZED_GUESS_BYTES = 64 * 1024;

/**
 * Counts bytes and reports them, at most a few times a second. The total is an estimate while there are
 * artifacts to come that nobody gave a size of.
 */
export class FetchProgress {
  fetchedBytes = 0;
  #fromSwarm = 0;
  #doneBytes = 0;
  readonly #sizedBytes: number;
  readonly #unsized: number;
  readonly #unsizedDone = { count: 0, bytes: 0 };
  readonly #startedMs: number;
  #reportedMs = -Infinity;
  readonly #deps: FetchProgressDeps;

  constructor(deps: FetchProgressDeps, artifacts: readonly PlannedArtifact[]) {
    this.#deps = deps;
    this.#startedMs = deps.clock.monotonicMs();
    this.#sizedBytes = artifacts.reduce((sum, { sizeBytes }) => sum + (sizeBytes ?? 0), 0);
    this.#unsized = artifacts.filter(({ sizeBytes }) => sizeBytes === undefined).length;
  }

  /** An artifact is there, all of it. */
  settled({ sizeBytes }: PlannedArtifact, lengthBytes: number): void {
    if (sizeBytes !== undefined) return;
    this.#unsizedDone.count += 1;
    this.#unsizedDone.bytes += lengthBytes;
  }

  /** Those to come are taken for as large as those that came. */
  #totalBytes(): number {
    const { count, bytes } = this.#unsizedDone;
    const each = count === 0 ? UNSIZED_GUESS_BYTES : bytes / count;
    const toCome = this.#unsized - count;
    const total = this.#sizedBytes + bytes + toCome * each;
    return Math.round(Math.max(total, this.#doneBytes + (toCome > 0 ? each : 0)));
  }

  alreadyHeld(bytes: number): void {
    this.#doneBytes += bytes;
  }

  /** Counts one attempt at one artifact: what a broken one had is not counted twice. */
  meter(): Meter {
    let ownBytes = 0;
    const add = (bytes: number): void => {
      ownBytes += bytes;
      this.#doneBytes += bytes;
    };
    const arrived = (bytes: number): void => {
      this.fetchedBytes += bytes;
      add(bytes);
      this.#report(REPORT_EVERY_MS);
    };
    return {
      reached: (bytes, fromSwarm) => {
        this.#fromSwarm = fromSwarm;
        if (bytes > ownBytes) arrived(bytes - ownBytes);
        else add(bytes - ownBytes);
      },
      async *counted(offset, stream) {
        add(offset - ownBytes);
        for await (const chunk of stream) {
          arrived(chunk.length);
          yield chunk;
        }
      },
      forget: () => add(-ownBytes),
    };
  }

  finish(): void {
    this.#report(0);
  }

  #report(everyMs: number): void {
    const nowMs = this.#deps.clock.monotonicMs();
    if (nowMs - this.#reportedMs < everyMs) return;
    this.#reportedMs = nowMs;
    const total = this.#totalBytes();
    const bytesPerSecond = Math.round(
      (this.fetchedBytes * 1000) / Math.max(nowMs - this.#startedMs, 1),
    );
    this.#deps.report({
      event: 'progress',
      bytes: this.#doneBytes,
      total,
      fromMaster: 0,
      fromSiblings: 0,
      ...(this.#fromSwarm === 0 ? {} : { fromSwarm: this.#fromSwarm }),
      bytesPerSecond,
      etaSeconds:
        bytesPerSecond > 0 ? Math.ceil((total - this.#doneBytes) / bytesPerSecond) : undefined,
    });
  }
}
