import type { Sha256 } from '../domain/digest.js';
import type { EcosystemName } from '../domain/plan.js';

/** A response body on its way, after redirects, with the decoded transfer coding. */
export interface UpstreamBody {
  /** Where it came from in the end, without credentials. */
  url: string;
  /** The whole artifact's length, where the server says so. */
  lengthBytes: number | undefined;
  /** The offset that the body starts at: the one asked for, or 0 where the server cannot do ranges. */
  offset: number;
  contentType: string | undefined;
  etag: string | undefined;
  /**
   * Ends well only at the announced length; a break is thrown (UPSTREAM_UNREACHABLE) and resuming is
   * the caller's. Holds a connection until it is read to its end, left by `return()`, or aborted.
   */
  stream: AsyncIterable<Uint8Array>;
}

/** A small body, whole. */
export interface UpstreamPage {
  url: string;
  bytes: Uint8Array;
  contentType: string | undefined;
  /** When the server last said so, where it is not now: it could not be asked. */
  seenAt?: Date | undefined;
}

export interface UpstreamRequest {
  ecosystem: EcosystemName;
  /** http, https or file. Credentials come from the native client's own configuration, never from here. */
  url: string;
  /** Resume from here. */
  offset?: number;
  /** Nothing is wanted from here on; a body may go on all the same. */
  end?: number | undefined;
  accept?: string;
  /**
   * For `read`: where the server does not answer within so long, or cannot, the page that it gave last
   * is good enough, if there is one.
   */
  lastSeenAfterMs?: number | undefined;
  /** It is part of a public index, which others may be asked for and shown. */
  isPublic?: boolean | undefined;
  /** What its bytes hash to, so that they may come from anybody. */
  sha256?: Sha256 | undefined;
  signal?: AbortSignal | undefined;
}

/**
 * The outside world: http, https and file addresses, with the native clients' credentials, proxies
 * and certificate authorities. Implementations retry with backoff, bound every wait, and follow
 * redirects without carrying credentials to another host.
 */
export interface Upstream {
  /**
   * Opens one body.
   * @throws XError UPSTREAM_UNREACHABLE, UPSTREAM_REFUSED (with the status in the message),
   *   UPSTREAM_MALFORMED where the answer contradicts itself;
   *   PACKAGE_NOT_FOUND on 404 and 410, or a file that does not exist; the signal's reason.
   */
  open(request: UpstreamRequest): Promise<UpstreamBody>;
  /**
   * Reads a whole small body, cached and revalidated by ETag where the implementation can.
   * @throws as open; LIMIT_EXCEEDED past maxBytes.
   */
  read(request: UpstreamRequest, maxBytes: number): Promise<UpstreamPage>;
}
