import { isIP } from 'node:net';

/** A request's target and host, judged before anything else looks at them. */
export type Judged =
  | { accepted: true; path: string; query: URLSearchParams; baseUrl: string }
  | { accepted: false; status: 400 | 421 | 505; reason: string };

export interface GateInput {
  /** `1.1`, as the parser read it. */
  httpVersion: string;
  scheme: 'http' | 'https';
  /** The target as it stands in the request line. */
  target: string;
  /** Every Host header, in order. */
  hosts: readonly string[];
  /** What stands in for a missing Host (HTTP/1.0): the socket's own address and port. */
  localHost: string;
  /** Lower-case DNS names that this gateway answers to, beside localhost and addresses. */
  names: ReadonlySet<string>;
}

/**
 * Judges a request's target (RFC 9112 section 3.2) and Host.
 *
 * A page in a browser on this machine can make the browser send requests here under a name that its
 * author resolves to a private address. Such a request carries that name as its Host, so only
 * addresses, localhost and configured names are answered (421 otherwise).
 */
export function judgeRequest(input: GateInput): Judged {
  // Node's parser lets a request line without a version through, and 2.0.
  if (input.httpVersion !== '1.1' && input.httpVersion !== '1.0') {
    return refuse(505, 'HTTP/1.1 is spoken here');
  }
  if (input.hosts.length > 1) return refuse(400, 'more than one Host header');
  let { target } = input;
  let host = input.hosts[0] ?? input.localHost;
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target);
  if (absolute) {
    // Section 3.2.2: the host of an absolute target replaces the header.
    host = absolute[1] ?? '';
    target = (absolute[2] ?? '').startsWith('/') ? (absolute[2] ?? '') : `/${absolute[2] ?? ''}`;
  }
  if (!target.startsWith('/')) return refuse(400, 'the request target is no path');
  const name = hostName(host);
  if (name === undefined) return refuse(400, 'the Host header is malformed');
  if (!isAnswered(name, input.names)) {
    return refuse(421, `this gateway does not answer to the name ${name}; use its address`);
  }
  const question = target.indexOf('?');
  const path = safePath(question < 0 ? target : target.slice(0, question));
  if (path === undefined) return refuse(400, 'the path is malformed');
  const query = new URLSearchParams(question < 0 ? '' : target.slice(question + 1));
  return { accepted: true, path, query, baseUrl: `${input.scheme}://${host}` };
}

/**
 * Decodes a path once and takes off its leading slash; undefined where a segment is `.` or `..`, or
 * where it has a backslash, a control character, a fragment or broken percent-encoding. Runs of slashes count as one.
 */
export function safePath(encoded: string): string | undefined {
  if (encoded.includes('#')) return undefined;
  let path: string;
  try {
    path = decodeURIComponent(encoded);
  } catch {
    return undefined;
  }
  if (/[\u0000-\u001f\u007f\\]/.test(path)) return undefined;
  const segments = path.split('/').filter((segment, index, all) => {
    return segment !== '' || index === all.length - 1;
  });
  if (segments.some((segment) => segment === '.' || segment === '..')) return undefined;
  return segments.join('/');
}

/** The name or address in `name:port`; undefined where it is neither. */
function hostName(host: string): string | undefined {
  const match = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::[0-9]{1,5})?$/i.exec(host);
  return match?.[1]?.toLowerCase().replace(/\.$/, '');
}

function isAnswered(name: string, names: ReadonlySet<string>): boolean {
  if (name.startsWith('[')) return isIP(name.slice(1, -1)) === 6;
  return isIP(name) === 4 || name === 'localhost' || names.has(name);
}

function refuse(status: 400 | 421 | 505, reason: string): Judged {
  return { accepted: false, status, reason };
}
