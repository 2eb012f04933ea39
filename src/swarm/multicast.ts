import { createSocket, type Socket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { BOUNDS } from '../domain/bounds.js';
import { isLinkLocal, subnetsOf } from './addresses.js';
import type { NetworkInterface } from './interfaces.js';

/** RFC 6762, section 3. */
const PORT = 5353;
const GROUPS = { ipv4: '224.0.0.251', ipv6: 'ff02::fb' } as const;

export type Family = keyof typeof GROUPS;

/** Multicast on one interface, in one family. */
export interface Channel {
  readonly family: Family;
  readonly network: NetworkInterface;
  /** Sends to all on the link; a link that does not take it is as good as a message that was lost. */
  send(bytes: Uint8Array): void;
  close(): void;
}

/** @param from The sender's address, on this very link; without a zone. */
export type OnPacket = (channel: Channel, bytes: Uint8Array, from: string) => void;

export type OpenChannel = (
  network: NetworkInterface,
  family: Family,
  onPacket: OnPacket,
) => Promise<Channel | undefined>;

/** The families that an interface has an address of. */
export function familiesOf({ addresses }: NetworkInterface): Family[] {
  const families: Family[] = [];
  if (addresses.some(({ ip }) => !isIPv6(ip))) families.push('ipv4');
  if (addresses.some(({ ip }) => isIPv6(ip) && isLinkLocal(ip))) families.push('ipv6');
  return families;
}

/**
 * Joins mDNS's group on an interface. Undefined where the system does not let it: a link without
 * multicast, a port that somebody keeps for himself. Then siblings are met by introduction.
 */
export const openChannel: OpenChannel = async (network, family, onPacket) => {
  const group = GROUPS[family];
  const own = network.addresses.find(({ ip }) => isIPv6(ip) === (family === 'ipv6'))?.ip ?? '';
  const [on, to, bindTo] =
    family === 'ipv4'
      ? [own, group, group]
      : [`::%${network.name}`, `${group}%${network.name}`, `${group}%${network.name}`];
  // Bound to the group: what is sent to this machine alone, from wherever, does not arrive here.
  const socket = createSocket({ type: family === 'ipv4' ? 'udp4' : 'udp6', reuseAddr: true });
  const isOnLink = onLinkOf(network, family);
  try {
    await bound(socket, bindTo);
    socket.addMembership(group, on);
    socket.setMulticastInterface(on);
    socket.setMulticastTTL(255);
    socket.setMulticastLoopback(true);
  } catch {
    // No multicast on this interface.
    socket.close();
    return undefined;
  }
  let isOpen = true;
  const channel: Channel = {
    family,
    network,
    send: (bytes) => {
      // Its outcome says nothing about who heard it.
      if (isOpen) socket.send(bytes, PORT, to, () => undefined);
    },
    close: () => {
      if (isOpen) socket.close();
      isOpen = false;
    },
  };
  socket.on('error', () => channel.close());
  socket.on('message', (bytes, { address }) => {
    const [from = '', zone] = address.split('%');
    if (zone !== undefined && zone !== network.name) return;
    if (isOnLink(from)) onPacket(channel, bytes, from);
  });
  return channel;
};

/** RFC 6762, section 11: what comes from elsewhere is not of this link. */
function onLinkOf({ addresses }: NetworkInterface, family: Family): (ip: string) => boolean {
  const cidrs = addresses
    .filter(({ ip }) => isIPv6(ip) === (family === 'ipv6'))
    .map(({ cidr }) => cidr);
  const isOnLink = subnetsOf(family === 'ipv6' ? [...cidrs, 'fe80::/10'] : cidrs);
  const senders = new Map<string, boolean>();
  return (ip) => {
    const known = senders.get(ip);
    if (known !== undefined) return known;
    if (senders.size >= BOUNDS.multicastSenders) senders.clear();
    const verdict = isOnLink(ip);
    senders.set(ip, verdict);
    return verdict;
  };
}

function bound(socket: Socket, address: string): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(PORT, address, () => {
      socket.removeListener('error', reject);
      resolve();
    });
  });
}
