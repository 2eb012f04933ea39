import { XError } from '../domain/errors.js';
import type { Clock } from '../ports/clock.js';
import type { Share } from '../ports/swarm.js';

export interface StallWatch {
  /** Rejects where the pull is given up. Never resolves. */
  failed: Promise<never>;
  stop(): void;
}

export interface StallOptions {
  shares: readonly Share[];
  /** Paths of which a copy turned out bad, and why. */
  bad: ReadonlyMap<string, string>;
  clock: Clock;
  /** Nothing arrived for so long. */
  deadlineMs: number;
  /** The same, where what is missing is with nobody who is connected, a master among them. */
  unobtainableMs: number;
  /** Whether to fail, or only to say so and go on waiting. */
  giveUp: boolean;
  warn: (message: string) => void;
}

/** Watches that bytes keep arriving: a pull that nobody feeds is said, and with `giveUp` it fails. */
export function watchForStall(options: StallOptions): StallWatch {
  const stopped = new AbortController();
  const failed = watch(options, stopped.signal);
  // The race that uses it may be over before it fails; then nobody is left to tell.
  failed.catch(() => undefined);
  return { failed, stop: () => stopped.abort() };
}

async function watch(options: StallOptions, stopped: AbortSignal): Promise<never> {
  const held = (): number => options.shares.reduce((sum, share) => sum + share.heldBytes(), 0);
  let last = held();
  let sinceMs = options.clock.monotonicMs();
  let said = false;
  for (;;) {
    await options.clock.sleep(Math.min(1_000, options.deadlineMs), stopped);
    const now = held();
    if (now !== last) {
      last = now;
      sinceMs = options.clock.monotonicMs();
      said = false;
      continue;
    }
    const waitedMs = options.clock.monotonicMs() - sinceMs;
    const isHopeless = waitedMs >= options.unobtainableMs && nobodyHasTheRest(options.shares);
    if (said || (waitedMs < options.deadlineMs && !isHopeless)) continue;
    const failure = failureOf(options, waitedMs);
    if (options.giveUp) throw failure;
    options.warn(`${failure.message}; waiting for a peer that has it`);
    said = true;
  }
}

function nobodyHasTheRest(shares: readonly Share[]): boolean {
  return shares.every((share) => {
    const unobtainable = share.unobtainable();
    return unobtainable !== undefined && unobtainable.length >= share.missing().length;
  });
}

/** How many missing files a message names. */
const NAMED = 3;

function failureOf({ shares, bad }: StallOptions, waitedMs: number): XError {
  const missing = shares.flatMap((share) => share.missing());
  const peers = new Set(shares.flatMap((share) => share.peers().map(({ did }) => did))).size;
  const named =
    missing.slice(0, NAMED).join(', ') +
    (missing.length > NAMED ? ` and ${missing.length - NAMED} more` : '');
  const what = `nothing arrived for ${Math.round(waitedMs / 1000)} s, and ${named} is still missing`;
  const culprit = missing.find((path) => bad.has(path));
  const why =
    culprit === undefined ? lostAtItsSource(shares) : `${culprit}: ${bad.get(culprit) ?? ''}`;
  if (why !== undefined) {
    return new XError('DIGEST_MISMATCH', `${what}: no peer has an honest copy (${why})`, {
      hint: 'Run `x verify` on the source, and let it fetch what is damaged there with `x source -r` again.',
    });
  }
  return new XError(
    'INCOMPLETE',
    `${what}; ${peers === 0 ? 'no peer is connected' : `none of the ${peers} connected peers has it`}`,
    {
      hint: 'Start it again when the source, or a sibling that has it, is up: it goes on where it was.',
    },
  );
}

/** Who signed a bundle held all of it then: what it has no longer, it lost to damage. */
function lostAtItsSource(shares: readonly Share[]): string | undefined {
  for (const share of shares) {
    const signerIsHere = share.peers().some(({ did }) => did === share.manifest.source);
    const [path] = share.unobtainable() ?? [];
    if (signerIsHere && path !== undefined) return `${path}: its source does not hold it any more`;
  }
  return undefined;
}
