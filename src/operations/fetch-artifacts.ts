import { createHash } from 'node:crypto';
import PQueue from 'p-queue';
import { BOUNDS } from '../domain/bounds.js';
import { disagreements } from '../domain/digest.js';
import { XError, type ErrorCode } from '../domain/errors.js';
import type { Origin, PlannedArtifact } from '../domain/plan.js';
import type { Clock } from '../ports/clock.js';
import type { FetchedArtifact } from '../ports/ecosystem.js';
import type { Report } from '../ports/progress.js';
import type { Random } from '../ports/random.js';
import type { ReadableBlobs, Store, StoredBlob } from '../ports/store.js';
import type { Upstream } from '../ports/upstream.js';
import { takeMarked } from './take-marked.js';

export interface FetchArtifactsDeps {
  store: Store;
  /** Package files that lie on this machine already. */
  marked: ReadableBlobs;
  upstream: Upstream;
  clock: Clock;
  random: Random;
  report: Report;
}

export interface Fetched {
  artifacts: FetchedArtifact[];
  /** Where each artifact's bytes came from, by path. */
  origins: Map<string, Origin>;
  bytesFetched: number;
  /** Bytes that lay elsewhere on this machine. */
  bytesLocal: number;
}

/** Failures after which the same address may answer better: another attempt resumes where this one broke. */
const WORTH_ANOTHER_ATTEMPT: ReadonlySet<ErrorCode> = new Set([
  'UPSTREAM_UNREACHABLE',
  'UPSTREAM_REFUSED',
]);

/**
 * Brings every artifact of a plan into the store: in parallel, hashed while it arrives, each digest
 * checked, resumed after a break. The first failure that no attempt mends stops the rest.
 */
export async function fetchArtifacts(
  deps: FetchArtifactsDeps,
  artifacts: readonly PlannedArtifact[],
  signal?: AbortSignal,
): Promise<Fetched> {
  const queue = new PQueue({ concurrency: BOUNDS.parallelDownloads });
  const stop = new AbortController();
  const stopped = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const progress = new FetchProgress(deps, artifacts);
  const origins = new Map<string, Origin>();
  let bytesLocal = 0;
  const fetched = await Promise.all(
    artifacts.map((artifact) =>
      queue.add(async () => {
        try {
          stopped.throwIfAborted();
          const held = findStored(deps.store, artifact);
          const local = held ? undefined : await takeLocal(deps, artifact);
          const known = held ?? local;
          origins.set(artifact.path, held ? 'store' : local ? 'local' : 'upstream');
          if (known) progress.alreadyHeld(known.lengthBytes);
          if (local) bytesLocal += local.lengthBytes;
          const blob = known ?? (await fetchOne(deps, artifact, progress, stopped));
          const { sha256, lengthBytes } = blob;
          progress.settled(artifact, lengthBytes);
          const sha512 = await sha512Of(deps.store, artifact, blob);
          return { artifact, sha256, sha512, lengthBytes };
        } catch (error) {
          stop.abort(error);
          throw error;
        }
      }),
    ),
  );
  progress.finish();
  return { artifacts: fetched, origins, bytesFetched: progress.fetchedBytes, bytesLocal };
}

/** A blob here that every digest of the plan agrees with. */
export function findStored(
  store: Pick<ReadableBlobs, 'stat' | 'findBySha512'>,
  { digests, sizeBytes }: PlannedArtifact,
): StoredBlob | undefined {
  const blob =
    digests.sha256 !== undefined
      ? store.stat(digests.sha256)
      : digests.sha512 !== undefined
        ? store.findBySha512(digests.sha512)
        : undefined;
  if (!blob) return undefined;
  if (disagreements(digests, blob).length > 0) return undefined;
  if (sizeBytes !== undefined && blob.lengthBytes !== sizeBytes) return undefined;
  return blob;
}

/** Copied into the store: a bundle keeps what it promises, whatever becomes of the file. */
async function takeLocal(
  { store, marked }: FetchArtifactsDeps,
  artifact: PlannedArtifact,
): Promise<StoredBlob | undefined> {
  const found = findStored(marked, artifact);
  if (found === undefined) return undefined;
  return takeMarked({ store, marked }, found, artifact.digests);
}

/**
 * Computed here where it is wanted of a blob that came to this store without it.
 * @throws XError DIGEST_MISMATCH.
 */
async function sha512Of(
  store: Pick<Store, 'open'>,
  { digests, ecosystem, detail, filename }: PlannedArtifact,
  { sha256, sha512 }: StoredBlob,
): Promise<string | undefined> {
  const isWanted =
    digests.sha512 !== undefined || ecosystem === 'npm' || detail['hashes'] !== undefined;
  if (sha512 !== undefined || !isWanted) return sha512;
  const hash = createHash('sha512');
  for await (const chunk of store.open(sha256)) hash.update(chunk);
  const hex = hash.digest('hex');
  if (digests.sha512 === undefined || digests.sha512 === hex) return hex;
  throw new XError('DIGEST_MISMATCH', `${filename}: its sha512 is ${hex}, not ${digests.sha512}`, {
    hint: 'Its sha256 is right: what publishes it contradicts itself. Ask who maintains the index.',
  });
}

async function fetchOne(
  deps: FetchArtifactsDeps,
  artifact: PlannedArtifact,
  progress: FetchProgress,
  signal: AbortSignal,
): Promise<StoredBlob> {
  const { store, upstream, clock, random } = deps;
  const key = artifact.digests.sha256 ?? artifact.digests.sha512 ?? artifact.url;
  for (let attempt = 1; ; attempt += 1) {
    const meter = progress.meter();
    // A failure to open was tried again upstream already; one in the middle of a body was not.
    let opened = false;
    try {
      return await store.putResumable(
        key,
        async (offset) => {
          const body = await upstream.open({
            ecosystem: artifact.ecosystem,
            url: artifact.url,
            offset,
            signal,
          });
          opened = true;
          return { offset: body.offset, stream: meter.counted(body.offset, body.stream) };
        },
        {
          digests: artifact.digests,
          lengthBytes: artifact.sizeBytes,
          maxBytes:
            artifact.sizeBytes === undefined ? BOUNDS.unsizedArtifactBytes : BOUNDS.artifactBytes,
        },
      );
    } catch (error) {
      meter.forget();
      const again = opened && error instanceof XError && WORTH_ANOTHER_ATTEMPT.has(error.code);
      if (!again || attempt >= BOUNDS.requestAttempts || signal.aborted)
        throw withArtifact(error, artifact);
      deps.report({ event: 'step', text: `${error.message}; trying again` });
      const backoffMs =
        BOUNDS.requestBackoffMs * 2 ** attempt + random.integer(BOUNDS.requestBackoffMs);
      await clock.sleep(backoffMs, signal);
    }
  }
}

function withArtifact(error: unknown, artifact: PlannedArtifact): unknown {
  if (!(error instanceof XError) || error.code === 'STOPPED') return error;
  if (error.code === 'PACKAGE_NOT_FOUND') {
    return new XError(
      'NO_ARTIFACT',
      `${artifact.purl}: the index lists ${artifact.filename}, but it cannot be had: ${error.message}`,
      {
        hint: 'The index may be newer or older than its files; try again later or pin another version.',
        cause: error,
      },
    );
  }
  if (error.code === 'DIGEST_MISMATCH') {
    return new XError(error.code, `${artifact.purl}: ${artifact.url}: ${error.message}`, {
      hint: 'What was sent is not what the index promises; nothing of it was kept. Try again later, or another index or mirror.',
      cause: error,
    });
  }
  return new XError(error.code, `${artifact.purl}: ${error.message}`, {
    hint: error.hint,
    cause: error,
  });
}

interface Meter {
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
class FetchProgress {
  fetchedBytes = 0;
  #doneBytes = 0;
  readonly #sizedBytes: number;
  readonly #unsized: number;
  readonly #unsizedDone = { count: 0, bytes: 0 };
  readonly #startedMs: number;
  #reportedMs = -Infinity;
  readonly #deps: FetchArtifactsDeps;

  constructor(deps: FetchArtifactsDeps, artifacts: readonly PlannedArtifact[]) {
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
      bytesPerSecond,
      etaSeconds:
        bytesPerSecond > 0 ? Math.ceil((total - this.#doneBytes) / bytesPerSecond) : undefined,
    });
  }
}
