import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { ScoreRow } from '../domain/network-node.js';
import { NETWORK_POLICY as POLICY } from './policy.js';

/** A node as `x peers --ranking` shows it. */
export interface RankedNode extends ScoreRow {
  /** 0 (shunned) to 1. */
  score: number;
}

/**
 * What this machine has seen of each node with its own eyes; what others say of one counts nothing.
 * `now` is milliseconds since 1970 of a clock that never goes back in one process.
 */
export class Scores {
  readonly #rows = new Map<Did, ScoreRow>();
  readonly #changed = new Set<Did>();
  readonly #forgotten = new Set<Did>();

  /** @param rows What was written down in an earlier life. */
  constructor(rows: readonly ScoreRow[] = []) {
    for (const row of rows.slice(0, BOUNDS.scoredNodes)) this.#rows.set(row.did, { ...row });
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Verified bytes came from it. */
  served(did: Did, bytes: number, now: number): void {
    const row = this.#touch(did, now, true);
    row.servedBytes += bytes;
    row.successes += 1;
  }

  /** It was sent bytes. */
  received(did: Did, bytes: number, now: number): void {
    this.#touch(did, now, true).receivedBytes += bytes;
  }

  /** It is connected, or an answer or heartbeat of its own came. */
  present(did: Did, now: number): void {
    this.#touch(did, now, true);
  }

  /** It was asked and did not give: nothing came, or it had nothing. */
  failed(did: Did, now: number): void {
    this.#touch(did, now, false).failures += 1;
  }

  /** It sent what was not what it claimed to be. */
  lied(did: Did, now: number): void {
    const row = this.#touch(did, now, false);
    row.lies += 1;
    const shunnedMs = POLICY.shunnedMs * 2 ** Math.min(row.lies - 1, 30);
    row.shunnedUntilMs = now + Math.min(shunnedMs, POLICY.shunnedAtMostMs);
  }

  isShunned(did: Did, now: number): boolean {
    return (this.#rows.get(did)?.shunnedUntilMs ?? 0) > now;
  }

  /** Until when nothing is asked of it; 0 where it was never shunned. */
  shunnedUntilMs(did: Did): number {
    return this.#rows.get(did)?.shunnedUntilMs ?? 0;
  }

  /** 0 (shunned) to 1: how good it is to ask. Who is not known stands in the lower half. */
  scoreOf(did: Did, now: number): number {
    const row = this.#rows.get(did);
    if (row === undefined) return scoreOfRow(NOBODY);
    return row.shunnedUntilMs > now ? 0 : scoreOfRow(faded(row, now));
  }

  /** Bytes it served, as of now. */
  servedBytes(did: Did, now: number): number {
    const row = this.#rows.get(did);
    return row === undefined ? 0 : faded(row, now).servedBytes;
  }

  /**
   * How much of the upload it is given where not everybody can be served: what it served, less what
   * it was given beyond a generous measure. 0 for whoever gave nothing; the newcomers' share is theirs.
   */
  uploadWeight(did: Did, now: number): number {
    const known = this.#rows.get(did);
    if (known === undefined || known.shunnedUntilMs > now) return 0;
    const row = faded(known, now);
    if (row.servedBytes < POLICY.newcomerBytes) return 0;
    const fairness = Math.min(1, (POLICY.generosity * row.servedBytes) / (row.receivedBytes + 1));
    return Math.log2(1 + row.servedBytes / POLICY.newcomerBytes) * fairness;
  }

  /** The best first. */
  ranking(now: number): RankedNode[] {
    return [...this.#rows.values()]
      .map((row) => ({ ...faded(row, now), score: this.scoreOf(row.did, now) }))
      .sort((a, b) => b.score - a.score || (a.did < b.did ? -1 : 1));
  }

  /** What to write down since the last time this was asked. */
  takeChanges(): { scores: ScoreRow[]; forgottenScores: Did[] } {
    const scores = [...this.#changed].flatMap((did) => this.#rows.get(did) ?? []);
    const forgottenScores = [...this.#forgotten];
    this.#changed.clear();
    this.#forgotten.clear();
    return { scores: scores.map((row) => ({ ...row })), forgottenScores };
  }

  #touch(did: Did, now: number, isHere: boolean): ScoreRow {
    const known = this.#rows.get(did);
    if (known === undefined && this.#rows.size >= BOUNDS.scoredNodes) this.#forgetLeast(now);
    const row =
      known === undefined ? { ...NOBODY, did, firstSeenAtMs: now, atMs: now } : faded(known, now);
    const absentMs = known === undefined ? 0 : Math.max(0, now - known.atMs);
    if (isHere && absentMs <= POLICY.presenceGapMs) row.uptimeMs += absentMs;
    this.#rows.set(did, row);
    this.#changed.add(did);
    this.#forgotten.delete(did);
    return row;
  }

  /** Room for many at once: who gave nothing and was not here lately goes first, whoever they are. */
  #forgetLeast(now: number): void {
    const worth = (row: ScoreRow): number =>
      faded(row, now).servedBytes + (row.shunnedUntilMs > now ? POLICY.newcomerBytes : 0);
    const least = [...this.#rows.values()]
      .map((row) => ({ did: row.did, worth: worth(row), atMs: row.atMs }))
      .sort((a, b) => a.worth - b.worth || a.atMs - b.atMs)
      .slice(0, Math.ceil(BOUNDS.scoredNodes / 10));
    for (const { did } of least) {
      this.#rows.delete(did);
      this.#changed.delete(did);
      this.#forgotten.add(did);
    }
  }
}

const NOBODY: ScoreRow = {
  did: '',
  servedBytes: 0,
  receivedBytes: 0,
  uptimeMs: 0,
  successes: 0,
  failures: 0,
  lies: 0,
  shunnedUntilMs: 0,
  firstSeenAtMs: 0,
  atMs: 0,
};

/** A row as it stands at a later time. */
function faded(row: ScoreRow, now: number): ScoreRow {
  const passedMs = Math.max(0, now - row.atMs);
  const bytes = 0.5 ** (passedMs / POLICY.bytesHalfLifeMs);
  const failures = 0.5 ** (passedMs / POLICY.failuresHalfLifeMs);
  return {
    ...row,
    servedBytes: row.servedBytes * bytes,
    receivedBytes: row.receivedBytes * bytes,
    uptimeMs: row.uptimeMs * bytes,
    successes: row.successes * failures,
    failures: row.failures * failures,
    atMs: Math.max(row.atMs, now),
  };
}

/** Reliability first: what was served and time spent here double what that alone gives, at most. */
function scoreOfRow(row: ScoreRow): number {
  // One success and one failure are assumed, so that nobody stands at an end after one answer.
  const reliability = (row.successes + 1) / (row.successes + row.failures + 2);
  const given = row.servedBytes / (row.servedBytes + POLICY.servedAtHalfBytes);
  const present = row.uptimeMs / (row.uptimeMs + POLICY.uptimeAtHalfMs);
  return reliability * (0.5 + 0.3 * given + 0.2 * present) * 0.5 ** row.lies;
}
