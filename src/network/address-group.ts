import { BlockList, isIPv4, isIPv6 } from 'node:net';

/** Where one person does not rent a /24 for an attack, and neighbours are few: each address is a group. */
const LOCAL = new BlockList();
for (const [subnet, bits] of [
  ['10.0.0.0', 8],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
  ['169.254.0.0', 16],
  ['127.0.0.0', 8],
] as const)
  LOCAL.addSubnet(subnet, bits, 'ipv4');
for (const [subnet, bits] of [
  ['fc00::', 7],
  ['fe80::', 10],
] as const)
  LOCAL.addSubnet(subnet, bits, 'ipv6');
LOCAL.addAddress('::1', 'ipv6');

/**
 * What one attacker is likely to have whole: a /24 of IPv4, a /48 of IPv6, one address of a local
 * network. Undefined where it is no IP address.
 */
export function addressGroup(ip: string): string | undefined {
  const plain = unmapped(ip.replace(/%.*$/, ''));
  if (isIPv4(plain)) {
    if (LOCAL.check(plain, 'ipv4')) return plain;
    return `${plain.split('.').slice(0, 3).join('.')}.0/24`;
  }
  if (!isIPv6(plain)) return undefined;
  const words = wordsOf(plain);
  if (LOCAL.check(plain, 'ipv6')) return words.join(':');
  return `${words.slice(0, 3).join(':')}::/48`;
}

/** The group of the host that a multiaddr names first; of a relayed one that is the relay. */
export function groupOfMultiaddr(text: string): string | undefined {
  const match = /^\/(?:ip6zone\/[^/]+\/)?ip[46]\/([^/]+)\//.exec(`${text}/`);
  return match?.[1] === undefined ? undefined : addressGroup(match[1]);
}

/** ::ffff:192.0.2.1 and ::ffff:c000:201 are 192.0.2.1. */
function unmapped(ip: string): string {
  if (!isIPv6(ip)) return ip;
  const words = wordsOf(ip);
  const isMapped = words.slice(0, 5).every((word) => word === '0') && words[5] === 'ffff';
  if (!isMapped) return ip;
  const [high, low] = [Number.parseInt(words[6] ?? '0', 16), Number.parseInt(words[7] ?? '0', 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

/** The eight words of an IPv6 address, in hex without leading zeros. */
function wordsOf(ip: string): string[] {
  const dotted = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(ip);
  const [, start = '', a = '0', b = '0', c = '0', d = '0'] = dotted ?? [];
  const pair = (high: string, low: string): string =>
    ((Number(high) << 8) | Number(low)).toString(16);
  const text = dotted === null ? ip : `${start}${pair(a, b)}:${pair(c, d)}`;
  const [left = '', right] = text.split('::');
  const before = left === '' ? [] : left.split(':');
  const after = right === undefined || right === '' ? [] : right.split(':');
  const missing = right === undefined ? 0 : 8 - before.length - after.length;
  const all = [...before, ...new Array<string>(missing).fill('0'), ...after];
  return all.map((word) => Number.parseInt(word, 16).toString(16));
}
