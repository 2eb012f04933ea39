import { LRUCache } from 'lru-cache';
import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import type { UpstreamBody, UpstreamPage, UpstreamRequest } from '../ports/upstream.js';
import { printableAddress, splitCredentials } from './http-address.js';
import { collect, gunzipped, tooLarge, wholeBody } from './http-body.js';
import type { CachedBody, HttpCache, KeptBody } from './http-cache.js';
import { exchange, type Exchanged, type ExchangeContext } from './http-exchange.js';
import { isSilence } from './http-failure.js';
import { contentLengthOf, contentRangeOf, headerOf, strongEtagOf } from './http-headers.js';
import { SeenEtags } from './http-hosts.js';

/** http and https addresses: the Upstream port over `exchange`. */
export class HttpUpstream {
  readonly #context: ExchangeContext;
  readonly #cache: HttpCache | undefined;
  readonly #etags = new SeenEtags();
  /** Origins that did not answer a moment ago. */
  readonly #silent = new LRUCache<string, true>({
    max: BOUNDS.rememberedHosts,
    ttl: BOUNDS.unreachableHostMs,
  });

  constructor(context: ExchangeContext, cache: HttpCache | undefined) {
    this.#context = context;
    this.#cache = cache;
  }

  /** As Upstream.open. A break in the middle surfaces from the stream: resuming is the caller's. */
  async open(request: UpstreamRequest, address: URL): Promise<UpstreamBody> {
    const offset = request.offset ?? 0;
    const key = splitCredentials(address).url.href;
    const etag = this.#etags.get(key);
    const range = rangeOf(offset, request.end);
    const headers: Record<string, string> = {
      accept: request.accept ?? '*/*',
      // What is stored is what the publisher's digest is of.
      'accept-encoding': 'identity',
      ...(range === undefined ? {} : { range }),
      ...(offset > 0 && etag !== undefined ? { 'if-range': etag } : {}),
    };
    const { ecosystem, signal } = request;
    const asked = {
      ecosystem,
      address,
      headers,
      alsoAccept: range === undefined ? [] : [416],
      signal,
    };
    const body = await exchange(this.#context, asked, (response) =>
      Promise.resolve(bodyOf(response, request, printableAddress(address))),
    );
    if (body === 'past-the-end') {
      // The file is shorter than what is held of it: another file. From the start, then.
      return this.open({ ...request, offset: 0, end: undefined }, address);
    }
    this.#etags.set(key, body.etag);
    return body;
  }

  /** As Upstream.read. */
  async read(request: UpstreamRequest, address: URL, maxBytes: number): Promise<UpstreamPage> {
    const cached = await this.#cache?.load(address, request.accept ?? '*/*');
    const { lastSeenAfterMs } = request;
    if (lastSeenAfterMs === undefined || cached === undefined) {
      return this.#ask(request, address, maxBytes, cached);
    }
    if (cached.bytes.length > maxBytes) throw tooLarge(printableAddress(address), maxBytes);
    const { url, bytes, contentType, seenAt } = cached;
    const seen: UpstreamPage = { url, bytes, contentType, seenAt };
    // Who was silent a moment ago is not waited for again with each of a thousand pages.
    if (this.#silent.has(address.origin)) return seen;
    return this.#askFor(lastSeenAfterMs, seen, address, request.signal, () =>
      this.#ask(request, address, maxBytes, cached),
    );
  }

  /** Asks, and answers with what was seen where that takes too long or the server does not answer. */
  async #askFor(
    ms: number,
    seen: UpstreamPage,
    { origin }: URL,
    signal: AbortSignal | undefined,
    ask: () => Promise<UpstreamPage>,
  ): Promise<UpstreamPage> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<UpstreamPage>((resolve) => {
      timer = setTimeout(() => resolve(seen), ms);
    });
    const asking = ask();
    try {
      // What comes too late is kept for the next who asks.
      const page = await Promise.race([asking, late]);
      if (page === seen) this.#silent.set(origin, true);
      return page;
    } catch (thrown) {
      signal?.throwIfAborted();
      if (!isSilence(thrown)) throw thrown;
      this.#silent.set(origin, true);
      return seen;
    } finally {
      clearTimeout(timer);
      asking.catch(() => undefined);
    }
  }

  async #ask(
    request: UpstreamRequest,
    address: URL,
    maxBytes: number,
    cached: KeptBody | undefined,
  ): Promise<UpstreamPage> {
    const printed = printableAddress(address);
    const accept = request.accept ?? '*/*';
    // Of real time, as the waits at sockets are: a body that drips must end too.
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(tooSlow(printed)), BOUNDS.smallReadMs);
    const signal =
      request.signal === undefined
        ? deadline.signal
        : AbortSignal.any([request.signal, deadline.signal]);
    const headers: Record<string, string> = {
      accept,
      'accept-encoding': isPacked(address) ? 'identity' : 'gzip',
      ...validatorsOf(cached),
    };
    const alsoAccept = cached === undefined ? [] : [304];
    const asked = { ecosystem: request.ecosystem, address, headers, alsoAccept, signal };
    try {
      return await exchange(this.#context, asked, async (response) => {
        if (response.status === 304 && cached !== undefined) {
          response.body.destroy();
          if (cached.bytes.length > maxBytes) throw tooLarge(printed, maxBytes);
          await this.#cache?.confirm(address, accept);
          return { url: cached.url, bytes: cached.bytes, contentType: cached.contentType };
        }
        const small = await readWhole(response, maxBytes, printed, signal);
        const page = { ...small, ...validatorHeaders(response) };
        await this.#cache?.save(address, accept, page, request.lastSeenAfterMs !== undefined);
        return small;
      });
    } finally {
      clearTimeout(timer);
    }
  }
}

/** Undefined for all of it. */
function rangeOf(offset: number, end: number | undefined): string | undefined {
  if (end !== undefined && end > offset) return `bytes=${offset}-${end - 1}`;
  return offset > 0 ? `bytes=${offset}-` : undefined;
}

function tooSlow(printed: string): XError {
  return new XError(
    'UPSTREAM_UNREACHABLE',
    `GET ${printed}: not read whole within ${BOUNDS.smallReadMs / 1000} s`,
  );
}

/** Turns an answer to a (possibly partial) request into the port's body. */
function bodyOf(
  response: Exchanged,
  { offset: askedOffset = 0, end, signal }: UpstreamRequest,
  printed: string,
): UpstreamBody | 'past-the-end' {
  const { status, headers, body, url } = response;
  const range = contentRangeOf(headers);
  const common = {
    url: url.href,
    contentType: headerOf(headers, 'content-type'),
    etag: strongEtagOf(headers),
  };
  if (status === 416) {
    body.destroy();
    // Everything is held already: the server counts to where the caller stands.
    if (range?.total !== askedOffset) return 'past-the-end';
    return { ...common, lengthBytes: askedOffset, offset: askedOffset, stream: nothing() };
  }
  const length = contentLengthOf(headers);
  if (status === 200 || status === 203) {
    const stream = wholeBody(body, length, printed, signal);
    return { ...common, lengthBytes: length, offset: 0, stream };
  }
  if (status !== 206) {
    body.destroy();
    throw new XError('UPSTREAM_MALFORMED', `GET ${printed}: answered ${status} to a download`);
  }
  const isAsked = rangeOf(askedOffset, end) !== undefined;
  if (!isAsked || range?.start !== askedOffset) {
    body.destroy();
    throw new XError(
      'UPSTREAM_MALFORMED',
      `GET ${printed}: asked for bytes from ${askedOffset}, answered 206 with content-range ${headerOf(headers, 'content-range') ?? 'missing'}`,
    );
  }
  // Of a part the server says how long it is.
  const toTheEnd = range.total === undefined ? undefined : range.total - askedOffset;
  const expected = end === undefined ? (toTheEnd ?? length) : length;
  const stream = wholeBody(body, expected, printed, signal);
  return { ...common, lengthBytes: range.total, offset: askedOffset, stream };
}

async function readWhole(
  response: Exchanged,
  maxBytes: number,
  printed: string,
  signal: AbortSignal,
): Promise<UpstreamPage> {
  const { headers, body, url, status } = response;
  const length = contentLengthOf(headers);
  const coding = headerOf(headers, 'content-encoding')?.trim().toLowerCase() ?? 'identity';
  const refuse = (why: string): XError => {
    body.destroy();
    return new XError('UPSTREAM_MALFORMED', `GET ${printed}: ${why}`);
  };
  if (status !== 200 && status !== 203)
    throw refuse(`answered ${status} where a whole page was asked for`);
  if (length !== undefined && length > maxBytes) {
    body.destroy();
    throw tooLarge(printed, maxBytes);
  }
  const raw = wholeBody(body, length, printed, signal);
  const zipped = coding === 'gzip' || coding === 'x-gzip';
  // A server that calls a .gz file "gzip-encoded" means the file itself.
  const inflate = zipped && !isPacked(response.url);
  if (!zipped && coding !== 'identity' && coding !== '') {
    throw refuse(`encoded as ${coding}, which was not asked for`);
  }
  const bytes = await collect(inflate ? gunzipped(raw, printed) : raw, maxBytes, printed);
  return { url: url.href, bytes, contentType: headerOf(headers, 'content-type') };
}

/** Whether an address names a file that is compressed in itself. */
function isPacked(address: URL): boolean {
  return /\.(gz|tgz|xz|bz2|zst|lz|zip|whl|deb)$/i.test(address.pathname);
}

function validatorsOf(cached: CachedBody | undefined): Record<string, string> {
  if (cached?.etag !== undefined) return { 'if-none-match': cached.etag };
  if (cached?.lastModified !== undefined) return { 'if-modified-since': cached.lastModified };
  return {};
}

function validatorHeaders(response: Exchanged): {
  etag: string | undefined;
  lastModified: string | undefined;
} {
  return {
    etag: headerOf(response.headers, 'etag'),
    lastModified: headerOf(response.headers, 'last-modified'),
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // Nothing is missing, so nothing comes.
}
