import assert from 'node:assert/strict';
import type { LookupFunction } from 'node:net';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import { sharedLookup } from '../../src/upstream/shared-lookup.js';

type Callback = Parameters<LookupFunction>[2];

/** A resolver that answers when it is told to. */
function slowResolver(): { lookup: LookupFunction; asked: string[]; answer: () => void } {
  const waiting: { name: string; callback: Callback }[] = [];
  const asked: string[] = [];
  return {
    asked,
    lookup: (name, _options, callback) => {
      asked.push(name);
      waiting.push({ name, callback });
    },
    answer: () => {
      for (const { name, callback } of waiting.splice(0)) {
        if (name.startsWith('no-'))
          callback(Object.assign(new Error(name), { code: 'ENOTFOUND' }), []);
        else callback(null, [{ address: '192.0.2.1', family: 4 }]);
      }
    },
  };
}

const ask = (lookup: LookupFunction, name: string, all = true): Promise<string> =>
  new Promise((resolve) =>
    lookup(name, { all }, (error, address) => resolve(error?.code ?? JSON.stringify(address))),
  );

test('however many connections are opened at a time, a name is looked up once; so is one that is not there', async () => {
  const { lookup, asked, answer } = slowResolver();
  const shared = sharedLookup(() => 0, lookup);
  const here = Array.from({ length: 50 }, () => ask(shared, 'here'));
  const gone = Array.from({ length: 50 }, () => ask(shared, 'no-host'));
  assert.deepEqual(asked, ['here', 'no-host']);
  answer();
  assert.deepEqual(
    new Set(await Promise.all(here)),
    new Set(['[{"address":"192.0.2.1","family":4}]']),
  );
  assert.deepEqual(new Set(await Promise.all(gone)), new Set(['ENOTFOUND']));
});

test('an answer is taken again for a while, then asked for anew; what is asked differently is another question', async () => {
  const { lookup, asked, answer } = slowResolver();
  let nowMs = 0;
  const shared = sharedLookup(() => nowMs, lookup);
  const twice = [ask(shared, 'here'), ask(shared, 'here', false)];
  answer();
  await Promise.all(twice);
  assert.equal(asked.length, 2);
  nowMs = BOUNDS.knownNameMs - 1;
  await ask(shared, 'here');
  assert.equal(asked.length, 2);
  nowMs = BOUNDS.knownNameMs;
  const anew = ask(shared, 'here');
  answer();
  await anew;
  assert.equal(asked.length, 3);
});
