import { readFileSync } from 'node:fs';

/** Processor time of this machine since it started, in ticks. */
export interface MachineTicks {
  idle: number;
  all: number;
}

export function machineTicks(): MachineTicks {
  const line = readFileSync('/proc/stat', 'utf8').split('\n')[0] ?? '';
  const ticks = line.trim().split(/\s+/).slice(1, 9).map(Number);
  // user nice system idle iowait irq softirq steal
  return { idle: (ticks[3] ?? 0) + (ticks[4] ?? 0), all: ticks.reduce((sum, n) => sum + n, 0) };
}

/** The share of its processors that was idle: near 0, the machine was what limited, not the network. */
export function idleShare(before: MachineTicks, after: MachineTicks): number {
  return (after.idle - before.idle) / Math.max(after.all - before.all, 1);
}
