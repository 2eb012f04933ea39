import { createHash } from 'node:crypto';
import PQueue from 'p-queue';
import { BOUNDS } from '../domain/bounds.js';
import { disagreements } from '../domain/digest.js';
import { XError, type ErrorCode } from '../domain/errors.js';
import type { Origin, PlannedArtifact } from '../domain/plan.js';
import type { Clock } from '../ports/clock.js';
import type { FetchedArtifact } from '../ports/ecosystem.js';
import type { Report } from '../ports/progress.js';
import type { BroughtArtifact, PublicSwarm } from '../ports/public-swarm.js';
import type { Random } from '../ports/random.js';
import type { ReadableBlobs, Store, StoredBlob } from '../ports/store.js';
import type { Upstream } from '../ports/upstream.js';
import { SwarmFetches } from './fetch-from-swarm.js';
import { FetchProgress } from './fetch-progress.js';
import { takeMarked } from './take-marked.js';

export interface FetchArtifactsDeps {
  store: Store;
  /** Package files that lie on this machine already. */
  marked: ReadableBlobs;
  upstream: Upstream;
  /** The public swarm, where this process is part of it. */
  swarm?: PublicSwarm | undefined;
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
  /** Of those fetched, the ones that the public swarm gave. */
  bytesSwarm: number;
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
  const swarm = new SwarmFetches({ ...deps, swarm: deps.swarm });
  const concurrency = swarm.isUsed ? BOUNDS.parallelSwarmFetches : BOUNDS.parallelDownloads;
  const queue = new PQueue({ concurrency });
  const downloads = new PQueue({ concurrency: BOUNDS.parallelDownloads });
  const stop = new AbortController();
  const stopped = signal ? AbortSignal.any([signal, stop.signal]) : stop.signal;
  const progress = new FetchProgress(deps, artifacts);
  const origins = new Map<string, Origin>();
  let bytesLocal = 0;
  if (swarm.isUsed) swarm.expect(missing(deps, artifacts), stopped);
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
          const brought = known ? undefined : await fromSwarm(swarm, artifact, progress, stopped);
          if (brought) origins.set(artifact.path, mostlyFrom(brought));
          const blob =
            known ??
            brought?.blob ??
            (await downloads.add(() => fetchOne(deps, artifact, progress, stopped)));
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
  // Nobody waits for what is still looked for.
  stop.abort(new Error('all of it is here'));
  return {
    artifacts: fetched,
    origins,
    bytesFetched: progress.fetchedBytes,
    bytesLocal,
    bytesSwarm: swarm.bytes,
  };
}

async function fromSwarm(
  swarm: SwarmFetches,
  artifact: PlannedArtifact,
  progress: FetchProgress,
  signal: AbortSignal,
): Promise<BroughtArtifact | undefined> {
  const meter = progress.meter();
  const brought = await swarm.fetch(artifact, (bytes) => meter.reached(bytes, swarm.bytes), signal);
  if (brought === undefined) meter.forget();
  else meter.reached(brought.blob.lengthBytes, swarm.bytes);
  return brought;
}

function mostlyFrom({ bytes }: BroughtArtifact): Origin {
  return (bytes.get('swarm') ?? 0) >= (bytes.get('upstream') ?? 0) ? 'swarm' : 'upstream';
}

function missing(
  { store, marked }: FetchArtifactsDeps,
  artifacts: readonly PlannedArtifact[],
): PlannedArtifact[] {
  return artifacts.filter((one) => !(findStored(store, one) ?? findStored(marked, one)));
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
