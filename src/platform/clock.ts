import { setTimeout as wait } from 'node:timers/promises';
import type { Clock } from '../ports/clock.js';

/** This machine's time. */
export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await wait(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      // Node rejects with an AbortError of its own; the port promises the signal's reason.
      throw signal?.aborted === true ? signal.reason : error;
    }
  },
};
