import { BOUNDS } from '../domain/bounds.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { Random } from '../ports/random.js';

/** Why one attempt failed, and whether another may help. */
export interface AttemptFailure {
  error: XError;
  /** How many attempts in all this kind of failure is worth. */
  attempts: number;
  /** What the server asked for (Retry-After). */
  retryAfterMs?: number | undefined;
  /** Nothing answered at this host: others need not try it now. */
  hostDown: boolean;
}

const NO_HOST = new Set(['ENOTFOUND']);
const NO_CONNECTION = new Set([
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'EHOSTDOWN',
  'ENETUNREACH',
  'ENETDOWN',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'EADDRNOTAVAIL',
]);
const CERTIFICATE =
  /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_|ERR_SSL_|HOSTNAME_MISMATCH|INVALID_CA|EPROTO$|UND_ERR_PRX_TLS$)/;

const serversFaults = new WeakSet<XError>();

/** Whether the server could not be asked, or could not answer: what it said before is still its word. */
export function isSilence(thrown: unknown): boolean {
  if (!(thrown instanceof XError)) return false;
  return thrown.code === 'UPSTREAM_UNREACHABLE' || serversFaults.has(thrown);
}

/** What a final status says, redirects and success aside. */
export function failureOfStatus(
  address: string,
  status: number,
  statusText: string,
  retryAfterMs: number | undefined,
): AttemptFailure {
  const message = `GET ${address}: ${status}${statusText === '' ? '' : ` ${statusText}`}`;
  if (status === 404 || status === 410) {
    return { error: new XError('PACKAGE_NOT_FOUND', message), attempts: 1, hostDown: false };
  }
  const passing = status === 429 || status >= 500;
  const tooLong = retryAfterMs !== undefined && retryAfterMs > BOUNDS.retryAfterMs;
  const error = new XError('UPSTREAM_REFUSED', message, {
    hint: hintOfStatus(status, retryAfterMs),
  });
  if (passing) serversFaults.add(error);
  return {
    error,
    attempts: passing && !tooLong ? BOUNDS.requestAttempts : 1,
    retryAfterMs,
    hostDown: false,
  };
}

/** What a thrown error of the HTTP library says. */
export function failureOfThrown(address: string, thrown: unknown): AttemptFailure {
  if (thrown instanceof XError) return { error: thrown, attempts: 1, hostDown: false };
  const code = rootCode(thrown);
  const reason = rootMessage(thrown);
  const unreachable = (hint: string | undefined): XError =>
    new XError('UPSTREAM_UNREACHABLE', `GET ${address}: ${reason}`, { hint, cause: thrown });

  if (code !== undefined && CERTIFICATE.test(code)) {
    const hint =
      "If a proxy or mirror here has a certificate of its own, name its authority in pip's cert, npm's cafile or NODE_EXTRA_CA_CERTS.";
    // What Node adds is about its own flags.
    const said = reason.replace(/; if the root CA is installed locally.*$/s, '');
    const error = new XError('UPSTREAM_UNREACHABLE', `GET ${address}: ${said}`, {
      hint,
      cause: thrown,
    });
    return { error, attempts: 1, hostDown: false };
  }
  const connectHint = 'Check the network, the address and the proxy (HTTPS_PROXY, NO_PROXY).';
  if (code !== undefined && NO_HOST.has(code)) {
    return { error: unreachable(connectHint), attempts: 1, hostDown: true };
  }
  if (code === 'UND_ERR_CONNECT_TIMEOUT') {
    return { error: unreachable(connectHint), attempts: BOUNDS.connectTimeouts, hostDown: true };
  }
  if (code !== undefined && NO_CONNECTION.has(code)) {
    return { error: unreachable(connectHint), attempts: BOUNDS.requestAttempts, hostDown: true };
  }
  if (code === 'UND_ERR_ABORTED' || code === 'UND_ERR_INVALID_ARG') {
    // How undici reports a proxy that refuses: "Proxy response (407) !== 200 when HTTP Tunneling".
    const hint = 'Check the proxy and its credentials (HTTPS_PROXY, NO_PROXY).';
    return { error: unreachable(hint), attempts: 1, hostDown: false };
  }
  return { error: unreachable(undefined), attempts: BOUNDS.requestAttempts, hostDown: false };
}

/** How long to wait before the next attempt: exponential, half of it random; undefined to give up. */
export function delayBeforeRetryMs(
  failure: AttemptFailure,
  attemptsMade: number,
  random: Random,
): number | undefined {
  if (attemptsMade >= failure.attempts) return undefined;
  const ceiling = BOUNDS.requestBackoffMs * 2 ** (attemptsMade - 1);
  const jittered = ceiling / 2 + random.integer(Math.ceil(ceiling / 2) + 1);
  return Math.max(jittered, failure.retryAfterMs ?? 0);
}

function hintOfStatus(status: number, retryAfterMs: number | undefined): string | undefined {
  if (status === 401 || status === 403) {
    return "Check the credentials for this address in the native client's configuration.";
  }
  if (retryAfterMs !== undefined) {
    return `The server asks to come back in ${Math.ceil(retryAfterMs / 1000)} s.`;
  }
  if (status >= 500) return SERVER_FAILS;
  return undefined;
}

const SERVER_FAILS = 'The server fails, not this machine: try again later, or use another one.';

/** The innermost cause, which is the one that names the system's error. */
function rootOf(thrown: unknown): unknown {
  let at = thrown;
  for (let depth = 0; depth < 8; depth++) {
    if (at instanceof AggregateError && at.errors.length > 0) at = at.errors[0];
    else if (at instanceof Error && at.cause instanceof Error) at = at.cause;
    else break;
  }
  return at;
}

function rootCode(thrown: unknown): string | undefined {
  return systemCodeOf(rootOf(thrown)) ?? systemCodeOf(thrown);
}

function rootMessage(thrown: unknown): string {
  const root = rootOf(thrown);
  const message = messageOf(root);
  return message === '' ? (systemCodeOf(root) ?? 'connection failed') : message;
}
