import { createSecureContext, getCACertificates } from 'node:tls';
import { EnvHttpProxyAgent, type Dispatcher } from 'undici';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, XError } from '../domain/errors.js';

/** Proxies as the environment spells them; an absent one is read from the environment itself. */
export interface ProxySettings {
  httpProxy?: string | undefined;
  httpsProxy?: string | undefined;
  noProxy?: string | undefined;
}

/**
 * The connections of one upstream: pooled per origin, through the proxies that HTTP_PROXY,
 * HTTPS_PROXY and NO_PROXY name, trusting Node's authorities and the given ones.
 * @param certificateAuthorities PEM texts, each may hold several certificates.
 * @throws XError USAGE where a proxy is no address or an authority no certificate.
 */
export function openConnections(
  proxy: ProxySettings,
  certificateAuthorities: readonly string[],
): Dispatcher {
  const tls = certificateAuthorities.length === 0 ? {} : trusting(certificateAuthorities);
  try {
    return new EnvHttpProxyAgent({
      ...definedOf(proxy),
      connections: BOUNDS.connectionsPerOrigin,
      // One connection a download: HTTP/2 would put all of them on one TCP stream.
      allowH2: false,
      connect: { ...tls, timeout: BOUNDS.connectTimeoutMs },
      connectTimeout: BOUNDS.connectTimeoutMs,
      requestTls: { ...tls },
      proxyTls: { ...tls },
      headersTimeout: BOUNDS.idleTimeoutMs,
      bodyTimeout: BOUNDS.idleTimeoutMs,
    });
  } catch (cause) {
    throw new XError('USAGE', `the proxy settings cannot be used: ${messageOf(cause)}`, {
      hint: 'HTTP_PROXY and HTTPS_PROXY are addresses such as http://proxy.example:3128.',
      cause,
    });
  }
}

/** One context for all connections: parsing Node's authorities again for each would cost milliseconds. */
function trusting(pems: readonly string[]): {
  secureContext: ReturnType<typeof createSecureContext>;
} {
  try {
    return {
      secureContext: createSecureContext({ ca: [...getCACertificates('default'), ...pems] }),
    };
  } catch (cause) {
    throw new XError(
      'USAGE',
      `a certificate authority that was named cannot be read: ${messageOf(cause)}`,
      { hint: 'Certificate authorities are PEM files (-----BEGIN CERTIFICATE-----).', cause },
    );
  }
}

function definedOf(proxy: ProxySettings): {
  httpProxy?: string;
  httpsProxy?: string;
  noProxy?: string;
} {
  return {
    ...(proxy.httpProxy === undefined ? {} : { httpProxy: proxy.httpProxy }),
    ...(proxy.httpsProxy === undefined ? {} : { httpsProxy: proxy.httpsProxy }),
    ...(proxy.noProxy === undefined ? {} : { noProxy: proxy.noProxy }),
  };
}
