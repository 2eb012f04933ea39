import type { Clock } from '../ports/clock.js';

/** Thrown by `withinMs` where the work took longer. */
export class DeadlinePassed extends Error {
  constructor(ms: number) {
    super(`not done within ${ms / 1000} s`);
    this.name = 'DeadlinePassed';
  }
}

/**
 * Runs work that must end: it is aborted, and no longer waited for, when the time is up or one of the
 * signals says so.
 * @throws DeadlinePassed; a signal's reason; what the work throws.
 */
export async function withinMs<T>(
  ms: number,
  clock: Clock,
  signals: readonly AbortSignal[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ended = new AbortController();
  const endings = signals.map((signal) => {
    const end = (): void => ended.abort(signal.reason);
    if (signal.aborted) end();
    signal.addEventListener('abort', end, { once: true });
    return () => signal.removeEventListener('abort', end);
  });
  const timedOut = clock.sleep(ms, ended.signal).then((): never => {
    throw new DeadlinePassed(ms);
  });
  try {
    ended.signal.throwIfAborted();
    return await Promise.race([work(ended.signal), timedOut]);
  } finally {
    for (const forget of endings) forget();
    // The race is over; how the sleep ends interests nobody any more.
    timedOut.catch(() => undefined);
    ended.abort(new Error('no longer waited for'));
  }
}
