import { X509Certificate } from 'node:crypto';
import type { Dispatcher } from 'undici';
import { messageOf, XError } from '../domain/errors.js';

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

/** The connections of one upstream, opened when the first address is asked. */
export interface Connections {
  dispatcher(): Promise<Dispatcher>;
  /** Ends every connection, those in use too. */
  close(): Promise<void>;
}

/**
 * Checks how an upstream connects. The HTTP library, which takes its time to load, is left to who asks.
 * @param certificateAuthorities PEM texts, each may hold several certificates.
 * @throws XError USAGE where a proxy is no address or an authority no certificate.
 */
export function openConnections(
  proxy: ProxySettings,
  certificateAuthorities: readonly string[],
): Connections {
  checkCertificates(certificateAuthorities);
  const proxies = {
    httpProxy: proxyAddress(proxy.httpProxy),
    httpsProxy: proxyAddress(proxy.httpsProxy),
    noProxy: proxy.noProxy ?? '',
  };
  let opened: Promise<Dispatcher> | undefined;
  return {
    dispatcher: () =>
      (opened ??= import('./http-dispatcher.js').then(({ openDispatcher }) =>
        openDispatcher(proxies, certificateAuthorities),
      )),
    async close() {
      await (await opened)?.destroy();
    },
  };
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
