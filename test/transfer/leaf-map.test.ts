import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LeafMap } from '../../src/transfer/leaf-map.js';
import { MIB, PIECE, manifestOf } from '../simulation/lan.js';

test('leaves are numbered in path order, doubled bytes once, empty artifacts not at all', () => {
  const manifest = manifestOf([PIECE + 1, 0, 10]);
  manifest.entries.push({ ...manifest.entries[0]!, path: 'pypi/z' });
  const map = new LeafMap(manifest);
  assert.equal(map.leafCount, 3);
  assert.equal(map.totalBytes, PIECE + 11);
  assert.deepEqual(
    [0, 1, 2].map((leaf) => map.lengthBytes(leaf)),
    [PIECE, 1, 10],
  );
  assert.equal(map.spanOf(2).path, 'pypi/000002');
  assert.throws(() => map.spanOf(3), RangeError);
});

test('one sha256 with two lengths is refused', () => {
  const manifest = manifestOf([5]);
  manifest.entries.push({ ...manifest.entries[0]!, path: 'pypi/z', lengthBytes: 6 });
  assert.throws(() => new LeafMap(manifest), { code: 'METADATA_INVALID' });
});

test('runs cover all leaves, in messages of at most 1 MiB and 256 leaves, and enough of them', () => {
  for (const lengths of [[300 * MIB], new Array<number>(3_000).fill(900), [5 * MIB], [1]]) {
    const map = new LeafMap(manifestOf(lengths));
    let next = 0;
    let runs = 0;
    for (let leaf = 0; leaf < map.leafCount; leaf = map.runOf(leaf).end) {
      const { first, end } = map.runOf(leaf);
      assert.equal(first, next);
      assert.ok(end > first && end - first <= 256);
      let bytes = 0;
      for (let i = first; i < end; i++) bytes += map.lengthBytes(i);
      assert.ok(bytes <= MIB);
      next = end;
      runs++;
    }
    assert.equal(next, map.leafCount);
    assert.ok(runs >= Math.min(20, map.leafCount), `${runs} runs of ${map.leafCount} leaves`);
  }
});
