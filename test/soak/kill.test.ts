import { test } from 'node:test';
import { killPulls, killSources } from '../e2e/kill-kit.js';

const seed = Number(process.env['X_SEED'] ?? Date.now() % 1_000_000);

// 200 moments in parts, each of which can be run by its name.
for (const part of [1, 2, 3, 4, 5]) {
  test(`part ${part}: a pull is killed at 30 random moments, and nothing is lost or fetched again`, (t) =>
    killPulls(t, { kills: 30, seed: seed + part }));

  test(`part ${part}: a source is killed at 10 random moments, and fetches only the rest`, (t) =>
    killSources(t, { kills: 10, seed: seed + part }));
}
