import { BOUNDS } from '../domain/bounds.js';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import { isLoopback, tcpMultiaddr, tcpOf } from './addresses.js';
import type { Sibling } from './messages.pb.js';
import type { PieceLink } from './piece-link.js';
import { parseMultiaddr } from './remembered-siblings.js';
import type { PieceShare } from './share.js';
import type { SharePeer } from './share-peers.js';

/** No sooner than this is a client that is short of siblings told of more. */
const AGAIN_MS = 5_000;
const PEER_CHARACTERS = 64;

/**
 * Tells those that share the same bundle of each other: it works where multicast does not. Each hears
 * of a random sample, so that among hundreds nobody hears of all.
 */
export class Introductions {
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #toldMs = new WeakMap<PieceLink, number>();

  constructor(clock: Clock, random: Random) {
    this.#clock = clock;
    this.#random = random;
  }

  /** A newcomer and a sample of the others hear of each other. */
  joined(share: PieceShare, link: PieceLink): void {
    if (!share.isServing) return;
    const sample = this.#sample(share, link);
    for (const other of sample) {
      const newcomer = sibling(link, share.sharers.addressesOf(link.peer), other.link);
      other.link.send(share.manifest.digest, { siblings: { siblings: [newcomer] } });
    }
    this.#tell(share, link, sample);
  }

  /** A client that asks says how many siblings it has: where these are few it hears of others. */
  asked(share: PieceShare, link: PieceLink, siblings: number): void {
    if (!share.isServing || siblings >= BOUNDS.neighboursSought) return;
    const peers = share.sharers.others(link.peer);
    if (peers.length <= siblings) return;
    if (this.#clock.monotonicMs() - (this.#toldMs.get(link) ?? -Infinity) < AGAIN_MS) return;
    this.#tell(share, link, this.#sample(share, link));
  }

  #tell(share: PieceShare, link: PieceLink, sample: SharePeer[]): void {
    this.#toldMs.set(link, this.#clock.monotonicMs());
    if (sample.length === 0) return;
    const siblings = sample.map((other) => sibling(other.link, other.addresses, link));
    link.send(share.manifest.digest, { siblings: { siblings } });
  }

  #sample(share: PieceShare, link: PieceLink): SharePeer[] {
    const left = share.sharers.others(link.peer);
    const sample: typeof left = [];
    while (left.length > 0 && sample.length < BOUNDS.neighboursSought)
      sample.push(...left.splice(this.#random.integer(left.length), 1));
    return sample;
  }
}

/** What a peer says of others, within bounds. */
export function parseSiblings(siblings: readonly Sibling[]): Sibling[] {
  return siblings
    .slice(0, BOUNDS.introduced)
    .filter(({ peer }) => peer.length <= PEER_CHARACTERS)
    .map(({ peer, addresses }) => ({
      peer,
      addresses: addresses.slice(0, BOUNDS.siblingAddresses),
    }));
}

function sibling(link: PieceLink, stated: readonly string[], hearer: PieceLink): Sibling {
  const hears = parseMultiaddr(hearer.address).map(tcpOf)[0];
  const isHere = hears !== undefined && isLoopback(hears.ip);
  return { peer: link.peer, addresses: reachable(link, stated, isHere) };
}

/**
 * Where others can dial a peer: the address that it is seen at, with the port it says it listens on,
 * and then what it says itself. Loopback is for those on the same machine only.
 * @param isHere Whether who would dial it is seen at loopback.
 */
export function reachable(link: PieceLink, stated: readonly string[], isHere: boolean): string[] {
  const seen = parseMultiaddr(link.address).map(tcpOf)[0];
  const plain = stated.flatMap(parseMultiaddr).flatMap((address) => tcpOf(address) ?? []);
  const sees = seen?.ip.includes(':');
  const all = new Set<string>();
  const add = (ip: string, port: number): void => {
    if (isLoopback(ip) && !(isHere && seen !== undefined && isLoopback(seen.ip))) return;
    all.add(tcpMultiaddr(ip, port).toString());
  };
  // A process may listen at another port for each family.
  if (seen) for (const { ip, port } of plain) if (ip.includes(':') === sees) add(seen.ip, port);
  for (const { ip, port } of plain) add(ip, port);
  return [...all].slice(0, BOUNDS.siblingAddresses);
}
