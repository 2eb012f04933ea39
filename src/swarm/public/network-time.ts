import { BOUNDS } from '../../domain/bounds.js';
import type { Clock } from '../../ports/clock.js';

/**
 * The time of everything in src/network: milliseconds since 1970, counted by a clock that never goes
 * back, whatever is done to the system's. That one stands still while a machine sleeps, and a process may
 * have begun before the time was known: where the system's is far ahead, it is right. One value serves a
 * whole process.
 */
export function networkTime(clock: Clock): () => number {
  const offset = (): number => clock.now().getTime() - clock.monotonicMs();
  let offsetMs = offset();
  return () => {
    const nowMs = offset();
    if (nowMs - offsetMs > BOUNDS.clockLeapMs) offsetMs = nowMs;
    return Math.floor(offsetMs + clock.monotonicMs());
  };
}
