import { gini, quantile } from './measures.js';
import type { World, WorldOptions } from './world.js';

export interface Report {
  fetches: number;
  /** Of all fetches, of those of which somebody online had it, of all bytes; 0 to 1. */
  hitShare: number;
  hitShareOfPossible: number;
  possibleShare: number;
  byteShare: number;
  failed: number;
  fellBack: Record<string, number>;
  fetchMs: Quantiles;
  lookups: number;
  hops: Quantiles;
  lookupMs: Quantiles;
  firstOwnerMs: Quantiles;
  asksPerLookup: Quantiles;
  messages: number;
  questions: number;
  /** Of a node that is online, in a second. */
  messageRate: number;
  /** Of bytes served, over nodes that were online for an hour: all, light, heavy. */
  servedGini: { all: number; light: number; heavy: number };
  /** Of lookups answered, for the time that a node was online. */
  answersGini: number;
  /** Artifacts that were asked for three times at most: how many copies there are at the end. */
  rare: { artifacts: number; meanCopies: number; withNone: number; withThree: number };
  meanOnline: number;
  slots: World['measures']['slots'];
  /** Lorenz curve: percent of nodes, percent of bytes. */
  servedShares: [number, number][];
  /** Percent, milliseconds. */
  lookupQuantiles: [number, number][];
}

interface Quantiles {
  median: number;
  p99: number;
}

const quantiles = (values: readonly number[]): Quantiles => ({
  median: rounded(quantile(values, 0.5)),
  p99: rounded(quantile(values, 0.99)),
});

const rounded = (value: number): number => Math.round(value * 1_000) / 1_000;

export function reportOf(world: World, options: WorldOptions): Report {
  const { measures, nodes, holders } = world;
  const honest = nodes.filter(({ manner }) => manner === 'honest');
  const there = honest.filter(({ onlineMs }) => onlineMs >= 3_600_000);
  const served = there.map(({ servedBytes }) => servedBytes).sort((a, b) => a - b);
  const ofKind = (kind: string): number[] =>
    there.filter((node) => node.kind === kind).map(({ servedBytes }) => servedBytes);
  const total = served.reduce((sum, bytes) => sum + bytes, 0);
  let sum = 0;
  const servedShares = served.map((bytes, i): [number, number] => {
    sum += bytes;
    return [(100 * (i + 1)) / served.length, (100 * sum) / Math.max(1, total)];
  });
  const rare = [...world.demanded].filter(([, times]) => times <= 3).map(([index]) => index);
  const copies = rare.map((index) => holders[index]?.size ?? 0);
  const share = (part: number, of: number): number => rounded(part / Math.max(1, of));
  const meanOnline = Math.round(
    measures.slots.reduce((a, { online }) => a + online, 0) / Math.max(1, measures.slots.length),
  );
  const { fetches, fromSwarm, possible, swarmBytes, officialBytes } = measures;
  return {
    fetches,
    hitShare: share(fromSwarm, fetches),
    hitShareOfPossible: share(fromSwarm, possible),
    possibleShare: share(possible, fetches),
    byteShare: share(swarmBytes, swarmBytes + officialBytes),
    failed: measures.failed,
    fellBack: Object.fromEntries(measures.fellBack),
    fetchMs: quantiles(measures.fetchMs),
    lookups: measures.lookups,
    hops: quantiles(measures.hops),
    lookupMs: quantiles(measures.lookupMs),
    firstOwnerMs: quantiles(measures.firstOwnerMs),
    asksPerLookup: quantiles(measures.asked),
    messages: measures.messages,
    questions: measures.questions,
    messageRate: rounded((1_000 * measures.messages) / (meanOnline * options.durationMs)),
    servedGini: {
      all: rounded(gini(served)),
      light: rounded(gini(ofKind('light'))),
      heavy: rounded(gini(ofKind('heavy'))),
    },
    answersGini: rounded(gini(there.map(({ answers, onlineMs }) => answers / onlineMs))),
    rare: {
      artifacts: rare.length,
      meanCopies: rounded(copies.reduce((a, b) => a + b, 0) / Math.max(1, rare.length)),
      withNone: share(copies.filter((count) => count === 0).length, rare.length),
      withThree: share(copies.filter((count) => count >= 3).length, rare.length),
    },
    meanOnline,
    slots: measures.slots.slice(0, Math.floor(options.durationMs / options.slotMs)),
    servedShares: thinned(servedShares),
    lookupQuantiles: Array.from({ length: 101 }, (_, i): [number, number] => [
      i,
      quantile(measures.firstOwnerMs, i / 100),
    ]),
  };
}

function thinned(points: readonly [number, number][]): [number, number][] {
  const step = Math.max(1, Math.floor(points.length / 200));
  return points.filter((_, i) => i % step === 0 || i === points.length - 1);
}
