import { test } from 'node:test';
import { fuzzAll } from '../swarm/public/fuzzed.js';

test('100,000 broken messages at every protocol end their streams and nothing else', async (t) => {
  await fuzzAll(t, 100_000, Number(process.env['X_FUZZ_SEED'] ?? Date.now() % 2 ** 31));
});
