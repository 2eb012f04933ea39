import type { Did } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';
import { isDid } from './did.js';

const DEFAULT_PORT = 8471;

/** What `x source` prints for its clients: whom to trust, where to find it, and a one-time token. */
export interface Invitation {
  did: Did;
  /** A name or an address; an IPv6 address without brackets. */
  host: string;
  port: number;
  token?: string | undefined;
}

const PATTERN =
  /^x:\/\/([^@/?#]+)@(\[[0-9A-Fa-f:.]+(?:%[\w.-]+)?\]|[^\s:@/?#[\]]+)(?::([0-9]{1,5}))?\/?(?:\?token=([A-Za-z0-9_-]{1,256}))?$/;

/** Whether a text means to be an invitation rather than a host. */
export function isInvitation(text: string): boolean {
  return text.startsWith('x://');
}

/**
 * Parses `x://DID@HOST[:PORT][?token=…]`.
 * @throws XError USAGE.
 */
export function parseInvitation(text: string): Invitation {
  const match = PATTERN.exec(text);
  const [, did = '', host = '', portText, token] = match ?? [];
  const port = portText === undefined ? DEFAULT_PORT : Number(portText);
  if (!match || !isDid(did) || port < 1 || port > 65_535) {
    throw new XError('USAGE', `not an invitation: "${text.slice(0, 200)}"`, {
      hint: 'An invitation is written x://did:key:z6Mk…@HOST:PORT; copy the whole line that x source or x invite prints.',
    });
  }
  const bare = host.startsWith('[') ? host.slice(1, -1) : host;
  return { did, host: bare, port, ...(token === undefined ? {} : { token }) };
}

/** The text of an invitation, which parseInvitation reads back. */
export function formatInvitation({ did, host, port, token }: Invitation): string {
  const address = host.includes(':') ? `[${host}]` : host;
  return `x://${did}@${address}:${port}${token === undefined ? '' : `?token=${token}`}`;
}
