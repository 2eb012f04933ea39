import { Flags, type Interfaces } from '@oclif/core';
import type { Did } from '../domain/bundle.js';
import { parseEndpoint, parseIndexUrl } from './address-flags.js';
import { parseDid } from './did-flag.js';

type Related = NonNullable<Interfaces.Flag<unknown>['relationships']>;

/**
 * Of a flag that says how part is taken in the public swarm: where none is taken it would be taken in vain.
 * A flag that is left out, or that says no as well, contradicts nothing.
 */
function withSwarm(name: string): Related {
  const contradicts = (flags: Record<string, unknown>): Promise<boolean> =>
    Promise.resolve(flags['swarm'] === false && flags[name] !== false);
  return [{ type: 'none', flags: [{ name: 'swarm', when: contradicts }] }];
}

/** How a process takes part in the public swarm: of every command that does. */
export const NETWORK_FLAGS = {
  network: Flags.string({
    relationships: withSwarm('network'),
    helpValue: 'NAME',
    helpGroup: 'NETWORK',
    default: 'x',
    summary: 'The network to be part of; those of another name are never met.',
  }),
  listen: Flags.integer({
    relationships: withSwarm('listen'),
    min: 0,
    max: 65_535,
    helpValue: 'PORT',
    helpGroup: 'NETWORK',
    summary: 'The port for other nodes (default 8471).',
  }),
  peer: Flags.string({
    relationships: withSwarm('peer'),
    multiple: true,
    helpValue: 'HOST[:PORT]',
    helpGroup: 'NETWORK',
    summary: 'A node to begin at, and to stay connected with.',
  }),
  bootstrap: Flags.string({
    relationships: [...withSwarm('bootstrap'), { type: 'some', flags: ['rendezvous'] }],
    multiple: true,
    helpValue: 'HOST:PORT',
    helpGroup: 'NETWORK',
    parse: parseEndpoint,
    summary: 'Where to enter the BitTorrent DHT, in which nodes meet.',
  }),
  rendezvous: Flags.boolean({
    relationships: withSwarm('rendezvous'),
    allowNo: true,
    default: true,
    helpGroup: 'NETWORK',
    summary: 'Meet others in the BitTorrent DHT.',
  }),
  upnp: Flags.boolean({
    relationships: withSwarm('upnp'),
    allowNo: true,
    default: true,
    helpGroup: 'NETWORK',
    summary: 'Ask the router to let others in (UPnP).',
  }),
  interface: Flags.string({
    relationships: withSwarm('interface'),
    multiple: true,
    helpValue: 'NAME',
    helpGroup: 'NETWORK',
    summary: 'A network interface to use (default: all that are not virtual).',
  }),
  mdns: Flags.boolean({
    relationships: withSwarm('mdns'),
    allowNo: true,
    helpGroup: 'NETWORK',
    summary: 'Look for nodes on the local network.',
  }),
} as const;

/** How fast: of every command that fetches from outside, or serves the public swarm. */
export const RATE_FLAGS = {
  up: Flags.string({
    relationships: withSwarm('up'),
    multiple: true,
    helpValue: '[HH:MM-HH:MM=]RATE',
    helpGroup: 'NETWORK',
    summary: 'How fast other nodes are given bytes: 2MB/s, 22:00-06:00=20MB/s, unlimited.',
  }),
  down: Flags.string({
    multiple: true,
    helpValue: '[HH:MM-HH:MM=]RATE',
    helpGroup: 'NETWORK',
    summary: 'How fast bytes are fetched, from nodes and official sources together.',
  }),
} as const;

/** What public indexes say, where they are silent. */
export const INDEX_FLAGS = {
  'trust-index': Flags.string({
    relationships: withSwarm('trust-index'),
    multiple: true,
    helpValue: 'DID',
    helpGroup: 'NETWORK',
    parse: parseDid,
    summary: 'A node whose word on public indexes stands in where the official source is silent.',
  }),
  'serve-indexes': Flags.boolean({
    relationships: withSwarm('serve-indexes'),
    allowNo: true,
    helpGroup: 'NETWORK',
    summary: 'Show others, signed, what public indexes say (default: once here for six hours).',
  }),
} as const;

/** Of every command that tells others of packages. */
export const PUBLIC_INDEX_FLAG = {
  'public-index': Flags.string({
    multiple: true,
    helpValue: 'URL',
    parse: parseIndexUrl,
    summary: 'An index, registry or mirror whose packages may be named in public.',
  }),
} as const;

interface GivenSettings {
  listen: number | undefined;
  interface: string[] | undefined;
  mdns: boolean;
  up: string[] | undefined;
  down: string[] | undefined;
  'trust-index': Did[] | undefined;
}

/** The settings that these flags stand for. */
export function networkSettings(flags: GivenSettings) {
  return {
    listen: flags.listen,
    interfaces: flags.interface,
    mdns: flags.mdns,
    up: flags.up,
    down: flags.down,
    trustIndexes: flags['trust-index'],
  };
}

interface GivenFlags {
  network: string;
  bootstrap: string[] | undefined;
  rendezvous: boolean;
  upnp: boolean;
}

/** What these flags ask for, beside the settings. */
export function networkWish(flags: GivenFlags): NetworkWish {
  return {
    network: flags.network,
    upnp: flags.upnp,
    rendezvous: flags.rendezvous ? { bootstrap: flags.bootstrap ?? [] } : undefined,
  };
}

/** Which network to be part of, and how others are met. */
export interface NetworkWish {
  network: string;
  upnp: boolean;
  /** Undefined: nobody is looked for in the BitTorrent DHT. */
  rendezvous: { bootstrap: readonly string[] } | undefined;
}
