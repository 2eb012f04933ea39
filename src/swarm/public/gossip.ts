import { createHash } from 'node:crypto';
import {
  gossipsub,
  StrictSign,
  TopicValidatorResult,
  type GossipSub,
  type Message,
} from '@libp2p/gossipsub';
import type { PeerId } from '@libp2p/interface';
import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import type { Announcement } from '../../network/announcements.js';
import type { GossipGate, GossipVerdict } from '../../network/gossip-gate.js';
import { didOfPeer } from '../did.js';

/** Below gossipsub's graylist threshold (-80): nothing that it sends is looked at. */
const GRAYLISTED = -1_000;

/** Neighbours that send more than their measure: not listened to for a while. By peer id, until when. */
export class Flooders {
  readonly #untilMs = new Map<string, number>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  note(peer: string): void {
    this.#untilMs.delete(peer);
    this.#untilMs.set(peer, this.#now() + BOUNDS.gossipFlooderMs);
    if (this.#untilMs.size <= BOUNDS.gossipNeighbours) return;
    const [oldest] = this.#untilMs.keys();
    if (oldest !== undefined) this.#untilMs.delete(oldest);
  }

  has(peer: string): boolean {
    const untilMs = this.#untilMs.get(peer);
    if (untilMs === undefined) return false;
    if (untilMs > this.#now()) return true;
    this.#untilMs.delete(peer);
    return false;
  }
}

/** The topic of a network; it does not tell the network's name. */
export function gossipTopic(network: string): string {
  const hash = createHash('sha256').update(`x gossip 1\n${network}`).digest('hex');
  return `/x/gossip/1/${hash.slice(0, 32)}`;
}

/** Gossipsub as this network uses it: signed, of one topic, each message by its content, all bounded. */
export function gossipService(topic: string, flooders: Flooders) {
  return gossipsub({
    globalSignaturePolicy: StrictSign,
    allowedTopics: [topic],
    fallbackToFloodsub: false,
    canRelayMessage: false,
    emitSelf: false,
    doPX: false,
    allowPublishToZeroTopicPeers: true,
    // The same words are the same message, whoever wraps them anew.
    msgIdFn: ({ data }: Message) => createHash('sha256').update(data).digest(),
    awaitRpcMessageHandler: true,
    maxInboundDataLength: BOUNDS.gossipRpcBytes,
    maxOutboundBufferSize: BOUNDS.gossipSendBytes,
    maxTopicBytesPerPeer: BOUNDS.gossipTopicBytes,
    decodeRpcLimits: {
      maxSubscriptions: 16,
      maxMessages: BOUNDS.gossipBurst,
      maxIhaveMessageIDs: 1_000,
      maxIwantMessageIDs: 1_000,
      maxIdontwantMessageIDs: 1_000,
      maxControlMessages: 64,
      maxPeerInfos: 16,
    },
    scoreParams: {
      appSpecificScore: (peer) => (flooders.has(peer) ? GRAYLISTED : 0),
      appSpecificWeight: 1,
    },
  });
}

/** The library's object has it, and its type does not say so. */
interface OutboundStreams {
  /** By peer id. */
  readonly streamsOutbound: ReadonlyMap<string, unknown>;
}

/** What everybody hears: a line to all nodes of the network, gated before anything is passed on. */
export class GossipLine {
  readonly #pubsub: GossipSub & OutboundStreams;
  readonly #topic: string;
  readonly #tally = new Map<string, number>();

  constructor(
    pubsub: GossipSub,
    parts: {
      topic: string;
      gate: GossipGate;
      flooders: Flooders;
      now: () => number;
      onHeard: (announcement: Announcement, from: Did) => void;
    },
  ) {
    this.#pubsub = pubsub as GossipSub & OutboundStreams;
    this.#topic = parts.topic;
    this.#pubsub.topicValidators.set(this.#topic, (neighbour, message) => {
      const from = didOfPeer(neighbour);
      if (from === undefined) return TopicValidatorResult.Reject;
      const verdict = verdictOf(message, parts.gate, from, parts.now());
      const name = 'reason' in verdict ? verdict.reason : verdict.verdict;
      this.#tally.set(name, (this.#tally.get(name) ?? 0) + 1);
      if ('reason' in verdict && verdict.reason === 'flood')
        parts.flooders.note(neighbour.toString());
      if (verdict.verdict === 'accept') parts.onHeard(verdict.announcement, from);
      return RESULTS[verdict.verdict];
    });
  }

  start(): void {
    this.#pubsub.subscribe(this.#topic);
  }

  /** How many neighbours listen, and can be told: who says so may have said it before a stream leads there. */
  get listeners(): number {
    const { streamsOutbound } = this.#pubsub;
    const listening = this.#pubsub.getSubscribers(this.#topic);
    return listening.filter((peer) => streamsOutbound.has(peer.toString())).length;
  }

  /** How many messages were accepted, and how many not for each reason. */
  get tally(): ReadonlyMap<string, number> {
    return this.#tally;
  }

  /** @returns to how many neighbours it went; where nobody listens yet nobody hears it. */
  async publish(bytes: Uint8Array): Promise<number> {
    const { recipients } = await this.#pubsub.publish(this.#topic, bytes);
    return recipients.length;
  }
}

const RESULTS: Record<GossipVerdict['verdict'], TopicValidatorResult> = {
  accept: TopicValidatorResult.Accept,
  ignore: TopicValidatorResult.Ignore,
  reject: TopicValidatorResult.Reject,
};

function verdictOf(message: Message, gate: GossipGate, from: Did, now: number): GossipVerdict {
  const verdict = gate.check(message.data, from, now);
  if (verdict.verdict !== 'accept') return verdict;
  const wrapper: PeerId | undefined = message.type === 'signed' ? message.from : undefined;
  const isOwn = wrapper !== undefined && didOfPeer(wrapper) === verdict.announcement.author;
  return isOwn ? verdict : { verdict: 'reject', reason: 'forged' };
}
