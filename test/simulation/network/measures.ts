/** What a run is judged by. Times in milliseconds. */
export class Measures {
  fetches = 0;
  fromSwarm = 0;
  /** Somebody else that was online had it when it was asked for. */
  possible = 0;
  failed = 0;
  fellBack = new Map<string, number>();
  swarmBytes = 0;
  officialBytes = 0;
  blamed = 0;
  lookups = 0;
  messages = 0;
  /** Keys that were asked for: one or more in a message. */
  questions = 0;
  readonly hops: number[] = [];
  readonly lookupMs: number[] = [];
  readonly firstOwnerMs: number[] = [];
  readonly asked: number[] = [];
  readonly fetchMs: number[] = [];
  /** By hour (or day): how many, how many from the swarm, how many possible, nodes online. */
  readonly slots: { fetches: number; fromSwarm: number; possible: number; online: number }[] = [];

  walked({ hops, asked }: { hops: number; asked: number }, tookMs: number): void {
    this.lookups += 1;
    this.hops.push(hops);
    this.asked.push(asked);
    this.lookupMs.push(tookMs);
  }

  slot(at: number): Measures['slots'][number] {
    while (this.slots.length <= at)
      this.slots.push({ fetches: 0, fromSwarm: 0, possible: 0, online: 0 });
    return this.slots[at]!;
  }
}

export function quantile(values: readonly number[], share: number): number {
  if (values.length === 0) return 0;
  const sorted = Float64Array.from(values).sort();
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
}

/** 0: everybody carries the same, 1: one carries all. */
export function gini(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  let sum = 0;
  let weighted = 0;
  sorted.forEach((value, i) => {
    sum += value;
    weighted += (i + 1) * value;
  });
  if (sum === 0) return 0;
  return (2 * weighted) / (sorted.length * sum) - (sorted.length + 1) / sorted.length;
}
