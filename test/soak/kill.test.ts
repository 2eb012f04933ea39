import { test } from 'node:test';
import { killPulls, killSources } from '../e2e/kill-kit.js';

const seed = Number(process.env['X_SEED'] ?? Date.now() % 1_000_000);

test('killed at 150 random moments of a pull: nothing is lost, nothing held is fetched again', (t) =>
  killPulls(t, { kills: 150, seed }));

test('a source killed at 50 random moments signs what it had, and fetches the rest', (t) =>
  killSources(t, { kills: 50, seed }));
