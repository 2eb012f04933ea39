import { BOUNDS } from '../domain/bounds.js';
import type { NetworkNode } from '../domain/network-node.js';
import type { Origin } from '../domain/plan.js';
import type { Provider } from './events.js';
import { NETWORK_POLICY as POLICY } from './policy.js';
import type { Scores } from './scores.js';

/** Bytes heard up to then, each weighing less as time passes. */
interface Flow {
  bytes: number;
  atMs: number;
}

/** What a provider does, smoothed. */
interface Measure {
  /** From a request to its first byte; 0 where nothing came yet. */
  latencyMs: number;
  deviationMs: number;
  /** 0 where nothing came yet. */
  bytesPerMs: number;
  answeredMs: number;
  /** Of answers that came since: what its rate is taken from next. */
  sampleBytes: number;
  sampleFromMs: number;
  heardMs: number;
  flow: Flow;
  /** Of requests, 0 to 1. */
  success: number;
  /** Open requests: how many, and for what. */
  asks: number;
  askedBytes: number;
}

/** Before anything was measured: this machine and its network are near, what is beyond is not. */
const AT_FIRST: Record<Origin, { latencyMs: number; bytesPerMs: number }> = {
  store: { latencyMs: 1, bytesPerMs: 500_000 },
  local: { latencyMs: 1, bytesPerMs: 500_000 },
  sibling: { latencyMs: 5, bytesPerMs: 10_000 },
  swarm: { latencyMs: POLICY.latencyAtFirstMs, bytesPerMs: POLICY.bytesPerMsAtFirst },
  upstream: { latencyMs: POLICY.latencyAtFirstMs, bytesPerMs: POLICY.bytesPerMsAtFirst },
};

/** How fast and how surely each provider answers, and what is open at it, over all fetches. */
export class ProviderMeasures {
  readonly #scores: Scores;
  readonly #nodeOf: (id: string) => NetworkNode | undefined;
  /** When the swarm did anything for this machine: sent bytes, or named an owner. */
  swarmHeardMs = 0;
  /** The one asked last stands last. */
  readonly #known = new Map<string, Measure>();

  constructor(scores: Scores, nodeOf: (id: string) => NetworkNode | undefined) {
    this.#scores = scores;
    this.#nodeOf = nodeOf;
  }

  asked({ id }: Provider, bytes: number): void {
    const measure = this.#known.get(id) ?? {
      latencyMs: 0,
      deviationMs: 0,
      bytesPerMs: 0,
      answeredMs: 0,
      sampleBytes: 0,
      sampleFromMs: 0,
      heardMs: 0,
      flow: { bytes: 0, atMs: 0 },
      success: 1,
      asks: 0,
      askedBytes: 0,
    };
    measure.asks += 1;
    measure.askedBytes += bytes;
    this.#known.delete(id);
    this.#known.set(id, measure);
    this.#forgetIdle();
  }

  /** A request is over, whatever came of it. */
  ended({ id }: Provider, bytes: number): void {
    const measure = this.#known.get(id);
    if (measure === undefined) return;
    measure.asks -= 1;
    measure.askedBytes -= bytes;
  }

  /** Bytes of any answer of its. */
  heard(provider: Provider, bytes: number, now: number): void {
    const measure = this.#known.get(provider.id);
    if (measure === undefined) return;
    measure.heardMs = now;
    flowed(measure.flow, bytes, now);
    if (provider.origin === 'swarm') this.swarmHeardMs = now;
  }

  /** What it sends this machine of late, for whatever it was asked, in bytes a millisecond. */
  flowOf({ id }: Provider, now: number): number {
    const measure = this.#known.get(id);
    return measure === undefined ? 0 : flowRate(measure.flow, now);
  }

  heardMsOf({ id }: Provider): number {
    return this.#known.get(id)?.heardMs ?? 0;
  }

  /** The first byte of an answer came so much later than its request. */
  began({ id }: Provider, tookMs: number): void {
    const measure = this.#known.get(id);
    if (measure === undefined) return;
    if (measure.latencyMs === 0) {
      measure.latencyMs = Math.max(1, tookMs);
      measure.deviationMs = tookMs / 2;
      return;
    }
    const error = Math.abs(tookMs - measure.latencyMs);
    measure.deviationMs += (error - measure.deviationMs) / 4;
    measure.latencyMs += (tookMs - measure.latencyMs) / 8;
  }

  /** A request that was sent then is answered with so many bytes. */
  came({ id }: Provider, bytes: number, sentMs: number, now: number): void {
    const measure = this.#known.get(id);
    if (measure === undefined) return;
    measure.success += (1 - measure.success) * POLICY.newest;
    // What fits in a few packets says how far it is, not how fast.
    if (bytes >= POLICY.measuredBytes) {
      if (measure.sampleBytes === 0) measure.sampleFromMs = Math.max(sentMs, measure.answeredMs);
      measure.sampleBytes += bytes;
      sample(measure, now);
    }
    measure.answeredMs = now;
  }

  failed({ id }: Provider): void {
    const measure = this.#known.get(id);
    if (measure !== undefined) measure.success *= 1 - POLICY.newest;
  }

  asksOf({ id }: Provider): number {
    return this.#known.get(id)?.asks ?? 0;
  }

  /** Bytes in a millisecond; 0 where none was measured. */
  measuredRate({ id }: Provider): number {
    return this.#known.get(id)?.bytesPerMs ?? 0;
  }

  rateOf(provider: Provider): number {
    return this.measuredRate(provider) || AT_FIRST[provider.origin].bytesPerMs;
  }

  latencyOf(provider: Provider): number {
    const measured = this.#known.get(provider.id)?.latencyMs ?? 0;
    if (measured > 0) return measured;
    const roundTripMs = this.#nodeOf(provider.id)?.roundTripMs ?? 0;
    return roundTripMs > 0 ? roundTripMs : AT_FIRST[provider.origin].latencyMs;
  }

  /** Whether more can be asked of it without the line to it idling or the queue there growing. */
  hasRoom(provider: Provider): boolean {
    const measure = this.#known.get(provider.id);
    if (measure === undefined || measure.asks === 0) return true;
    // Most of a long latency is its queue: that one must not grow by its own length.
    const deepMs = POLICY.pipelineMs + Math.min(POLICY.pipelineMs, this.latencyOf(provider));
    return (
      measure.asks < BOUNDS.swarmAsksOfProvider &&
      measure.askedBytes < this.rateOf(provider) * deepMs
    );
  }

  /** When so many bytes asked of it now are likely to be here, in milliseconds; worse is larger. */
  expectedMs(provider: Provider, bytes: number, now: number): number {
    const measure = this.#known.get(provider.id);
    const queuedBytes = (measure?.askedBytes ?? 0) + bytes;
    const ms = this.latencyOf(provider) + queuedBytes / this.rateOf(provider);
    const success = Math.max(0.05, measure?.success ?? 1);
    if (provider.origin !== 'swarm') return ms / success;
    const node = this.#nodeOf(provider.id);
    const isStale = node !== undefined && node.heardAtMs + POLICY.heartbeatMs <= now;
    const load = node?.load ?? 0;
    const standing = 0.5 + this.#scores.scoreOf(provider.id, now);
    return ((ms * (1 + load)) / success / standing) * (isStale ? POLICY.staleFactor : 1);
  }

  /** After so long without a byte an answer is late. */
  lateMs(provider: Provider): number {
    const deviationMs = this.#known.get(provider.id)?.deviationMs ?? 0;
    const lateMs = 2 * this.latencyOf(provider) + 4 * deviationMs;
    return Math.min(POLICY.hedgeAtMostMs, Math.max(POLICY.hedgeAtLeastMs, lateMs));
  }

  #forgetIdle(): void {
    if (this.#known.size <= BOUNDS.measuredProviders) return;
    for (const [id, { asks }] of this.#known) {
      if (asks > 0) continue;
      this.#known.delete(id);
      return;
    }
  }
}

/** Answers that are read one right after another, for this machine was busy, did not come as fast as that. */
function sample(measure: Measure, now: number): void {
  const passedMs = Math.max(1, now - measure.sampleFromMs);
  if (measure.bytesPerMs > 0 && passedMs < POLICY.sampleMs) return;
  const measured = measure.sampleBytes / passedMs;
  measure.bytesPerMs =
    measure.bytesPerMs === 0
      ? measured
      : measure.bytesPerMs * (1 - POLICY.newest) + measured * POLICY.newest;
  measure.sampleBytes = 0;
}

function flowed(flow: Flow, bytes: number, now: number): void {
  flow.bytes = flowRate(flow, now) * POLICY.flowMs + bytes;
  flow.atMs = now;
}

function flowRate({ bytes, atMs }: Flow, now: number): number {
  // What came to a stop flows no longer, however wide it was.
  if (now >= atMs + POLICY.officialAfterByteMs) return 0;
  return (bytes * Math.exp((atMs - now) / POLICY.flowMs)) / POLICY.flowMs;
}
