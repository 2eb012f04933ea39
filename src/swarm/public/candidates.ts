import { BOUNDS } from '../../domain/bounds.js';

/**
 * Who named an address: on a link the address itself or another one, or anybody, in the BitTorrent DHT.
 * Each way has a line of its own, so that what is cheaper to forge does not hold up the rest.
 */
export type Way = 'itself' | 'another' | 'anybody';

export interface Candidate {
  address: string;
  group: string;
  way: Way;
  /** Whose turns it takes: on a link the address that it was heard from. */
  teller: string;
}

interface Line {
  waiting: Candidate[];
  /** Address, and when it was taken to be tried. */
  tried: Map<string, number>;
  /** By whose turn it was. */
  turns: Map<string, number>;
  dials: number;
  dialledMs: number;
}

const LIMITS: Record<Way, { dials: number; perSecond: number; pauseMs: number; dialMs: number }> = {
  itself: {
    dials: BOUNDS.swarmLinkDials,
    perSecond: BOUNDS.swarmLinkDialsPerSecond,
    pauseMs: BOUNDS.swarmLinkCandidatePauseMs,
    dialMs: BOUNDS.swarmLinkDialMs,
  },
  another: {
    dials: BOUNDS.swarmHearsayDials,
    perSecond: BOUNDS.swarmHearsayDialsPerSecond,
    pauseMs: BOUNDS.swarmCandidatePauseMs,
    dialMs: BOUNDS.swarmLinkDialMs,
  },
  anybody: {
    dials: BOUNDS.swarmCandidateDials,
    perSecond: BOUNDS.swarmCandidateDialsPerSecond,
    pauseMs: BOUNDS.swarmCandidatePauseMs,
    dialMs: BOUNDS.swarmDialMs,
  },
};
const WAYS: readonly Way[] = ['itself', 'another', 'anybody'];

/**
 * Addresses that somebody named without proving who is there: by multicast, or in the BitTorrent DHT,
 * where anybody can write anything. Few wait, of one network or teller fewer, and what was tried is not
 * tried again soon. A handshake proves the rest. No I/O; `now` is milliseconds of a clock that never
 * goes back.
 */
export class Candidates {
  readonly #lines = new Map(
    WAYS.map((way): [Way, Line] => [
      way,
      { waiting: [], tried: new Map(), turns: new Map(), dials: 0, dialledMs: -Infinity },
    ]),
  );

  get size(): number {
    return WAYS.reduce((sum, way) => sum + this.#line(way).waiting.length, 0);
  }

  /** Whether it was taken. */
  add(candidate: Candidate, now: number): boolean {
    const { address, way } = candidate;
    const line = this.#line(way);
    const { waiting, tried } = line;
    const triedAtMs = tried.get(address);
    if (triedAtMs !== undefined && now - triedAtMs < LIMITS[way].pauseMs) return false;
    if (waiting.some((other) => other.address === address)) return false;
    const alike = waiting.filter((other) => turnOf(other) === turnOf(candidate)).length;
    if (alike >= BOUNDS.swarmCandidatesOfGroup) return false;
    if (waiting.length >= BOUNDS.swarmCandidates && !makeRoom(line, candidate, alike)) return false;
    waiting.push(candidate);
    return true;
  }

  /**
   * The next to try, and how long; of another network or teller each time: a crowd of one does not hold
   * up the rest. It counts as under way until it `ended`.
   */
  next(now: number): (Candidate & { limitMs: number }) | undefined {
    for (const way of WAYS) {
      const line = this.#line(way);
      if (this.#readyMs(way) > now) continue;
      const candidate = line.waiting.reduce((first, one) =>
        lastTurnMs(line, one) < lastTurnMs(line, first) ? one : first,
      );
      line.waiting.splice(line.waiting.indexOf(candidate), 1);
      note(line.tried, candidate.address, now);
      note(line.turns, turnOf(candidate), now);
      line.dials += 1;
      line.dialledMs = now;
      return { ...candidate, limitMs: LIMITS[way].dialMs };
    }
    return undefined;
  }

  ended(way: Way): void {
    this.#line(way).dials -= 1;
  }

  /** When another may be tried; Infinity: not before one more is added, or ended. */
  nextMs(): number {
    return Math.min(...WAYS.map((way) => this.#readyMs(way)));
  }

  #readyMs(way: Way): number {
    const { waiting, dials, dialledMs } = this.#line(way);
    const limits = LIMITS[way];
    if (waiting.length === 0 || dials >= limits.dials) return Infinity;
    return dialledMs + 1_000 / limits.perSecond;
  }

  #line(way: Way): Line {
    return this.#lines.get(way) as Line;
  }
}

/** What another says of an address is that teller's; else it is the network's where the address is. */
function turnOf({ way, group, teller }: Candidate): string {
  return way === 'another' ? teller : group;
}

function lastTurnMs({ turns }: Line, candidate: Candidate): number {
  return turns.get(turnOf(candidate)) ?? -Infinity;
}

/** The newest of those of whom most wait goes, or one whose like had a turn later. */
function makeRoom(line: Line, candidate: Candidate, alike: number): boolean {
  const counts = new Map<string, number>();
  for (const one of line.waiting) counts.set(turnOf(one), (counts.get(turnOf(one)) ?? 0) + 1);
  const countOf = (one: Candidate): number => counts.get(turnOf(one)) ?? 0;
  const last = line.waiting.reduce((most, one) => {
    const byTurn = lastTurnMs(line, one) - lastTurnMs(line, most);
    return countOf(one) > countOf(most) || (countOf(one) === countOf(most) && !(byTurn < 0))
      ? one
      : most;
  });
  const hadLaterTurn = lastTurnMs(line, last) > lastTurnMs(line, candidate);
  if (countOf(last) <= alike + (hadLaterTurn ? 0 : 1)) return false;
  line.waiting.splice(line.waiting.indexOf(last), 1);
  return true;
}

function note(map: Map<string, number>, key: string, now: number): void {
  map.delete(key);
  map.set(key, now);
  if (map.size <= 4 * BOUNDS.swarmCandidates) return;
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
