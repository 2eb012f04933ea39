import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net';
import { multiaddr, type Multiaddr } from '@multiformats/multiaddr';
import { XError, messageOf } from '../domain/errors.js';

export const DEFAULT_PORT = 8471;

/** Where a user said a peer is. */
export type PeerAddress =
  { kind: 'host'; host: string; port: number } | { kind: 'multiaddr'; multiaddr: Multiaddr };

/**
 * Reads HOST, HOST:PORT, [v6], [v6]:PORT, a bare IPv6 address, or a multiaddr.
 * @throws XError USAGE.
 */
export function parseAddress(text: string): PeerAddress {
  if (text.startsWith('/')) {
    try {
      return { kind: 'multiaddr', multiaddr: multiaddr(text) };
    } catch (error) {
      throw wrongAddress(text, messageOf(error));
    }
  }
  if (isIPv6(text)) return { kind: 'host', host: text, port: DEFAULT_PORT };
  const match = /^(?:\[([0-9a-fA-F:.]+(?:%[\w.-]+)?)\]|([^\s:[\]/@?#]+))(?::(\d{1,5}))?$/.exec(
    text,
  );
  const host = match?.[1] ?? match?.[2];
  if (match === null || host === undefined) throw wrongAddress(text);
  if (match[1] !== undefined && !isIPv6(host)) throw wrongAddress(text);
  const port = match[3] === undefined ? DEFAULT_PORT : Number(match[3]);
  if (port < 1 || port > 65_535) throw wrongAddress(text, `no port ${port}`);
  return { kind: 'host', host, port };
}

function wrongAddress(text: string, reason?: string): XError {
  const why = reason === undefined ? '' : `: ${reason}`;
  return new XError('USAGE', `"${text}" is not an address${why}`, {
    hint: 'Write HOST, HOST:PORT, [IPv6]:PORT or a multiaddr such as /ip4/192.0.2.7/tcp/8471.',
  });
}

/** `host:port`, for messages. */
export function formatAddress(address: PeerAddress): string {
  if (address.kind === 'multiaddr') return address.multiaddr.toString();
  return isIPv6(address.host)
    ? `[${address.host}]:${address.port}`
    : `${address.host}:${address.port}`;
}

/** The addresses of a host name; injected, as the network is. */
export type LookUp = (host: string) => Promise<readonly string[]>;

/** More addresses of one name than this are not tried. */
const ADDRESSES_PER_NAME = 8;

/**
 * The multiaddrs to dial. Rejects as `lookUp` does.
 * @param zones Where link-local addresses without a zone may be.
 */
export async function resolveAddress(
  address: PeerAddress,
  lookUp: LookUp,
  zones: readonly string[] = [],
): Promise<Multiaddr[]> {
  if (address.kind === 'multiaddr') return inZones(address.multiaddr, zones);
  const hosts = isIP(address.host) > 0 ? [address.host] : await lookUp(address.host);
  return hosts
    .slice(0, ADDRESSES_PER_NAME)
    .flatMap((ip) => inZones(tcpMultiaddr(ip, address.port), zones));
}

/** @param ip May have a zone: fe80::1%eth0. */
export function tcpMultiaddr(ip: string, port: number): Multiaddr {
  const zone = ip.slice(withoutZone(ip).length + 1);
  const where = zone === '' ? '' : `/ip6zone/${zone}`;
  return multiaddr(`${where}/${isIPv6(ip) ? 'ip6' : 'ip4'}/${withoutZone(ip)}/tcp/${port}`);
}

/** A link-local IPv6 address without a zone could be in any: once for each. Others as they are. */
export function inZones(address: Multiaddr, zones: readonly string[]): Multiaddr[] {
  const [first] = address.getComponents();
  if (first?.name !== 'ip6' || first.value === undefined || !isLinkLocal(first.value))
    return [address];
  if (zones.length === 0) return [address];
  return zones
    .slice(0, ADDRESSES_PER_NAME)
    .map((zone) => multiaddr(`/ip6zone/${zone}${address.toString()}`));
}

/** The zone of an address that has one. */
export function zoneOf(address: Multiaddr): string | undefined {
  const [first] = address.getComponents();
  return first?.name === 'ip6zone' ? first.value : undefined;
}

/** The IP address and TCP port of a plain TCP multiaddr; undefined for any other kind. */
export function tcpOf(address: Multiaddr): { ip: string; port: number } | undefined {
  const [ip, tcp, ...rest] = address.getComponents().filter((part) => part.name !== 'ip6zone');
  if (ip?.value === undefined || tcp?.value === undefined) return undefined;
  if ((ip.name !== 'ip4' && ip.name !== 'ip6') || tcp.name !== 'tcp') return undefined;
  if (rest.some((part) => part.name !== 'p2p')) return undefined;
  return { ip: unmap(ip.value), port: Number(tcp.value) };
}

/** ::ffff:192.0.2.1 is 192.0.2.1. */
function unmap(ip: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(ip);
  return mapped?.[1] ?? ip;
}

const LOOPBACK = subnetsOf(['127.0.0.0/8', '::1/128']);
/** RFC 3927, RFC 4291. */
const LINK_LOCAL = subnetsOf(['169.254.0.0/16', 'fe80::/10']);
/** RFC 1918, RFC 4193. */
const PRIVATE = subnetsOf(['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']);

export function isLoopback(ip: string): boolean {
  return LOOPBACK(ip);
}

export function isLinkLocal(ip: string): boolean {
  return LINK_LOCAL(ip);
}

/** Link-local ones too. */
export function isPrivate(ip: string): boolean {
  return PRIVATE(ip) || LINK_LOCAL(ip);
}

/** IANA's special-purpose registries, multicast and what is reserved; of IPv6 all but 2000::/3. */
const SPECIAL_IPV4 = subnetsOf([
  ...['0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '127.0.0.0/8', '169.254.0.0/16'],
  ...['172.16.0.0/12', '192.0.0.0/24', '192.0.2.0/24', '192.88.99.0/24', '192.168.0.0/16'],
  ...['198.18.0.0/15', '198.51.100.0/24', '203.0.113.0/24', '224.0.0.0/4', '240.0.0.0/4'],
]);
const GLOBAL_IPV6 = subnetsOf(['2000::/3']);
/** Teredo and 6to4 have an IPv4 address inside: whoever dials one may reach another. */
const SPECIAL_IPV6 = subnetsOf(['2001::/23', '2001:db8::/32', '2002::/16', '3fff::/20']);

/** Whether an address means the same machine everywhere on the internet. */
export function isGlobalUnicast(ip: string): boolean {
  if (isIPv4(ip)) return !SPECIAL_IPV4(ip);
  // Of another form of IPv4 within IPv6 there is nothing to gain.
  return isIPv6(ip) && GLOBAL_IPV6(ip) && !SPECIAL_IPV6(ip);
}

/** Whether an address is in one of the subnets (`10.0.0.0/8`). */
export function subnetsOf(cidrs: readonly string[]): (ip: string) => boolean {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [ip = '', bits] = cidr.split('/');
    list.addSubnet(withoutZone(ip), Number(bits), familyOf(ip));
  }
  return (ip) => {
    const plain = unmap(withoutZone(ip));
    return isIP(plain) > 0 && list.check(plain, familyOf(plain));
  };
}

/** fe80::1%eth0 is fe80::1. */
export function withoutZone(ip: string): string {
  const at = ip.indexOf('%');
  return at < 0 ? ip : ip.slice(0, at);
}

function familyOf(ip: string): 'ipv4' | 'ipv6' {
  return isIPv6(ip) ? 'ipv6' : 'ipv4';
}
