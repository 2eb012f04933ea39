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
  deadlineMs: number;
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
    if (options.clock.monotonicMs() - sinceMs < options.deadlineMs || said) continue;
    const failure = failureOf(options);
    if (options.giveUp) throw failure;
    options.warn(`${failure.message}; waiting for a peer that has it`);
    said = true;
  }
}

/** How many missing files a message names. */
const NAMED = 3;

function failureOf({ shares, bad, deadlineMs }: StallOptions): XError {
  const missing = shares.flatMap((share) =>
    share.manifest.entries.filter(({ path }) => !share.has(path)).map(({ path }) => path),
  );
  const peers = new Set(shares.flatMap((share) => share.peers().map(({ did }) => did))).size;
  const named =
    missing.slice(0, NAMED).join(', ') +
    (missing.length > NAMED ? ` and ${missing.length - NAMED} more` : '');
  const what = `nothing arrived for ${Math.round(deadlineMs / 1000)} s, and ${named} is still missing`;
  const culprit = missing.find((path) => bad.has(path));
  if (culprit !== undefined) {
    return new XError(
      'DIGEST_MISMATCH',
      `${what}: no peer has an honest copy (${culprit}: ${bad.get(culprit)})`,
      {
        hint: 'Run `x verify` on the source, and let it fetch what is damaged there with `x source -r` again.',
      },
    );
  }
  return new XError(
    'INCOMPLETE',
    `${what}; ${peers === 0 ? 'no peer is connected' : `none of the ${peers} connected peers has it`}`,
    {
      hint: 'Start it again when the source, or a sibling that has it, is up: it goes on where it was.',
    },
  );
}
