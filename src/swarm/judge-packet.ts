import type { Multiaddr } from '@multiformats/multiaddr';
import { isLinkLocal, subnetsOf, tcpMultiaddr } from './addresses.js';
import { decodeMessage, type Announcement } from './announcement.js';
import type { Neighbourhood, NetworkInterface } from './interfaces.js';

/** What was heard on a link. A hint: the handshake proves who is there. */
export interface Found {
  peer: string;
  addresses: readonly Multiaddr[];
  /** The address that said so. */
  from: string;
}

/** What a packet says that is of use here. */
export interface Heard {
  /** Tags of ours that it asks for. */
  asked: readonly string[];
  found: Found | undefined;
  /** For which tag. */
  tag: string | undefined;
  /** Whether another machine sent it. */
  isOfAnother: boolean;
}

/** All that a packet is judged by beside its bytes. */
export interface PacketContext {
  network: NetworkInterface;
  neighbourhood: Neighbourhood;
  from: string;
  tags: ReadonlySet<string>;
  /** This process's own peer id. */
  self: string;
}

export function judgePacket(bytes: Uint8Array, context: PacketContext): Heard {
  const { neighbourhood, from, tags, self } = context;
  const { asked = [], announced } = decodeMessage(bytes) ?? {};
  const heard: Heard = {
    asked: asked.filter((tag) => tags.has(tag)),
    found: undefined,
    tag: undefined,
    isOfAnother: !neighbourhood.isHere(from),
  };
  if (announced === undefined || !tags.has(announced.tag) || announced.peer === self) return heard;
  const addresses = credible(announced, context);
  return addresses.length === 0
    ? heard
    : { ...heard, found: { peer: announced.peer, addresses, from }, tag: announced.tag };
}

/**
 * Of the addresses that somebody announced on a link, those in the networks of that link: whoever
 * speaks here cannot send this process anywhere else. Loopback is who is on this machine.
 */
function credible({ addresses }: Announcement, context: PacketContext): Multiaddr[] {
  const { network, neighbourhood, from } = context;
  const isHere = neighbourhood.isHere(from);
  const isOnLink = subnetsOf([...network.addresses.map(({ cidr }) => cidr), 'fe80::/10']);
  return addresses
    .filter(({ ip }) => isOnLink(ip) && neighbourhood.mayMeet(ip, isHere))
    .map(({ ip, port }) =>
      tcpMultiaddr(isLinkLocal(ip) && ip.includes(':') ? `${ip}%${network.name}` : ip, port),
    );
}
