import { BOUNDS } from '../../domain/bounds.js';

/**
 * What to tell a user whose clock nobody in the network shares: others drop what this node says, and it
 * drops what they say. Undefined where a single message was taken, or too few came to tell; and while those of
 * other nodes may still come, for one whose clock is wrong may be the first to be heard.
 * @param tally How many messages of gossip came to which end.
 * @param hereMs How long this node has been here.
 */
export function clockDoubt(
  tally: ReadonlyMap<string, number>,
  { now, hereMs }: { now: number; hereMs: number },
): string | undefined {
  const count = (reason: string): number => tally.get(reason) ?? 0;
  const [old, ahead] = [count('old'), count('ahead')];
  if (hereMs < BOUNDS.clockDoubtAfterMs || count('accept') > 0) return undefined;
  if (old + ahead < BOUNDS.clockDoubts) return undefined;
  const isAhead = old > ahead;
  const here = new Date(now).toISOString().slice(0, 16).replace('T', ' ');
  return `this machine's clock says ${here} UTC, and other nodes' clocks are ${isAhead ? 'behind' : 'ahead of'} that: until they agree, this node and the others do not hear what each tells all`;
}
