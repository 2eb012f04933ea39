import assert from 'node:assert/strict';
import { BOUNDS } from '../domain/bounds.js';
import type { NetworkNode } from '../domain/network-node.js';
import type { Origin } from '../domain/plan.js';
import type { Random } from '../ports/random.js';
import { Asking } from './asking.js';
import { ArtifactFetch, type OpenAsk } from './artifact-fetch.js';
import { isRemote, type Provider, type SelectorAction, type SelectorEvent } from './events.js';
import { NETWORK_POLICY as POLICY } from './policy.js';
import { ProviderMeasures } from './provider-measures.js';
import type { Scores } from './scores.js';

/** Bytes that were not told of before. */
function freshBytes(
  { heardBytes }: OpenAsk,
  event: Extract<SelectorEvent, { type: 'claimed' | 'heard' | 'answered' }>,
): number {
  if (event.type === 'claimed') return 0;
  return event.type === 'heard' ? event.bytes : Math.max(0, event.bytes - heardBytes);
}

type Wanted = Extract<SelectorEvent, { type: 'wanted' }>;

/**
 * Decides for every artifact that is fetched whom to ask for what: several providers at once, the one
 * that is likely to be done first first; who is late has its request repeated at another; the official
 * source is a peer like any other, the last one, asked at once when nobody answers. What strangers
 * send stays in quarantine until the publisher's digest holds. No I/O, no clock, no randomness of its
 * own: events and the time in, actions out.
 */
export class Selector {
  readonly #scores: Scores;
  readonly #asking: Asking;
  readonly #fetches = new Map<number, ArtifactFetch>();
  readonly #waiting: Wanted[] = [];
  #wakeMs = Infinity;

  /** @param deps.nodeOf what the routing table knows of a provider. */
  constructor(deps: {
    random: Random;
    scores: Scores;
    nodeOf: (id: string) => NetworkNode | undefined;
  }) {
    this.#scores = deps.scores;
    this.#asking = new Asking(new ProviderMeasures(deps.scores, deps.nodeOf), deps.random);
  }

  /** Under way or waiting for their turn. */
  get size(): number {
    return this.#fetches.size + this.#waiting.length;
  }

  /** @param now milliseconds since 1970 of a clock that never goes back. */
  handle(event: SelectorEvent, now: number): SelectorAction[] {
    if (now > this.#wakeMs + POLICY.stalledMs) this.#asking.stalledMs = now;
    this.#wakeMs = Infinity;
    this.#apply(event, now);
    // Bytes alone change nothing that is to be asked.
    if (event.type !== 'heard')
      for (const fetch of this.#fetches.values()) this.#proceed(fetch, now);
    this.#startWaiting(now);
    this.#wake(now);
    return this.#asking.actions.splice(0);
  }

  #apply(event: SelectorEvent, now: number): void {
    switch (event.type) {
      case 'wanted':
        assert.ok(this.#waiting.length < BOUNDS.swarmWaitingFetches, 'fewer fetches at once');
        this.#waiting.push(event);
        return;
      case 'planned':
        this.#asking.plannedMs = now;
        return;
      case 'found':
        this.#found(this.#fetches.get(event.fetch), event.providers, now);
        return;
      case 'searched': {
        const fetch = this.#fetches.get(event.fetch);
        if (fetch !== undefined) fetch.isSearched = true;
        return;
      }
      case 'checked': {
        const fetch = this.#fetches.get(event.fetch);
        if (fetch?.isChecking === true) this.#checked(fetch, event.matches, now);
        return;
      }
      case 'abandoned':
        this.#abandon(event.fetch);
        return;
      case 'left':
        this.#left(event.provider, now);
        return;
      case 'tick':
        return;
      case 'claimed':
      case 'heard':
      case 'answered':
      case 'failed': {
        const fetch = this.#asking.fetchOfAsk.get(event.ask);
        const ask = fetch?.asks.get(event.ask);
        // What was cancelled may still be answered: too late to matter.
        if (fetch !== undefined && ask !== undefined) this.#applyToAsk(fetch, ask, event, now);
      }
    }
  }

  #found(fetch: ArtifactFetch | undefined, providers: readonly Provider[], now: number): void {
    if (fetch === undefined) return;
    for (const provider of providers) {
      if (isRemote(provider) && this.#scores.isShunned(provider.id, now)) continue;
      fetch.meet(provider);
      if (!isRemote(provider)) continue;
      fetch.foundMs ??= now;
      this.#asking.measures.swarmHeardMs = now;
    }
  }

  #applyToAsk(
    fetch: ArtifactFetch,
    ask: OpenAsk,
    event: Extract<SelectorEvent, { type: 'claimed' | 'heard' | 'answered' | 'failed' }>,
    now: number,
  ): void {
    if (event.type !== 'failed') {
      if (!ask.hasBegun) this.#asking.measures.began(ask.provider, now - ask.sentMs);
      ask.hasBegun = true;
      ask.heardMs = now;
      this.#asking.measures.heard(ask.provider, freshBytes(ask, event), now);
      fetch.firstByteMs ??= now;
      fetch.lastByteMs = now;
    }
    switch (event.type) {
      case 'heard':
        ask.heardBytes += event.bytes;
        if (ask.provider.origin !== 'upstream') fetch.swarmBytes += event.bytes;
        return;
      case 'claimed':
        this.#asking.end(fetch, ask);
        fetch.claim(ask.provider, event.root, event.lengthBytes);
        return;
      case 'failed':
        this.#failed(fetch, ask, event.reason, now);
        return;
      case 'answered':
        this.#asking.end(fetch, ask);
        this.#answered(fetch, ask, event, now);
    }
  }

  #answered(
    fetch: ArtifactFetch,
    { provider, portion, sentMs }: OpenAsk,
    { good, bad, bytes }: Extract<SelectorEvent, { type: 'answered' }>,
    now: number,
  ): void {
    this.#asking.measures.came(provider, bytes, sentMs, now);
    if (portion.kind === 'whole') {
      fetch.wholeFrom = { provider, bytes };
      this.#check(fetch);
      return;
    }
    if (bad.length > 0) {
      // The official source is right about its own file: then the tree is false.
      if (provider.origin === 'upstream') this.#refute(fetch, now);
      else this.#blame(fetch, provider.id, 'bad-piece', now);
      if (fetch.root === undefined) return;
    }
    for (const index of good) fetch.arrived(index, provider);
    this.#asking.cancelNeedless(fetch);
    if (fetch.mode === 'tree' && fetch.missing === 0) this.#check(fetch);
  }

  #failed(
    fetch: ArtifactFetch,
    ask: OpenAsk,
    reason: 'absent' | 'other-tree' | 'malformed' | 'broken',
    now: number,
  ): void {
    const { provider } = ask;
    this.#asking.end(fetch, ask);
    if (reason !== 'other-tree') this.#asking.measures.failed(provider);
    if (provider.origin === 'upstream') {
      fetch.failed(provider);
      if (fetch.upstream?.isOut === true) fetch.official = 'failed';
      return;
    }
    if (reason === 'malformed') {
      this.#blame(fetch, provider.id, 'malformed', now);
      return;
    }
    if (isRemote(provider) && reason !== 'other-tree') this.#scores.failed(provider.id, now);
    if (reason === 'absent' || !isRemote(provider)) fetch.out(provider.id);
    else if (reason === 'broken') fetch.failed(provider);
    else {
      // Its own claim is heard before anybody is believed.
      const state = fetch.providers.get(provider.id);
      if (state !== undefined) state.tree = 'other';
    }
  }

  #left(id: string, now: number): void {
    for (const fetch of this.#fetches.values()) {
      for (const ask of [...fetch.asks.values()])
        if (ask.provider.id === id) this.#failed(fetch, ask, 'broken', now);
      fetch.out(id);
    }
  }

  #check(fetch: ArtifactFetch): void {
    for (const ask of [...fetch.asks.values()]) this.#asking.cancel(fetch, ask);
    fetch.isChecking = true;
    this.#asking.actions.push({ type: 'check', fetch: fetch.id });
  }

  #checked(fetch: ArtifactFetch, matches: boolean, now: number): void {
    fetch.isChecking = false;
    if (matches) {
      const bytes = new Map<Origin, number>();
      for (const [provider, given] of fetch.given()) {
        bytes.set(provider.origin, (bytes.get(provider.origin) ?? 0) + given);
        if (isRemote(provider)) this.#scores.served(provider.id, given, now);
      }
      for (const id of fetch.falseClaimants()) this.#blame(fetch, id, 'false-claim', now);
      this.#fetches.delete(fetch.id);
      this.#asking.actions.push({ type: 'finished', fetch: fetch.id, bytes });
      return;
    }
    const whole = fetch.wholeFrom?.provider;
    if (whole === undefined) {
      this.#refute(fetch, now);
      return;
    }
    this.#asking.actions.push({ type: 'discard', fetch: fetch.id });
    fetch.startAfresh();
    if (whole.origin === 'upstream') {
      fetch.official = 'failed';
      fetch.officialMismatch = true;
      fetch.out(whole.id);
    } else if (isRemote(whole)) this.#blame(fetch, whole.id, 'false-claim', now);
    else fetch.out(whole.id);
  }

  /** The tree in use is not the artifact's: whoever claimed it lied, and nothing under it is kept. */
  #refute(fetch: ArtifactFetch, now: number): void {
    for (const ask of [...fetch.asks.values()])
      if (ask.portion.kind === 'pieces') this.#asking.cancel(fetch, ask);
    this.#asking.actions.push({ type: 'discard', fetch: fetch.id });
    for (const id of fetch.refuteRoot()) this.#blame(fetch, id, 'false-claim', now);
  }

  #blame(
    fetch: ArtifactFetch,
    id: string,
    reason: 'bad-piece' | 'malformed' | 'false-claim',
    now: number,
  ): void {
    this.#scores.lied(id, now);
    this.#asking.actions.push({ type: 'blame', provider: id, reason });
    fetch.out(id);
    for (const other of this.#fetches.values()) {
      other.out(id);
      for (const ask of [...other.asks.values()])
        if (ask.provider.id === id) this.#asking.cancel(other, ask);
    }
  }

  #abandon(id: number): void {
    const at = this.#waiting.findIndex(({ fetch }) => fetch === id);
    if (at >= 0) this.#waiting.splice(at, 1);
    const fetch = this.#fetches.get(id);
    if (fetch === undefined) return;
    for (const ask of [...fetch.asks.values()]) this.#asking.cancel(fetch, ask);
    this.#asking.actions.push({ type: 'discard', fetch: id });
    this.#fetches.delete(id);
  }

  #startWaiting(now: number): void {
    while (this.#fetches.size < BOUNDS.swarmFetches) {
      const wanted = this.#waiting.shift();
      if (wanted === undefined) return;
      const fetch = new ArtifactFetch(wanted.fetch, wanted.lengthBytes, now);
      this.#found(fetch, wanted.providers, now);
      this.#fetches.set(fetch.id, fetch);
      this.#proceed(fetch, now);
    }
  }

  /** Everything that is to be done for one artifact now. */
  #proceed(fetch: ArtifactFetch, now: number): void {
    if (fetch.isChecking) return;
    for (const ask of this.#asking.expired(fetch, now)) {
      this.#asking.actions.push({ type: 'cancel', ask: ask.id });
      this.#failed(fetch, ask, 'broken', now);
    }
    this.#asking.proceed(fetch, now);
    if (fetch.isPossible()) return;
    const reason = fetch.officialMismatch ? 'mismatch' : 'nobody';
    this.#fetches.delete(fetch.id);
    this.#asking.actions.push({ type: 'failed', fetch: fetch.id, reason });
  }

  #wake(now: number): void {
    let atMs = Infinity;
    for (const fetch of this.#fetches.values())
      atMs = Math.min(atMs, this.#asking.nextMs(fetch, now));
    if (atMs === Infinity) return;
    this.#wakeMs = Math.max(atMs, now + 1);
    this.#asking.actions.push({ type: 'wake', atMs: this.#wakeMs });
  }
}
