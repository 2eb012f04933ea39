import { isIPv6 } from 'node:net';
import type { Multiaddr } from '@multiformats/multiaddr';
import { isLinkLocal, tcpOf } from './addresses.js';
import type { Neighbourhood, NetworkInterface } from './interfaces.js';

/**
 * Where others can dial this process on one interface.
 * @param listening What libp2p says that it listens on.
 * @param listenHosts What it was asked to listen on.
 */
export function listensOn(
  { addresses }: NetworkInterface,
  listening: readonly Multiaddr[],
  listenHosts: readonly string[],
): { ip: string; port: number }[] {
  const open = listening
    .flatMap((address) => tcpOf(address) ?? [])
    .map(({ ip, port }) => ({ ip, port, isIPv6: isIPv6(ip) }));
  return addresses.flatMap(({ ip }) => {
    const exact = open.find((one) => one.ip === ip);
    if (exact !== undefined) return [{ ip, port: exact.port }];
    // libp2p does not state link-local addresses, though it listens on them with all others.
    const any = open.find((one) => one.isIPv6 === isIPv6(ip));
    const listensOnAll = listenHosts.includes(isIPv6(ip) ? '::' : '0.0.0.0');
    return isLinkLocal(ip) && any !== undefined && listensOnAll ? [{ ip, port: any.port }] : [];
  });
}

/** IP addresses to listen on: all, or those of the chosen interfaces. */
export function hostsOf({ used, loopback }: Neighbourhood, isChosen: boolean): string[] {
  if (!isChosen) return ['0.0.0.0', '::'];
  const ips = [...used, ...loopback].flatMap(({ addresses }) => addresses.map(({ ip }) => ip));
  // libp2p cannot listen on a link-local address alone; who comes from another link is refused.
  const isOnlyLocal = used.every(({ addresses }) =>
    addresses.every(({ ip }) => !isIPv6(ip) || isLinkLocal(ip)),
  );
  const exact = ips.filter((ip) => !isIPv6(ip) || !(isOnlyLocal || isLinkLocal(ip)));
  return isOnlyLocal && ips.some((ip) => isIPv6(ip)) ? [...exact, '::'] : exact;
}
