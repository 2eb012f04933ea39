import { BlockList, isIP, isIPv6 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
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
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@?#]+))(?::(\d{1,5}))?$/.exec(text);
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

/** The multiaddrs to dial. Rejects as `lookUp` does. */
export async function resolveAddress(address: PeerAddress, lookUp: LookUp): Promise<Multiaddr[]> {
  if (address.kind === 'multiaddr') return [address.multiaddr];
  const hosts = isIP(address.host) > 0 ? [address.host] : await lookUp(address.host);
  return hosts.slice(0, ADDRESSES_PER_NAME).map((ip) => tcpMultiaddr(ip, address.port));
}

export function tcpMultiaddr(ip: string, port: number): Multiaddr {
  return multiaddr(`/${isIPv6(ip) ? 'ip6' : 'ip4'}/${ip}/tcp/${port}`);
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

const LOOPBACK = blockList([
  ['127.0.0.0', 8],
  ['::1', 128],
]);
/** RFC 1918, RFC 3927, RFC 4193, RFC 4291 link-local. */
const PRIVATE = blockList([
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['fc00::', 7],
  ['fe80::', 10],
]);

export function isLoopback(ip: string): boolean {
  return LOOPBACK.check(unmap(ip), familyOf(unmap(ip)));
}

/** Whether an address is loopback, private, or on a link of this machine. */
export type IsNearby = (ip: string) => boolean;

/** @param interfaces What `os.networkInterfaces()` answers. */
export function nearbyOf(interfaces: NodeJS.Dict<Pick<NetworkInterfaceInfo, 'cidr'>[]>): IsNearby {
  const links: [string, number][] = [];
  for (const { cidr } of Object.values(interfaces).flatMap((list) => list ?? [])) {
    const [ip, bits] = cidr?.split('/') ?? [];
    if (ip !== undefined && bits !== undefined) links.push([ip, Number(bits)]);
  }
  const onLink = blockList(links);
  return (ip) => {
    const plain = unmap(ip);
    if (isIP(plain) === 0) return false;
    const family = familyOf(plain);
    return [LOOPBACK, PRIVATE, onLink].some((list) => list.check(plain, family));
  };
}

function blockList(subnets: readonly (readonly [string, number])[]): BlockList {
  const list = new BlockList();
  for (const [ip, bits] of subnets) list.addSubnet(ip, bits, familyOf(ip));
  return list;
}

function familyOf(ip: string): 'ipv4' | 'ipv6' {
  return isIPv6(ip) ? 'ipv6' : 'ipv4';
}
