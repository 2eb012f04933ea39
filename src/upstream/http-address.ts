import { XError } from '../domain/errors.js';

/** An address split into what is requested and the credentials that stood in it. */
export interface HttpAddress {
  /** Without user, password and fragment. */
  url: URL;
  /** `Basic …` of the user and password that stood in the address. */
  authorization: string | undefined;
}

/**
 * Takes credentials out of an address.
 * @throws XError UPSTREAM_REFUSED where a percent sign in them is malformed.
 */
export function splitCredentials(address: URL): HttpAddress {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  url.hash = '';
  if (address.username === '' && address.password === '') return { url, authorization: undefined };
  try {
    const user = decodeURIComponent(address.username);
    const password = decodeURIComponent(address.password);
    return { url, authorization: basicAuthorization(user, password) };
  } catch (cause) {
    throw new XError(
      'UPSTREAM_REFUSED',
      `${printableAddress(url)}: the user or password in the address cannot be percent-decoded`,
      { hint: 'Write a percent sign in a password as %25.', cause },
    );
  }
}

/** RFC 7617. */
export function basicAuthorization(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;
}

/** An address for messages: no credentials, and no query, where signed addresses carry theirs. */
export function printableAddress(url: URL): string {
  const printed = new URL(url);
  printed.username = '';
  printed.password = '';
  printed.hash = '';
  printed.search = '';
  return printed.href + (url.search === '' ? '' : '?…');
}

/**
 * Where a redirect leads (RFC 9110 section 15.4).
 * @throws XError UPSTREAM_REFUSED where it leaves http, or leaves TLS.
 */
export function redirectTarget(from: URL, location: string): URL {
  const refuse = (why: string): never => {
    throw new XError('UPSTREAM_REFUSED', `GET ${printableAddress(from)}: ${why}`);
  };
  if (!URL.canParse(location, from.href)) refuse('redirects to what is no address');
  const target = new URL(location, from.href);
  if (target.protocol !== 'https:' && target.protocol !== 'http:') {
    refuse(`redirects out of http, to ${target.protocol}`);
  }
  if (from.protocol === 'https:' && target.protocol === 'http:') {
    refuse(`redirects from https down to ${printableAddress(target)}`);
  }
  // An address that a server writes brings no credentials of its own.
  return splitCredentials(target).url;
}
