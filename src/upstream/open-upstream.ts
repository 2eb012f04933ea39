import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import type { EcosystemName } from '../domain/plan.js';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import type { Upstream, UpstreamBody, UpstreamRequest } from '../ports/upstream.js';
import { openFile, readSmallFile } from './file-upstream.js';
import { HttpCache } from './http-cache.js';
import {
  openConnections,
  proxiesOfEnvironment,
  type Connections,
  type ProxySettings,
} from './http-connections.js';
import type { CredentialsFor } from './http-exchange.js';
import { UnreachableHosts } from './http-hosts.js';
import { HttpUpstream } from './http-upstream.js';

export interface UpstreamOptions {
  clock: Clock;
  random: Random;
  /** Where small bodies are kept for revalidation; none are kept without it. */
  cacheFolder?: string | undefined;
  /** Request headers that the native client's configuration holds for an address, credentials above all. */
  credentialsFor?: CredentialsFor | undefined;
  /** Instead of HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY (either case) of the environment. */
  proxy?: ProxySettings | undefined;
  /** PEM texts, trusted beside Node's own authorities (NODE_EXTRA_CA_CERTS is among those). */
  certificateAuthorities?: readonly string[] | undefined;
  /** What a project of its own configuration says of an address; the rest is reached by the above. */
  routeFor?: ((url: string, ecosystem: EcosystemName) => Route | undefined) | undefined;
  userAgent?: string | undefined;
}

/** Proxies and authorities of some addresses. */
export interface Route {
  proxy: ProxySettings;
  certificateAuthorities: readonly string[];
}

/** An Upstream with connections to give back. */
export interface OpenUpstream extends Upstream {
  /** Ends every connection, those in use too. */
  close(): Promise<void>;
}

/**
 * The outside world over http, https and file.
 * @throws XError USAGE where a proxy or an authority cannot be used.
 */
export function createUpstream(options: UpstreamOptions): OpenUpstream {
  const connections = openConnections(
    options.proxy ?? proxiesOfEnvironment(process.env),
    options.certificateAuthorities ?? [],
  );
  const routes = new Map<string, Connections>();
  const connectionsFor = (url: string, ecosystem: EcosystemName): Connections => {
    const route = options.routeFor?.(url, ecosystem);
    if (route === undefined) return connections;
    // As many as there are configurations.
    const key = JSON.stringify(route);
    const opened = routes.get(key) ?? openConnections(route.proxy, route.certificateAuthorities);
    routes.set(key, opened);
    return opened;
  };
  const context = {
    connectionsFor,
    clock: options.clock,
    random: options.random,
    hosts: new UnreachableHosts(),
    credentialsFor: options.credentialsFor ?? (() => undefined),
    userAgent: options.userAgent ?? 'x',
  };
  const cache = options.cacheFolder === undefined ? undefined : new HttpCache(options.cacheFolder);
  const http = new HttpUpstream(context, cache);

  const open = async (request: UpstreamRequest): Promise<UpstreamBody> => {
    const address = addressOf(request);
    return address.protocol === 'file:' ? openFile(request, address) : http.open(request, address);
  };
  const read: Upstream['read'] = async (request, maxBytes) => {
    const address = addressOf(request);
    if (address.protocol !== 'file:') return http.read(request, address, maxBytes);
    request.signal?.throwIfAborted();
    return readSmallFile(address, maxBytes);
  };
  const close = async (): Promise<void> => {
    await Promise.all([connections, ...routes.values()].map((one) => one.close()));
  };
  return { open, read, close };
}

function addressOf(request: UpstreamRequest): URL {
  const { url } = request;
  const address = URL.canParse(url) ? new URL(url) : undefined;
  if (address === undefined || url.length > BOUNDS.addressCharacters) {
    throw new XError('UPSTREAM_REFUSED', `not an address: ${withoutCredentials(url)}`);
  }
  if (!['http:', 'https:', 'file:'].includes(address.protocol)) {
    throw new XError(
      'UPSTREAM_REFUSED',
      `${withoutCredentials(url)}: ${address.protocol} addresses cannot be fetched`,
      { hint: 'http, https and file addresses can.' },
    );
  }
  return address;
}

/** What does not parse cannot be taken apart, so what looks like credentials is cut out as text. */
function withoutCredentials(text: string): string {
  return text.slice(0, 200).replace(/\/\/[^/@]*@/, '//');
}
