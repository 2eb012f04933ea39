import { X509Certificate } from 'node:crypto';
import type { LookupFunction } from 'node:net';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { buildConnector, EnvHttpProxyAgent, type Dispatcher } from 'undici';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, XError } from '../domain/errors.js';
import { sharedLookup } from './shared-lookup.js';

/** Addresses of proxies; an absent or empty one means none. */
export interface ProxySettings {
  httpProxy?: string | undefined;
  /** Where absent, https goes through `httpProxy` too. */
  httpsProxy?: string | undefined;
  /** Hosts reached without one, as curl and pip read it: names, `.suffix`, `host:port`, `*`. */
  noProxy?: string | undefined;
}

/** What HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY say; lower case wins, as with curl. */
export function proxiesOfEnvironment(
  environment: Readonly<Record<string, string | undefined>>,
): ProxySettings {
  const value = (name: string): string | undefined =>
    environment[name] ?? environment[name.toUpperCase()];
  return {
    httpProxy: value('http_proxy') ?? value('all_proxy'),
    httpsProxy: value('https_proxy') ?? value('all_proxy'),
    noProxy: value('no_proxy'),
  };
}

/**
 * The connections of one upstream: pooled per origin, through the given proxies, trusting Node's
 * authorities and the given ones.
 * @param certificateAuthorities PEM texts, each may hold several certificates.
 * @throws XError USAGE where a proxy is no address or an authority no certificate.
 */
export function openConnections(
  proxy: ProxySettings,
  certificateAuthorities: readonly string[],
): Dispatcher {
  checkCertificates(certificateAuthorities);
  const httpProxy = proxyAddress(proxy.httpProxy);
  const httpsProxy = proxyAddress(proxy.httpsProxy);
  const isDirect = httpProxy === '' && httpsProxy === '';
  const lookup = sharedLookup();
  const tls = isDirect ? {} : trusting(certificateAuthorities);
  return new EnvHttpProxyAgent({
    // Never undefined, or the library would look into the environment itself.
    httpProxy,
    httpsProxy,
    noProxy: proxy.noProxy ?? '',
    connections: BOUNDS.connectionsPerOrigin,
    // One connection a download: HTTP/2 would put all of them on one TCP stream.
    allowH2: false,
    connect: isDirect
      ? directConnector(certificateAuthorities, lookup)
      : { ...tls, lookup, timeout: BOUNDS.connectTimeoutMs },
    connectTimeout: BOUNDS.connectTimeoutMs,
    requestTls: tls,
    proxyTls: tls,
    headersTimeout: BOUNDS.idleTimeoutMs,
    bodyTimeout: BOUNDS.idleTimeoutMs,
  });
}

/** A proxy's address; like curl and pip, one without a scheme is http. */
function proxyAddress(text: string | undefined): string {
  if (text === undefined || text.trim() === '') return '';
  const address = text.includes('://') ? text.trim() : `http://${text.trim()}`;
  const scheme = URL.canParse(address) ? new URL(address).protocol : '';
  if (['http:', 'https:', 'socks5:', 'socks:'].includes(scheme)) return address;
  // The text itself may hold a password.
  throw new XError('USAGE', 'the address of the proxy cannot be used', {
    hint: 'HTTP_PROXY and HTTPS_PROXY are addresses such as http://proxy.example:3128.',
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

/** A secure context would pass over what is no certificate. */
function checkCertificates(pems: readonly string[]): void {
  try {
    for (const pem of pems) new X509Certificate(pem);
  } catch (cause) {
    throw new XError(
      'USAGE',
      `a certificate authority that was named cannot be read: ${messageOf(cause)}`,
      { hint: 'Certificate authorities are PEM files (-----BEGIN CERTIFICATE-----).', cause },
    );
  }
}

/** One context for all connections: parsing Node's authorities again for each would cost milliseconds. */
function trusting(pems: readonly string[]): { secureContext?: SecureContext } {
  if (pems.length === 0) return {};
  return { secureContext: createSecureContext({ ca: [...getCACertificates('default'), ...pems] }) };
}
