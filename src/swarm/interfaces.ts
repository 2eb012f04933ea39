import { isIPv6 } from 'node:net';
import type { NetworkInterfaceInfo } from 'node:os';
import { XError } from '../domain/errors.js';
import { isLinkLocal, isLoopback, isPrivate, subnetsOf, withoutZone } from './addresses.js';

/** A network interface of this machine that is up. */
export interface NetworkInterface {
  name: string;
  isLoopback: boolean;
  /** Made by software: containers, virtual machines, tunnels. */
  isVirtual: boolean;
  /** In the kernel's order. */
  addresses: { ip: string; cidr: string }[];
}

/**
 * Bridges and pairs of containers and virtual machines, tunnels and overlays: siblings are not
 * behind them, and what is there has addresses that mean another machine elsewhere.
 */
const VIRTUAL =
  /^(docker|br-[0-9a-f]{12}$|veth|virbr|vnet|vmnet|vboxnet|lxcbr|lxdbr|incusbr|podman|cni|cali|flannel|kube|nerdctl|tun|tap|utun|wg|tailscale|zt|ppp|ipsec|nebula|dummy|ifb)/;

/**
 * @param list What `os.networkInterfaces()` answers.
 * @param isTunnel Whether the kernel says that an interface is a tun or tap device.
 */
export function readInterfaces(
  list: NodeJS.Dict<Pick<NetworkInterfaceInfo, 'address' | 'cidr' | 'internal'>[]>,
  isTunnel: (name: string) => boolean = () => false,
): NetworkInterface[] {
  return Object.entries(list).flatMap(([name, addresses = []]) => {
    const known = addresses.flatMap(({ address, cidr }) =>
      cidr === null ? [] : [{ ip: withoutZone(address), cidr }],
    );
    if (known.length === 0) return [];
    const isLoopback = addresses.every(({ internal }) => internal);
    const isVirtual = !isLoopback && (VIRTUAL.test(name) || isTunnel(name));
    return [{ name, isLoopback, isVirtual, addresses: known }];
  });
}

/** Which interfaces this process uses, and so who is near: pure, made anew where interfaces change. */
export class Neighbourhood {
  /** Interfaces that siblings are looked for on and that addresses are stated of; loopback is not among them. */
  readonly used: readonly NetworkInterface[];
  readonly loopback: readonly NetworkInterface[];
  /** Those that are up and not used. */
  readonly others: readonly NetworkInterface[];
  readonly #isOnUsedLink: (ip: string) => boolean;
  readonly #isOnOtherLink: (ip: string) => boolean;
  readonly #isOwn: ReadonlySet<string>;
  readonly #isChosen: boolean;

  /** @param chosen Names of interfaces; none means all that are not virtual. */
  constructor(interfaces: readonly NetworkInterface[], chosen: readonly string[]) {
    const isUsed = ({ name, isVirtual }: NetworkInterface): boolean =>
      chosen.length === 0 ? !isVirtual : chosen.includes(name);
    const outward = interfaces.filter((one) => !one.isLoopback);
    this.#isChosen = chosen.length > 0;
    this.loopback = interfaces.filter((one) => one.isLoopback);
    this.used = outward.filter(isUsed);
    this.others = outward.filter((one) => !isUsed(one));
    this.#isOnUsedLink = subnetsOf(this.used.flatMap(cidrsOf));
    this.#isOnOtherLink = subnetsOf(this.others.flatMap(cidrsOf));
    this.#isOwn = new Set(interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)));
  }

  /**
   * Whether a connection from or to an address is one within this network: loopback, private, or on a
   * link of this machine. Where interfaces were chosen, not what is on the links of others.
   */
  isNearby(ip: string): boolean {
    if (isLoopback(ip) || this.#isOwn.has(withoutZone(ip))) return true;
    if (this.#isChosen && this.#isOnOtherLink(ip) && !this.#isOnUsedLink(ip)) return false;
    return isPrivate(ip) || this.#isOnUsedLink(ip) || this.#isOnOtherLink(ip);
  }

  /**
   * Whether an address that somebody named may be dialled. Loopback means this machine only to who is
   * on it; and what is on the link of an interface that is not used is another machine there.
   */
  mayMeet(ip: string, isHere: boolean): boolean {
    if (isLoopback(ip)) return isHere;
    if (!this.isNearby(ip)) return false;
    return this.#isOnUsedLink(ip) || !this.#isOnOtherLink(ip);
  }

  /** Whether an address is on the link of an interface in use; not where it is link-local, as on every link. */
  isOnLink(ip: string): boolean {
    return this.#isOnUsedLink(ip);
  }

  /** Whether an address is one of this machine. */
  isHere(ip: string): boolean {
    return isLoopback(ip) || this.#isOwn.has(withoutZone(ip));
  }

  /** The zones that a link-local address without one may be in. */
  zones(): string[] {
    return this.used
      .filter(({ addresses }) => addresses.some(({ ip }) => isIPv6(ip) && isLinkLocal(ip)))
      .map(({ name }) => name);
  }
}

/** A subnet that is larger is no link, whatever the interface says. */
const LARGEST_LINK_BITS = 8;

/** Link-local networks are on every link: they tell no interface from another. */
function cidrsOf({ addresses }: NetworkInterface): string[] {
  return addresses
    .filter(({ ip, cidr }) => !isLinkLocal(ip) && Number(cidr.split('/')[1]) >= LARGEST_LINK_BITS)
    .map(({ cidr }) => cidr);
}

/** @throws XError USAGE where none of the chosen interfaces is there. */
export function checkChosen(
  interfaces: readonly NetworkInterface[],
  chosen: readonly string[],
): void {
  const names = interfaces.filter((one) => !one.isLoopback).map(({ name }) => name);
  const unknown = chosen.filter((name) => !names.includes(name));
  if (unknown.length === 0) return;
  const are = names.length === 0 ? 'none is up' : `there are ${names.join(', ')}`;
  throw new XError('USAGE', `no network interface is called ${unknown.join(' or ')}`, {
    hint: `Of those that are up with an address, ${are}.`,
  });
}
