import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { comparePaths, type PieceEntry } from '../../src/domain/bundle.js';
import { PieceEntries } from '../../src/domain/piece-entries.js';
import { LeafMap } from '../../src/transfer/leaf-map.js';
import { manifestOf } from '../simulation/lan.js';

const hash = (name: string, text: unknown): string =>
  createHash(name).update(String(text)).digest('hex');

const paths = fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 }), {
  selector: (path) => Buffer.from(path).toString('hex'),
  maxLength: 40,
});

const entries = fc
  .tuple(paths, fc.array(fc.nat(9), { minLength: 40, maxLength: 40 }), fc.integer())
  .map(([names, contents, seed]) =>
    names
      .map((path) => Buffer.from(path).toString())
      .sort(comparePaths)
      .map((path, at): PieceEntry => {
        const content = contents[at] ?? 0;
        return {
          path,
          lengthBytes: content * 300_000 + (content % 2) * 2 ** 40,
          sha256: hash('sha256', content),
          sha512: (content + seed) % 2 === 0 ? undefined : hash('sha512', content),
          pieceRoot: hash('sha256', `root ${content}`),
        };
      }),
  );

test('packed entries are the same entries, found by path and by sha256', () => {
  fc.assert(
    fc.property(entries, (list) => {
      const packed = PieceEntries.of(list);
      assert.equal(PieceEntries.of(packed), packed);
      assert.deepEqual([...packed], list);
      for (const [at, { path }] of list.entries()) assert.equal(packed.placeOfPath(path), at);
      assert.equal(packed.placeOfPath('\uffff not there'), undefined);
      const sorted = [...packed.bySha256()].map((at) => `${list[at]!.sha256} ${list[at]!.path}`);
      const expected = [...list].sort(
        (a, b) => comparePaths(a.sha256, b.sha256) || comparePaths(a.path, b.path),
      );
      assert.deepEqual(
        sorted,
        expected.map(({ sha256, path }) => `${sha256} ${path}`),
      );
    }),
  );
});

test('a map over them has a span for each of their bytes, found by every path and by sha256', () => {
  fc.assert(
    fc.property(entries, (list) => {
      const small = list.map((entry) => ({ ...entry, lengthBytes: entry.lengthBytes % 2 ** 20 }));
      const map = new LeafMap({ ...manifestOf([]), entries: small });
      assert.equal(map.spans.length, new Set(small.map(({ sha256 }) => sha256)).size);
      for (const entry of small) {
        const span = map.spanOfPath(entry.path)!;
        assert.equal(map.spans[span.index], span);
        assert.equal(map.spanBySha256(entry.sha256), span);
        assert.equal(span.path, small.find(({ sha256 }) => sha256 === entry.sha256)!.path);
        assert.equal(span.lengthBytes, entry.lengthBytes);
        assert.equal(span.pieceRoot, entry.pieceRoot);
      }
      assert.equal(map.spanBySha256(hash('sha256', 'not there')), undefined);
      assert.equal(map.spanBySha256('f'.repeat(64)), undefined);
    }),
  );
});

test('200,000 entries take 40 MB, where objects with strings take twice as much', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('globalThis.gc') as () => void;
  const used = (): number => {
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    return heapUsed + arrayBuffers;
  };
  function* many(): Generator<PieceEntry> {
    for (let at = 0; at < 200_000; at++) {
      const path = `pypi/project-${at}/project_${at}-1.0-py3-none-any.whl`;
      yield { path, lengthBytes: 5, sha256: hash('sha256', at), pieceRoot: hash('sha256', -at) };
    }
  }
  const before = used();
  const packed = PieceEntries.of(many());
  const after = used();
  assert.equal(packed.sha256(199_999), hash('sha256', 199_999));
  assert.equal(packed.sha512(199_999), undefined);
  assert.ok(after - before < 40e6, `${after - before} bytes`);
});
