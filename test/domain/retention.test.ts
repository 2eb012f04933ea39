import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { decideRetention, type RetainedBundle } from '../../src/domain/retention.js';

const bundle = (name: string, more: Partial<RetainedBundle> = {}): RetainedBundle => ({
  id: `${name}@did`,
  name,
  signedAt: '2026-11-01T00:00:00Z',
  isOwn: false,
  isPinned: false,
  isServed: false,
  held: new Map([[name, 100]]),
  ...more,
});
const rules = { signedBefore: undefined, quotaBytes: undefined, named: new Set<string>() };
const names = (list: { name: string }[]): string[] => list.map(({ name }) => name);

test('without rules nothing goes', () => {
  const verdict = decideRetention([bundle('a'), bundle('b')], rules);
  assert.deepEqual(verdict, { dropped: [], spared: [], keptBytes: 200 });
});

test('what was signed before a day goes, but what is pinned, own or served stays and is named', () => {
  const old = { signedAt: '2026-01-01T00:00:00Z' };
  const verdict = decideRetention(
    [
      bundle('new'),
      bundle('old', old),
      bundle('pinned', { ...old, isPinned: true }),
      bundle('own', { ...old, isOwn: true }),
      bundle('served', { ...old, isServed: true }),
    ],
    { ...rules, signedBefore: new Date('2026-06-01') },
  );
  assert.deepEqual(names(verdict.dropped), ['old']);
  assert.deepEqual(names(verdict.spared), ['own', 'pinned', 'served']);
});

test('over the quota the oldest go first, and shared bytes count once', () => {
  const shared = new Map([['s', 100]]);
  const bundles = [
    bundle('c', { signedAt: '2026-03-01T00:00:00Z' }),
    bundle('a', { signedAt: '2026-01-01T00:00:00Z', held: shared }),
    bundle('b', { signedAt: '2026-02-01T00:00:00Z', held: shared }),
  ];
  assert.deepEqual(names(decideRetention(bundles, { ...rules, quotaBytes: 200 }).dropped), []);
  const tight = decideRetention(bundles, { ...rules, quotaBytes: 150 });
  assert.deepEqual(names(tight.dropped), ['a', 'b']);
  assert.equal(tight.keptBytes, 100);
});

test('whatever the bundles, nothing protected goes, and the quota holds unless only protected ones stay', () => {
  const anyBundle = fc.record({
    name: fc.string({ minLength: 1, maxLength: 4 }),
    signedAt: fc.constantFrom('2026-01-01T00:00:00Z', '2026-02-01T00:00:00Z'),
    isOwn: fc.boolean(),
    isPinned: fc.boolean(),
    isServed: fc.boolean(),
    held: fc
      .uniqueArray(fc.constantFrom('p', 'q', 'r', 's'))
      .map((list) => new Map(list.map((digest) => [digest, 10]))),
  });
  fc.assert(
    fc.property(fc.array(anyBundle, { maxLength: 8 }), fc.nat(60), (list, quotaBytes) => {
      const bundles = list.map((one, i) => ({ ...one, id: String(i) }));
      const { dropped, keptBytes } = decideRetention(bundles, { ...rules, quotaBytes });
      const gone = new Set(dropped.map(({ id }) => id));
      const kept = bundles.filter(({ id }) => !gone.has(id));
      for (const one of bundles)
        if (one.isOwn || one.isPinned || one.isServed) assert.ok(!gone.has(one.id));
      assert.ok(
        keptBytes <= quotaBytes || kept.every((one) => one.isOwn || one.isPinned || one.isServed),
      );
      assert.equal(keptBytes, 10 * new Set(kept.flatMap(({ held }) => [...held.keys()])).size);
    }),
  );
});
