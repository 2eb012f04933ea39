import { test } from 'node:test';
import { killPulls, killSources } from './kill-kit.js';

test('killed at 15 random moments of a pull: nothing is lost, nothing held is fetched again', (t) =>
  killPulls(t, { kills: 15, seed: 1 }));

test('a source killed at 5 random moments signs what it had, and fetches the rest', (t) =>
  killSources(t, { kills: 5, seed: 2 }));
