import type { IncomingHttpHeaders } from 'node:http';
import type { Dispatcher } from 'undici';
import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import type { EcosystemName } from '../domain/plan.js';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import { printableAddress, redirectTarget, splitCredentials } from './http-address.js';
import {
  delayBeforeRetryMs,
  failureOfStatus,
  failureOfThrown,
  type AttemptFailure,
} from './http-failure.js';
import { headerOf, retryAfterMsOf } from './http-headers.js';
import type { UnreachableHosts } from './http-hosts.js';
import type { Connections } from './http-connections.js';

/** Not imported: that would load all of Node's own HTTP client, which is not used here. */
const { STATUS_CODES } = process.getBuiltinModule('node:http');

const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Headers that answer for one address: `authorization`, or whatever the registry there wants. */
export type CredentialsFor = (
  url: string,
  ecosystem: EcosystemName,
) => Record<string, string> | undefined;

/** What every exchange of one upstream shares. */
export interface ExchangeContext {
  /** How an address is reached. */
  connectionsFor: (url: string, ecosystem: EcosystemName) => Connections;
  clock: Clock;
  random: Random;
  hosts: UnreachableHosts;
  credentialsFor: CredentialsFor;
  userAgent: string;
}

export interface ExchangeRequest {
  ecosystem: EcosystemName;
  address: URL;
  headers: Record<string, string>;
  /** Statuses beside 2xx that are answers, not failures. */
  alsoAccept: readonly number[];
  signal: AbortSignal | undefined;
}

/** A response whose status was accepted; its body must be read or destroyed. */
export interface Exchanged {
  /** After redirects, without credentials. */
  url: URL;
  status: number;
  headers: IncomingHttpHeaders;
  body: Dispatcher.ResponseData['body'];
}

/**
 * Requests until an answer counts: redirects followed, passing failures retried with backoff, and
 * nothing asked of a host that did not answer a moment ago.
 * @param use takes the response; where it throws a failure of the connection, all is tried again.
 * @throws XError UPSTREAM_UNREACHABLE, UPSTREAM_REFUSED, PACKAGE_NOT_FOUND, what `use` throws; the signal's reason.
 */
export async function exchange<T>(
  context: ExchangeContext,
  request: ExchangeRequest,
  use: (response: Exchanged) => Promise<T>,
): Promise<T> {
  const { clock, hosts } = context;
  for (let made = 1; ; made++) {
    request.signal?.throwIfAborted();
    const outcome = await attempt(context, request, use);
    if ('value' in outcome) return outcome.value;
    request.signal?.throwIfAborted();
    const { failure, origin } = outcome;
    const delayMs = delayBeforeRetryMs(failure, made, context.random);
    if (delayMs === undefined) {
      if (failure.hostDown) hosts.remember(origin, failure.error, clock.monotonicMs());
      throw failure.error;
    }
    await clock.sleep(delayMs, request.signal);
  }
}

/** An answer, or a failure and the origin that it happened at. */
type Outcome<T> = { value: T } | { failure: AttemptFailure; origin: string };

async function attempt<T>(
  context: ExchangeContext,
  request: ExchangeRequest,
  use: (response: Exchanged) => Promise<T>,
): Promise<Outcome<T>> {
  const printed = printableAddress(request.address);
  const trail: Trail = { ...splitCredentials(request.address), hops: 0 };
  let response: Exchanged & { statusText: string };
  try {
    response = await follow(context, request, trail);
  } catch (thrown) {
    return { failure: failureOfThrown(printed, thrown), origin: trail.url.origin };
  }
  const { status } = response;
  const { origin } = response.url;
  if ((status >= 200 && status < 300) || request.alsoAccept.includes(status)) {
    try {
      return { value: await use(response) };
    } catch (thrown) {
      // What broke off while it was read whole is worth another attempt; what was read and is wrong is not.
      const broken = thrown instanceof XError && thrown.code === 'UPSTREAM_UNREACHABLE';
      const failure = failureOfThrown(printed, thrown);
      const attempts = broken ? BOUNDS.requestAttempts : failure.attempts;
      return { failure: { ...failure, attempts }, origin };
    }
  }
  await discard(response.body);
  const retryAfterMs = retryAfterMsOf(response.headers, context.clock.now());
  return { failure: failureOfStatus(printed, status, response.statusText, retryAfterMs), origin };
}

/** Where the request stands among its redirects. */
interface Trail {
  url: URL;
  /** Of the address itself: for its own origin only. */
  authorization: string | undefined;
  hops: number;
}

/** One request, and those that its redirects lead to. */
async function follow(
  context: ExchangeContext,
  request: ExchangeRequest,
  trail: Trail,
): Promise<Exchanged & { statusText: string }> {
  const firstOrigin = trail.url.origin;
  for (; trail.hops <= BOUNDS.redirects; trail.hops++) {
    const { url } = trail;
    const remembered = context.hosts.recall(url.origin, context.clock.monotonicMs());
    if (remembered !== undefined) throw alike(remembered, url);
    const own = url.origin === firstOrigin ? trail.authorization : undefined;
    const connections = context.connectionsFor(url.href, request.ecosystem);
    const dispatcher = await connections.dispatcher();
    const response = await dispatcher.request({
      origin: url.origin,
      path: url.pathname + url.search,
      method: 'GET',
      headers: {
        'user-agent': context.userAgent,
        ...request.headers,
        // Asked for anew at each hop, so that what answers for one origin never goes to another.
        ...context.credentialsFor(url.href, request.ecosystem),
        ...(own === undefined ? {} : { authorization: own }),
      },
      headersTimeout: BOUNDS.idleTimeoutMs,
      bodyTimeout: BOUNDS.idleTimeoutMs,
      signal: request.signal ?? null,
    });
    // A body may break before anyone reads it, or because it is not wanted; whoever reads it is told then.
    response.body.on('error', () => undefined);
    const location = headerOf(response.headers, 'location');
    if (!REDIRECTS.has(response.statusCode) || location === undefined) {
      return {
        url,
        status: response.statusCode,
        statusText: response.statusText || (STATUS_CODES[response.statusCode] ?? ''),
        headers: response.headers,
        body: response.body,
      };
    }
    await discard(response.body);
    trail.url = redirectTarget(url, location);
  }
  throw new XError(
    'UPSTREAM_REFUSED',
    `GET ${printableAddress(request.address)}: more than ${BOUNDS.redirects} redirects`,
  );
}

/** Reads the rest of an unwanted body where it is short, so that its connection can be used again. */
async function discard(body: Dispatcher.ResponseData['body']): Promise<void> {
  try {
    const signal = AbortSignal.timeout(BOUNDS.discardedBodyMs);
    await body.dump({ limit: BOUNDS.discardedBodyBytes, signal });
  } catch {
    // The status is known already and stands; only the connection is lost.
    body.destroy();
  }
}

/** The failure of a host, said of another address on it. */
function alike(known: XError, address: URL): XError {
  return new XError(
    'UPSTREAM_UNREACHABLE',
    `GET ${printableAddress(address)}: ${address.host} did not answer a moment ago (${known.message})`,
    { hint: known.hint, cause: known },
  );
}
