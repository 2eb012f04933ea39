import type { WorldOptions } from './world.js';

const HOUR_MS = 3_600_000;
const MIB = 1 << 20;

const DAY: WorldOptions = {
  seed: 1,
  nodes: 5_000,
  heavyShare: 0.05,
  artifacts: 20_000,
  zipf: 0.9,
  durationMs: 24 * HOUR_MS,
  sessionMs: HOUR_MS,
  absenceMs: HOUR_MS,
  installsPerHour: 0.25,
  perInstall: 4,
  // A hundredth of what machines have, so that a day is long enough for quotas to matter.
  lightQuotaBytes: 10 * MIB,
  heavyQuotaBytes: 500 * MIB,
  maintainMs: 3 * HOUR_MS,
  slotMs: HOUR_MS,
};

const MONTH: WorldOptions = {
  ...DAY,
  nodes: 500,
  artifacts: 5_000,
  durationMs: 30 * 24 * HOUR_MS,
  installsPerHour: 0.1,
  maintainMs: 8 * HOUR_MS,
  slotMs: 24 * HOUR_MS,
};

/** Seeded; the small one is in the suite, the others are run by hand (bench/network/simulate.ts). */
export const NETWORK_SCENARIOS: Record<string, WorldOptions> = {
  small: {
    ...DAY,
    nodes: 200,
    artifacts: 500,
    durationMs: 8 * HOUR_MS,
    installsPerHour: 0.5,
  },
  day: DAY,
  'day-of-1000': { ...DAY, nodes: 1_000, artifacts: 5_000 },
  'day-of-500': { ...DAY, nodes: 500, artifacts: 2_500 },
  month: MONTH,
  'month-unreplicated': { ...MONTH, replicates: false },
  'day-without-heavy': { ...DAY, heavyShare: 0 },
};
