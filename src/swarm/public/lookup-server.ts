import type { Stream } from '@libp2p/interface';
import { BOUNDS } from '../../domain/bounds.js';
import type { NodeKind } from '../../domain/network-node.js';
import { answerLookup } from '../../network/lookup-answer.js';
import type { Owner } from '../../network/events.js';
import type { OwnerCache } from '../../network/owner-cache.js';
import { networkId, textOfPosition, type Position } from '../../network/position.js';
import type { ProviderRecords } from '../../network/records.js';
import type { Demand } from '../../network/retention.js';
import type { RoutingTable } from '../../network/routing-table.js';
import { FrameStream } from '../frames.js';
import {
  decodeRequest,
  encodeAnswer,
  encodeRefusal,
  LOOKUP_PROTOCOL,
  type AskerWord,
  type LookupAnswer,
  type LookupAsk,
} from './lookup-messages.js';
import { LookupStatus } from './lookup.pb.js';
import type { NodeConnection, NodeHost } from './node-host.js';
import { QuestionGate } from './question-gate.js';
import { statedAddresses } from './stated-addresses.js';

export interface LookupServerDeps {
  network: string;
  kind: NodeKind;
  table: RoutingTable;
  records: ProviderRecords;
  cache: OwnerCache;
  demand: Demand;
  /** This node as an owner; undefined where it holds nothing public at that place. */
  ownOf: (key: Position) => Owner | undefined;
  /** Milliseconds since 1970 of a clock that never goes back. */
  now: () => number;
}

/** Answers `/x/lookup/1`: one request a stream, its reply, end. */
export class LookupServer {
  readonly #deps: LookupServerDeps;
  readonly #network: Uint8Array;
  readonly #gate: QuestionGate;
  /** Who asked for what, and when; the one counted last stands last. */
  readonly #counted = new Map<string, number>();

  constructor(deps: LookupServerDeps) {
    this.#deps = deps;
    this.#network = networkId(deps.network);
    this.#gate = new QuestionGate(deps.now());
  }

  async start(host: NodeHost): Promise<void> {
    await host.handle(LOOKUP_PROTOCOL, (stream, from) => this.handle(stream, from), {
      inbound: BOUNDS.lookupStreams,
      outbound: BOUNDS.lookupStreams,
    });
  }

  handle(stream: Stream, from: NodeConnection): void {
    let asked = false;
    const timer = setTimeout(
      () => frames.abort(new Error('no request came')),
      BOUNDS.lookupRequestMs,
    );
    const frames = new FrameStream(
      stream,
      {
        onFrame: (frame) => {
          if (asked) throw new Error('a second request on one stream');
          asked = true;
          clearTimeout(timer);
          frames.send(this.#reply(frame, from));
          frames.close().catch((error: unknown) => {
            frames.abort(error instanceof Error ? error : new Error(String(error)));
          });
        },
        onEnd: () => clearTimeout(timer),
      },
      BOUNDS.lookupRequestBytes,
    );
  }

  /** @throws Error where the request is malformed. */
  #reply(frame: Parameters<typeof decodeRequest>[0], from: NodeConnection): Uint8Array {
    const { kind, now } = this.#deps;
    const at = now();
    if (!this.#gate.takes(from.group, 1, at)) return encodeRefusal(LookupStatus.BUSY, kind);
    const request = decodeRequest(frame, this.#network);
    if (request === undefined) return encodeRefusal(LookupStatus.OTHER_NETWORK, kind);
    const { ask, word } = request;
    const cost =
      ask.type === 'question'
        ? ask.keys.length - 1
        : Math.floor(ask.keys.length / BOUNDS.recordsAsQuestion);
    if (cost > 0 && !this.#gate.takes(from.group, cost, at))
      return encodeRefusal(LookupStatus.BUSY, kind);
    return encodeAnswer(this.#answer(ask, word, from, at));
  }

  #answer(ask: LookupAsk, word: AskerWord, from: NodeConnection, at: number): LookupAnswer {
    const { kind, table, records } = this.#deps;
    const addresses = statedAddresses(word.addresses, from, table);
    this.#met(from, { ...word, addresses }, at);
    const nothing = { owners: [], closer: [], more: [], refused: new Set<number>(), kind };
    if (ask.type === 'question') {
      const [first, ...more] = ask.keys.map((key) => {
        if (ask.isSearch) this.#wanted(key, from.group, at);
        return answerLookup(this.#deps, { key, asker: from.did }, at);
      });
      return { ...nothing, ...first, more };
    }
    if (ask.type === 'withdraw') {
      for (const key of ask.keys) records.withdraw(key, from.did);
      return nothing;
    }
    const owner = { did: from.did, addresses, group: from.group };
    const verdicts = ask.keys.map((key) => records.add(key, owner, at));
    const refused = verdicts.flatMap((verdict, i) => (verdict === 'refused' ? [i] : []));
    return { ...nothing, refused: new Set(refused) };
  }

  /** Who asks is there; where it can be dialled is its word until it was. */
  #met({ did, group }: NodeConnection, { addresses, kind }: AskerWord, at: number): void {
    const { table } = this.#deps;
    const known = table.get(did);
    if (known !== undefined) table.beat(did, known, at);
    else if (addresses.length > 0)
      table.heard({ did, addresses, group, kind, freeBytes: 0, load: 0 }, at);
  }

  /** Each network counts once an hour for one key: who asks a thousand times is one who wants it. */
  #wanted(key: Position, group: string, at: number): void {
    const text = textOfPosition(key);
    const who = `${text} ${group}`;
    if ((this.#counted.get(who) ?? -Infinity) + BOUNDS.countedDemandMs > at) return;
    this.#counted.delete(who);
    this.#counted.set(who, at);
    if (this.#counted.size > BOUNDS.countedDemands) {
      const [oldest] = this.#counted.keys();
      if (oldest !== undefined) this.#counted.delete(oldest);
    }
    this.#deps.demand.asked(text, at);
  }
}
