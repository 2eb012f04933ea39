import type { Clock } from '../../ports/clock.js';

/**
 * The time of everything in src/network: milliseconds since 1970, read once and then counted by a
 * clock that never goes back, whatever is done to the system's. One value serves a whole process.
 */
export function networkTime(clock: Clock): () => number {
  const offsetMs = clock.now().getTime() - clock.monotonicMs();
  return () => Math.floor(offsetMs + clock.monotonicMs());
}
