import { decode, encode, type Answer, type TxtAnswer } from 'dns-packet';
import { multiaddr } from '@multiformats/multiaddr';
import type { Did } from '../domain/bundle.js';
import { sha256 } from '../domain/digest.js';
import { BOUNDS } from '../domain/bounds.js';
import { tcpMultiaddr, tcpOf } from './addresses.js';

/** What a process says of itself on a link: RFC 6763, with addresses as libp2p's mDNS states them. */
export interface Announcement {
  tag: string;
  peer: string;
  addresses: { ip: string; port: number }[];
}

/** What a packet of ours or of a stranger says, as far as it matters here. */
export interface MulticastMessage {
  /** Tags that it asks for. */
  asked: string[];
  /** At most one: a packet that speaks of several peers speaks for others. */
  announced: Announcement | undefined;
}

const TTL_SECONDS = 120;
const ADDRESS_KEY = 'dnsaddr=';
const PEER = /^[1-9A-HJ-NP-Za-km-z]{8,64}$/;
/** RFC 6762, section 17. */
const PACKET_BYTES = 9_000;
/** What goes through any link in one piece. */
const SENT_BYTES = 1_200;

/** The mDNS service of those that share bundles of one source. It does not tell which source that is. */
export function serviceTag(source: Did): string {
  return `_x-${sha256(`x mdns ${source}`).slice(0, 24)}._udp.local`;
}

export function encodeQuery(tags: readonly string[]): Uint8Array {
  return encode({
    type: 'query',
    questions: tags.map((name) => ({ name, type: 'PTR', class: 'IN' })),
  });
}

/** @param announcement Addresses that do not fit into one packet are left out, the last first. */
export function encodeAnnouncement(announcement: Announcement): Uint8Array {
  const { tag, peer, addresses } = announcement;
  // The peer's own label would exceed no bound, but tell its name to everyone on the link twice.
  const name = `${sha256(peer).slice(0, 32)}.${tag}`;
  const pointer: Answer = { name: tag, type: 'PTR', class: 'IN', ttl: TTL_SECONDS, data: name };
  const texts = addresses.map(
    ({ ip, port }) => `${ADDRESS_KEY}${tcpMultiaddr(ip, port).toString()}/p2p/${peer}`,
  );
  for (let count = texts.length; ; count -= 1) {
    const text: TxtAnswer = {
      name,
      type: 'TXT',
      class: 'IN',
      ttl: TTL_SECONDS,
      data: texts.slice(0, count),
    };
    const bytes = encode({ type: 'response', flags: 1 << 10, answers: [pointer, text] });
    if (bytes.length <= SENT_BYTES || count === 0) return bytes;
  }
}

/** Undefined where it is no DNS message, too large, or of another opcode. */
export function decodeMessage(bytes: Uint8Array): MulticastMessage | undefined {
  if (bytes.length > PACKET_BYTES) return undefined;
  try {
    const packet = decode(Buffer.from(bytes));
    if (packet.type === 'query') {
      const asked = (packet.questions ?? [])
        .filter(({ type }) => type === 'PTR' || (type as string) === 'ANY')
        .map(({ name }) => name.toLowerCase());
      return { asked: asked.slice(0, BOUNDS.discoveryTags), announced: undefined };
    }
    const answers = [...(packet.answers ?? []), ...(packet.additionals ?? [])];
    return { asked: [], announced: announcedIn(answers) };
  } catch {
    // A stranger's bytes.
    return undefined;
  }
}

function announcedIn(answers: readonly Answer[]): Announcement | undefined {
  const pointers = answers.filter((answer) => answer.type === 'PTR');
  const [pointer] = pointers;
  if (pointer === undefined || pointers.length > 1) return undefined;
  const texts = answers
    .filter((answer) => answer.type === 'TXT')
    .flatMap(({ data }) => (Array.isArray(data) ? data : [data]).map(String))
    .filter((text) => text.startsWith(ADDRESS_KEY));
  const peers = new Set<string | undefined>();
  const addresses: Announcement['addresses'] = [];
  for (const text of texts.slice(0, BOUNDS.siblingAddresses)) {
    const address = multiaddr(text.slice(ADDRESS_KEY.length));
    peers.add(address.getComponents().findLast(({ name }) => name === 'p2p')?.value);
    const tcpAddress = tcpOf(address);
    if (tcpAddress !== undefined) addresses.push(tcpAddress);
  }
  const [peer] = peers;
  if (peers.size !== 1 || peer === undefined || !PEER.test(peer)) return undefined;
  return { tag: pointer.name.toLowerCase(), peer, addresses };
}
