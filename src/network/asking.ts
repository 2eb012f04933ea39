import { BOUNDS } from '../domain/bounds.js';
import { PIECE_SIZE_BYTES, pieceCount } from '../domain/piece.js';
import type { Random } from '../ports/random.js';
import type { ArtifactFetch, OpenAsk } from './artifact-fetch.js';
import { isRemote, type Portion, type Provider, type SelectorAction } from './events.js';
import { NETWORK_POLICY as POLICY } from './policy.js';
import type { ProviderMeasures } from './provider-measures.js';

/** Whom to ask for what: the half of the selector that opens and closes requests. */
export class Asking {
  readonly actions: SelectorAction[] = [];
  readonly fetchOfAsk = new Map<number, ArtifactFetch>();
  readonly #random: Random;
  /** When a plan began last. */
  plannedMs = -Infinity;
  /** When this machine was late itself: what came meanwhile is heard next. */
  stalledMs = -Infinity;
  #nextAsk = 1;

  constructor(
    readonly measures: ProviderMeasures,
    random: Random,
  ) {
    this.#random = random;
  }

  /** Everything that can be asked for one artifact now. */
  proceed(fetch: ArtifactFetch, now: number): void {
    if (this.#askHere(fetch, now)) return;
    this.#search(fetch);
    this.#askOfficial(fetch, now);
    if (fetch.mode === 'undecided') this.#decide(fetch, now);
    if (fetch.mode === 'tree') {
      this.#compareClaims(fetch, now);
      if (fetch.root !== undefined) this.#fillPieces(fetch, now);
    }
    this.#repeatLate(fetch, now);
  }

  /** Requests that nothing more is expected of. */
  expired(fetch: ArtifactFetch, now: number): OpenAsk[] {
    return [...fetch.asks.values()].filter((ask) => this.#isPast(this.#overAtMs(ask), now));
  }

  /** When something is to be looked at again, whatever happens. */
  nextMs(fetch: ArtifactFetch, now: number): number {
    if (fetch.isChecking) return Infinity;
    let atMs = isAtEnd(fetch) && fetch.peers().length > 1 ? now + POLICY.endLookMs : Infinity;
    for (const ask of fetch.asks.values()) {
      // What is late already is looked at whenever a provider becomes free.
      const lateAtMs = this.#lateAtMs(ask);
      if (!ask.isHedged && lateAtMs > now) atMs = Math.min(atMs, lateAtMs);
      atMs = Math.min(atMs, Math.max(this.#overAtMs(ask), this.stalledMs + POLICY.stalledMs));
    }
    if (fetch.official !== 'not asked' || fetch.upstream === undefined) return atMs;
    const silentAtMs = fetch.silentAtMs();
    // Where its owners are busy with other answers to this machine, it is looked at again.
    atMs = Math.min(atMs, silentAtMs > now ? silentAtMs : now + POLICY.endLookMs);
    if (fetch.firstByteMs === undefined) return atMs;
    return Math.min(atMs, Math.max(fetch.firstByteMs + POLICY.rateAfterMs, now + POLICY.endLookMs));
  }

  /** Whether a deadline of others is over; one that passed while this machine was stopped is a little later. */
  #isPast(atMs: number, now: number): boolean {
    const isStalled = now < this.stalledMs + POLICY.stalledMs;
    return now >= atMs + (isStalled ? BOUNDS.swarmAskMs : 0);
  }

  /** What is on this machine is read from here, and nobody else is asked meanwhile. */
  #askHere(fetch: ArtifactFetch, now: number): boolean {
    const here = fetch.peers().find(({ provider }) => !isRemote(provider));
    if (here === undefined) return false;
    if (fetch.asks.size === 0) this.ask(fetch, here.provider, { kind: 'whole' }, now);
    return true;
  }

  /** A second search is worth its while once everybody that the first one found is out. */
  #search(fetch: ArtifactFetch): void {
    const isStuck = fetch.isSearched && fetch.peers().length === 0 && fetch.providers.size > 1;
    if (fetch.lookups !== 0 && !(fetch.lookups === 1 && isStuck)) return;
    fetch.lookups += 1;
    fetch.isSearched = false;
    this.actions.push({ type: 'look-up', fetch: fetch.id });
  }

  #askOfficial(fetch: ArtifactFetch, now: number): void {
    const { upstream } = fetch;
    if (upstream === undefined || upstream.isOut) return;
    const reason = fetch.official === 'not asked' ? this.#officialReason(fetch, now) : undefined;
    if (reason !== undefined) {
      fetch.official = 'asked';
      this.actions.push({ type: 'fell-back', fetch: fetch.id, reason });
    }
    if (fetch.official !== 'asked' || fetch.mode === 'tree') return;
    // No tree is in use: it sends all of it, and who is first wins.
    const isAsked = [...fetch.asks.values()].some(({ provider }) => provider === upstream.provider);
    if (!isAsked) this.ask(fetch, upstream.provider, { kind: 'whole' }, now);
  }

  #officialReason(
    fetch: ArtifactFetch,
    now: number,
  ): 'nobody' | 'silent' | 'slow' | 'liars' | undefined {
    if (fetch.falseRoots.size >= BOUNDS.swarmFalseClaims) return 'liars';
    if (fetch.peers().length === 0 && (fetch.isSearched || fetch.lookups > 1)) return 'nobody';
    const isSilent = this.#isPast(fetch.silentAtMs(), now);
    const { firstByteMs } = fetch;
    const isMeasured = firstByteMs !== undefined && now >= firstByteMs + POLICY.rateAfterMs;
    if (!isSilent && !isMeasured) return undefined;
    const provider = fetch.upstream?.provider;
    const official = provider === undefined ? 0 : this.measures.measuredRate(provider);
    const least = Math.max(POLICY.slowBytesPerMs, official / POLICY.slowerThanOfficial);
    // One line carries all that is fetched: what waits behind other answers is not held up by silence.
    if (this.#flowOf(fetch, now) >= least && !this.#isKeptWaiting(fetch, now)) return undefined;
    if (isSilent) return this.#isEarly(fetch, now) ? undefined : 'silent';
    return isMeasured && fetch.swarmBytes / (now - firstByteMs) < least ? 'slow' : undefined;
  }

  /** It was asked for itself, and nothing of it came for so long that its turn should have come. */
  #isKeptWaiting({ asks }: ArtifactFetch, now: number): boolean {
    return [...asks.values()].some(({ heardMs }) => now >= heardMs + BOUNDS.swarmAskMs);
  }

  /**
   * All of a plan is looked for and begun at once; or its question waits behind others that are being
   * answered: who answers is not silent.
   */
  #isEarly({ foundMs, firstByteMs, startedMs }: ArtifactFetch, now: number): boolean {
    if (firstByteMs === undefined && now < this.plannedMs + POLICY.officialAfterPlanMs) return true;
    if (foundMs !== undefined || now >= startedMs + POLICY.officialAfterBusyMs) return false;
    return now < this.measures.swarmHeardMs + POLICY.officialAfterByteMs;
  }

  /** What those who have it send this machine of late, for this artifact or for others. */
  #flowOf(fetch: ArtifactFetch, now: number): number {
    return fetch
      .peers()
      .reduce((sum, { provider }) => sum + this.measures.flowOf(provider, now), 0);
  }

  /** Asks for trees, or for an artifact of one piece at once, and takes the first tree that comes. */
  #decide(fetch: ArtifactFetch, now: number): void {
    const root = fetch.likeliestRoot();
    // What the official source has begun to send is not thrown away for somebody's tree.
    const isComing = [...fetch.asks.values()].some(
      ({ provider, hasBegun }) => provider.origin === 'upstream' && hasBegun,
    );
    if (isComing) return;
    if (root !== undefined) {
      this.#useTree(fetch, root);
      return;
    }
    if (fetch.asks.size > 0) return;
    const { lengthBytes } = fetch;
    const isOnePiece = lengthBytes !== undefined && pieceCount(lengthBytes) <= 1;
    const provider = this.#best(fetch, isOnePiece ? lengthBytes : PIECE_SIZE_BYTES, now);
    if (provider !== undefined)
      this.ask(fetch, provider, { kind: isOnePiece ? 'whole' : 'tree' }, now);
  }

  #useTree(fetch: ArtifactFetch, root: string): void {
    for (const ask of [...fetch.asks.values()])
      if (ask.portion.kind !== 'tree') this.cancel(fetch, ask);
    if (fetch.root !== undefined) this.actions.push({ type: 'discard', fetch: fetch.id });
    fetch.useRoot(root);
    this.actions.push({ type: 'use-tree', fetch: fetch.id, root });
  }

  /**
   * Who has it under another root is asked for its tree as well. Nobody knows yet which is false, but
   * more networks are likelier to be right, and what was fetched under a false root is lost.
   */
  #compareClaims(fetch: ArtifactFetch, now: number): void {
    const root = fetch.likeliestRoot();
    if (root !== undefined && root !== fetch.root) this.#useTree(fetch, root);
    if (fetch.asks.size === 0 && !fetch.isRootServed()) {
      // Nobody is left who goes by it: the next one is tried.
      fetch.dropRoot();
      this.actions.push({ type: 'discard', fetch: fetch.id });
      this.#decide(fetch, now);
      return;
    }
    let trees = [...fetch.asks.values()].filter(({ portion }) => portion.kind === 'tree').length;
    for (const { provider, tree, isOut } of fetch.providers.values()) {
      if (tree !== 'other' || isOut || trees >= BOUNDS.swarmClaims) continue;
      if ([...fetch.asks.values()].some((ask) => ask.provider === provider)) continue;
      this.ask(fetch, provider, { kind: 'tree' }, now);
      trees += 1;
    }
  }

  #fillPieces(fetch: ArtifactFetch, now: number): void {
    for (;;) {
      if (fetch.nextRun(1, 1) === undefined || this.fetchOfAsk.size >= BOUNDS.swarmAsks) return;
      const provider = this.#best(fetch, PIECE_SIZE_BYTES, now);
      if (provider === undefined) return;
      const run = fetch.nextRun(1, this.#runPieces(provider));
      if (run === undefined) return;
      this.ask(fetch, provider, { kind: 'pieces', ...run }, now);
    }
  }

  #runPieces(provider: Provider): number {
    const atMost = provider.origin === 'upstream' ? POLICY.runPiecesAtUpstream : BOUNDS.runPieces;
    const pieces = (this.measures.rateOf(provider) * POLICY.runMs) / PIECE_SIZE_BYTES;
    return Math.max(1, Math.min(atMost, Math.round(pieces)));
  }

  /** Whoever is likely to have sent so much first; now and then somebody else. */
  #best(
    fetch: ArtifactFetch,
    bytes: number,
    now: number,
    except?: ReadonlySet<string>,
  ): Provider | undefined {
    const able = [...fetch.providers.values()]
      .filter(({ provider, isOut, root, tree }) => {
        if (isOut || except?.has(provider.id) === true) return false;
        if (provider.origin === 'upstream' && fetch.official !== 'asked') return false;
        if (tree === 'other') return false;
        const goesByTree = root === undefined || fetch.root === undefined || root === fetch.root;
        return goesByTree && this.measures.hasRoom(provider);
      })
      .map(({ provider }) => provider);
    if (able.length > 1 && this.#random.integer(POLICY.explore) === 0)
      return able[this.#random.integer(able.length)];
    let best: Provider | undefined;
    let leastMs = Infinity;
    for (const provider of able) {
      const ms = this.measures.expectedMs(provider, bytes, now);
      if (ms >= leastMs) continue;
      leastMs = ms;
      best = provider;
    }
    return best;
  }

  /**
   * What is late is asked of another too; the first answer wins. At the end, when nothing else is left
   * to ask for, so is what another is likely to send in half the time.
   */
  #repeatLate(fetch: ArtifactFetch, now: number): void {
    const isTail = isAtEnd(fetch);
    for (const ask of [...fetch.asks.values()]) {
      const { portion } = ask;
      const isLate = now >= this.#lateAtMs(ask);
      if (fetch.mode === 'tree' && portion.kind === 'tree') continue;
      if (!isLate && (!isTail || ask.isHedged)) continue;
      const provider = this.#alternative(fetch, ask, now);
      if (provider === undefined) continue;
      const expectedMs = this.measures.expectedMs(provider, ask.bytes, now);
      if (!isLate && 2 * expectedMs > this.#remainingMs(ask, now)) continue;
      ask.isHedged = true;
      const repeated = provider.origin === 'upstream' && portion.kind === 'tree';
      this.ask(fetch, provider, repeated ? { kind: 'whole' } : portion, now);
    }
  }

  /** Another one for the same: one peer at most, and the official source should those be dead. */
  #alternative(fetch: ArtifactFetch, ask: OpenAsk, now: number): Provider | undefined {
    const asking = new Set(
      [...fetch.asks.values()]
        .filter(({ portion }) => overlap(portion, ask.portion))
        .map(({ provider }) => provider.id),
    );
    if (!ask.isHedged && asking.size < POLICY.asksPerPiece)
      return this.#best(fetch, Math.max(ask.bytes, 1), now, asking);
    const official = fetch.official === 'asked' ? fetch.upstream : undefined;
    if (official === undefined || official.isOut || asking.has(official.provider.id))
      return undefined;
    return this.measures.hasRoom(official.provider) ? official.provider : undefined;
  }

  /** At the pace that it comes in, or else as its provider sends as a rule. */
  #remainingMs(ask: OpenAsk, now: number): number {
    const passedMs = Math.max(1, now - ask.sentMs);
    const rate =
      ask.heardBytes > 0 ? ask.heardBytes / passedMs : this.measures.rateOf(ask.provider);
    return (ask.bytes - ask.heardBytes) / rate;
  }

  /** An answer may wait behind another one of the same provider: while that comes, it is there. */
  #overAtMs(ask: OpenAsk): number {
    // Whoever fetches from upstream has its own deadlines, and tries again by itself.
    if (ask.provider.origin === 'upstream') return Infinity;
    const heardMs = Math.max(ask.heardMs, this.measures.heardMsOf(ask.provider));
    return Math.min(heardMs + BOUNDS.swarmAskMs, ask.sentMs + BOUNDS.swarmAskAtMostMs);
  }

  /** While its provider sends other answers on the same line, one that waits behind them is not late. */
  #lateAtMs(ask: OpenAsk): number {
    const heardMs = Math.max(ask.heardMs, this.measures.heardMsOf(ask.provider));
    const lateMs = heardMs + this.measures.lateMs(ask.provider);
    return Math.min(lateMs, ask.heardMs + BOUNDS.swarmAskMs);
  }

  ask(fetch: ArtifactFetch, provider: Provider, portion: Portion, now: number): void {
    const id = this.#nextAsk++;
    const bytes = fetch.bytesOf(portion);
    const ask = { id, provider, portion, bytes, sentMs: now, heardMs: now, heardBytes: 0 };
    fetch.asks.set(id, { ...ask, hasBegun: false, isHedged: false });
    fetch.asking(portion, 1);
    this.fetchOfAsk.set(id, fetch);
    this.measures.asked(provider, bytes);
    this.actions.push({ type: 'ask', fetch: fetch.id, ask: id, provider, portion });
  }

  end(fetch: ArtifactFetch, { id, provider, portion, bytes }: OpenAsk): void {
    fetch.asks.delete(id);
    fetch.asking(portion, -1);
    this.fetchOfAsk.delete(id);
    this.measures.ended(provider, bytes);
  }

  cancel(fetch: ArtifactFetch, ask: OpenAsk): void {
    this.end(fetch, ask);
    this.actions.push({ type: 'cancel', ask: ask.id });
  }

  cancelNeedless(fetch: ArtifactFetch): void {
    for (const ask of [...fetch.asks.values()])
      if (ask.portion.kind === 'pieces' && fetch.bytesOf(ask.portion) === 0)
        this.cancel(fetch, ask);
  }
}

/** Whether everything that is missing is asked for. */
function isAtEnd(fetch: ArtifactFetch): boolean {
  return fetch.mode === 'tree' && fetch.nextRun(1, 1) === undefined;
}

function overlap(a: Portion, b: Portion): boolean {
  if (a.kind !== 'pieces' || b.kind !== 'pieces') return true;
  return a.first < b.first + b.count && b.first < a.first + a.count;
}
