import { test } from 'node:test';
import { fuzzAll } from './fuzzed.js';

test('broken messages at every protocol end their streams and nothing else', async (t) => {
  await fuzzAll(t, 500, 20_261_127);
});
