import type { Clock } from '../ports/clock.js';

/** An install asks for hundreds of indexes: whoever runs the gateway is told every so often. */
const TOLD_EVERY_MS = 60_000;

/**
 * Says how old an index is that stands in for one that could not be asked for: to whoever runs the
 * gateway, and in the headers of the answer (RFC 9111 section 5.1; `Warning` 110 for those who show it).
 */
export function tellLastSeen(
  clock: Pick<Clock, 'now' | 'monotonicMs'>,
  warn: (message: string) => void,
): (what: string, seenAt: Date) => Record<string, string> {
  let toldMs = -Infinity;
  let untold = 0;
  return (what, seenAt) => {
    const seconds = Math.max(0, Math.round((clock.now().getTime() - seenAt.getTime()) / 1000));
    const said = `the official source does not answer: ${what} is that of ${seenAt.toISOString()}, ${ageOf(seconds)} old`;
    if (clock.monotonicMs() - toldMs < TOLD_EVERY_MS) untold += 1;
    else {
      toldMs = clock.monotonicMs();
      warn(untold === 0 ? said : `${said}; so were ${untold} more answers before it`);
      untold = 0;
    }
    // A quoted-string of RFC 9110 has neither quotes nor anything beyond ASCII.
    const quoted = said.replace(/[^ !#-[\]-~]/g, '?');
    return { age: String(seconds), warning: `110 x "${quoted}"` };
  };
}

export function ageOf(seconds: number): string {
  if (seconds < 120) return `${seconds} seconds`;
  if (seconds < 7_200) return `${Math.floor(seconds / 60)} minutes`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3_600)} hours`;
  return `${Math.floor(seconds / 86_400)} days`;
}
