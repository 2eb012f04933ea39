import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import type { Contact, LookupAction, LookupEvent, Owner } from '../../network/events.js';
import { groupOfMultiaddr } from '../../network/address-group.js';
import { Lookup } from '../../network/lookup.js';
import { lookupFirst, lookupStart } from '../../network/lookup-answer.js';
import type { NodePositions, Position } from '../../network/position.js';
import type { RoutingTable } from '../../network/routing-table.js';
import { GatheredQuestions, type PlaceReply } from './gathered-questions.js';
import { BusyNode, type LookupClient } from './lookup-client.js';
import type { LookupAnswer, LookupAsk } from './lookup-messages.js';
import type { NodeConnection, NodeHost } from './node-host.js';

/** A walk that ends because the last of them is silent ends a little before this clock says so. */
const EARLY_MS = 100;

export interface WalksDeps {
  host: NodeHost;
  client: LookupClient;
  table: RoutingTable;
  positions: NodePositions;
  /** Milliseconds since 1970 of a clock that never goes back. */
  now: () => number;
}

/** How a walk ended. */
export interface Walked {
  /** Those that answered, nearest first, of different networks. */
  closest: readonly Contact[];
  asked: number;
  hops: number;
  reason: Extract<LookupAction, { type: 'ended' }>['reason'] | 'stopped';
}

/** Makes walks over `/x/lookup/1`; what each node does about them goes into the routing table. */
export class Walks {
  readonly #deps: WalksDeps;
  readonly #questions: GatheredQuestions;
  /** When a node's silence was counted; the one counted last stands last. */
  readonly #failedMs = new Map<Did, number>();
  #running = 0;

  constructor(deps: WalksDeps) {
    this.#deps = deps;
    this.#questions = new GatheredQuestions(deps.client, deps.now);
  }

  /** How many are under way. */
  get running(): number {
    return this.#running;
  }

  /** Never rejects: a walk that leads nowhere has ended, and one that was stopped says so. */
  async walk(
    key: Position,
    isSearch: boolean,
    onFound: (owners: readonly Owner[]) => void,
    signal: AbortSignal,
  ): Promise<Walked> {
    const { table, positions, host, now } = this.#deps;
    table.used(key, now());
    const start = lookupStart(table, key, now());
    const first = lookupFirst(table, key, this.#dialled(), now());
    const own = { key, self: host.did, positions };
    const lookup = new Lookup({ ...own, first, start, isSearch, now: now() });
    this.#running += 1;
    try {
      return await this.#drive(lookup, { key, isSearch }, onFound, signal);
    } finally {
      this.#running -= 1;
    }
  }

  /** Who is connected because this machine went there: nobody gets in here by knocking. */
  #dialled(): Contact[] {
    const { host, table } = this.#deps;
    return host
      .connections()
      .filter(({ wasDialled, isRelayed, isOpen }) => wasDialled && !isRelayed && isOpen)
      .map(({ did, address, group }) => {
        const known = table.get(did);
        const addresses = known?.group === group ? known.addresses : [address];
        return { did, addresses, group, kind: known?.kind ?? 'light' };
      });
  }

  #drive(
    lookup: Lookup,
    question: { key: Position; isSearch: boolean },
    onFound: (owners: readonly Owner[]) => void,
    signal: AbortSignal,
  ): Promise<Walked> {
    const { now } = this.#deps;
    const ending = new AbortController();
    return new Promise<Walked>((resolve) => {
      let timer: NodeJS.Timeout | undefined;
      const end = (walked: Walked): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', stop);
        ending.abort(new Error('the walk is over'));
        resolve(walked);
      };
      const stop = (): void => end({ closest: [], asked: 0, hops: 0, reason: 'stopped' });
      const handle = (event: LookupEvent): void => {
        if (ending.signal.aborted) return;
        for (const action of lookup.handle(event, now())) {
          if (action.type === 'ended') return end(action);
          if (action.type === 'found') onFound(action.owners);
          else if (action.type === 'ask') void ask(action.node);
          else {
            clearTimeout(timer);
            timer = setTimeout(() => handle({ type: 'tick' }), Math.max(1, action.atMs - now()));
          }
        }
      };
      const ask = async (node: Contact): Promise<void> => {
        const answer = await this.#reach(node, ending.signal, (connection, late) =>
          this.#questions.ask(connection, question, late),
        );
        if (answer === undefined) handle({ type: 'failed', node: node.did });
        else handle({ type: 'answered', node: node.did, ...answer });
      };
      signal.addEventListener('abort', stop);
      if (signal.aborted) stop();
      else handle({ type: 'tick' });
    });
  }

  /** Asks one node beside all walks, over its open connection or a new one; undefined where it does not answer. */
  async ask(node: Contact, ask: LookupAsk, signal: AbortSignal): Promise<LookupAnswer | undefined> {
    return this.#reach(node, signal, (connection, late) =>
      this.#deps.client.ask(connection, ask, late),
    );
  }

  /** A late answer is welcome: it is waited for twice as long as a walk does. */
  async #reach<T extends Pick<PlaceReply, 'kind' | 'roundTripMs'>>(
    node: Contact,
    signal: AbortSignal,
    ask: (connection: NodeConnection, late: AbortSignal) => Promise<T>,
  ): Promise<T | undefined> {
    const { host } = this.#deps;
    const late = AbortSignal.any([signal, AbortSignal.timeout(2 * BOUNDS.lookupAskMs)]);
    const askedMs = performance.now();
    try {
      const connection = await host.connect(node, late);
      const answer = await ask(connection, late);
      this.#answered(node, connection, answer);
      return answer;
    } catch (error) {
      // Who was not waited for has not failed, and who is busy is there.
      const wasWaitedFor =
        !signal.aborted || performance.now() - askedMs >= BOUNDS.lookupAskMs - EARLY_MS;
      if (wasWaitedFor && !(error instanceof BusyNode)) this.#failed(node.did, askedMs);
      return undefined;
    }
  }

  /** Questions that were all on their way when a node fell silent are one failure. */
  #failed(did: Did, askedMs: number): void {
    if (askedMs <= (this.#failedMs.get(did) ?? -Infinity)) return;
    this.#failedMs.delete(did);
    this.#failedMs.set(did, performance.now());
    if (this.#failedMs.size > BOUNDS.knownNodes) {
      const [oldest] = this.#failedMs.keys();
      if (oldest !== undefined) this.#failedMs.delete(oldest);
    }
    this.#deps.table.failed(did);
  }

  /** A handshake proved where it is: its addresses elsewhere stay somebody's word. */
  #answered(
    { did, addresses }: Contact,
    { group, address, wasDialled }: NodeConnection,
    { kind, roundTripMs }: Pick<PlaceReply, 'kind' | 'roundTripMs'>,
  ): void {
    const { table, now } = this.#deps;
    const there = addresses.filter((one) => groupOfMultiaddr(one) === group);
    const known = table.get(did);
    if (there.length > 0) {
      // Where it was reached stands first: of a connection that it opened, the port is no door.
      const first = there.filter((one) => wasDialled && address.startsWith(one));
      const ordered = [...first, ...there.filter((one) => !first.includes(one))];
      table.answered({ did, addresses: ordered, group, kind }, roundTripMs, now());
    } else if (known !== undefined) table.beat(did, known, now());
  }
}
