import type { LookupFunction } from 'node:net';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { buildConnector, EnvHttpProxyAgent, type Dispatcher } from 'undici';
import { BOUNDS } from '../domain/bounds.js';
import { sharedLookup } from './shared-lookup.js';

/** Addresses of proxies; an empty one means none. */
export interface CheckedProxies {
  httpProxy: string;
  httpsProxy: string;
  noProxy: string;
}

/** Connections pooled per origin, through the given proxies, trusting Node's authorities and the given ones. */
export function openDispatcher(proxies: CheckedProxies, pems: readonly string[]): Dispatcher {
  const isDirect = proxies.httpProxy === '' && proxies.httpsProxy === '';
  const lookup = sharedLookup();
  const tls = isDirect ? {} : trusting(pems);
  return new EnvHttpProxyAgent({
    // Never undefined, or the library would look into the environment itself.
    ...proxies,
    connections: BOUNDS.connectionsPerOrigin,
    // One connection a download: HTTP/2 would put all of them on one TCP stream.
    allowH2: false,
    connect: isDirect
      ? directConnector(pems, lookup)
      : { ...tls, lookup, timeout: BOUNDS.connectTimeoutMs },
    connectTimeout: BOUNDS.connectTimeoutMs,
    requestTls: tls,
    proxyTls: tls,
    headersTimeout: BOUNDS.idleTimeoutMs,
    bodyTimeout: BOUNDS.idleTimeoutMs,
  });
}

/** Connects without a proxy; authorities are gathered when the first https address is asked. */
function directConnector(
  pems: readonly string[],
  lookup: LookupFunction,
): buildConnector.connector {
  const options = { timeout: BOUNDS.connectTimeoutMs, allowH2: false, lookup };
  const plain = buildConnector(options);
  let secure: buildConnector.connector | undefined;
  return (target, callback) => {
    if (target.protocol !== 'https:') return plain(target, callback);
    secure ??= buildConnector({ ...options, ...trusting(pems) });
    return secure(target, callback);
  };
}

/** One context for all connections: parsing Node's authorities again for each would cost milliseconds. */
function trusting(pems: readonly string[]): { secureContext?: SecureContext } {
  if (pems.length === 0) return {};
  return { secureContext: createSecureContext({ ca: [...getCACertificates('default'), ...pems] }) };
}
