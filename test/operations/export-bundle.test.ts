import assert from 'node:assert/strict';
import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { sha256 } from '../../src/domain/digest.js';
import { XError, type ErrorCode } from '../../src/domain/errors.js';
import { pieceCount } from '../../src/domain/piece.js';
import { exportBundle } from '../../src/operations/export-bundle.js';
import { parseVolumeName } from '../../src/operations/volume-layout.js';
import { planVolumes } from '../../src/operations/volume-plan.js';
import { Machine } from './world.js';

const SIZES = { tiny: 10, empty: 0, small: 70_000, medium: 700_000, large: 3_100_000 };
let source: Machine;
before(async () => {
  source = await Machine.start('source');
  await source.publish(SIZES);
});
after(() => source.end());

const out = (name: string): string => join(source.dir, name);
const hasCode =
  (code: ErrorCode) =>
  (error: unknown): boolean =>
    error instanceof XError && error.code === code;

test('one volume by default, named after bundle and version, with everything inside', async () => {
  const { volumes } = await exportBundle(source, { bundle: 'demo', to: out('one') });
  assert.deepEqual(await readdir(out('one')), ['demo-v1-001.x.zip']);
  const volume = await source.reader.open(volumes[0]!.path);
  const kinds = [...volume.entries.keys()].map((name) => parseVolumeName(name).kind);
  assert.deepEqual([...new Set(kinds)], ['info', 'placement', 'metadata', 'blob']);
  assert.equal(kinds.filter((kind) => kind === 'blob').length, 10);
  await volume.close();
});

test('the same bundle gives the same bytes', async () => {
  for (const to of [out('a'), out('b')])
    await exportBundle(source, { bundle: 'demo', to, volumeSizeBytes: 1_200_000 });
  const names = await readdir(out('a'));
  assert.ok(names.length > 1);
  for (const name of names) {
    assert.deepEqual(await readFile(join(out('a'), name)), await readFile(join(out('b'), name)));
  }
});

test('another machine with the same key makes the same bytes of the same input at the same time', async () => {
  const twin = await Machine.start('source');
  try {
    await twin.publish(SIZES);
    const request = { bundle: 'demo', volumeSizeBytes: 2_000_000, parity: 2 };
    const to = join(twin.dir, 'out');
    await exportBundle(source, { ...request, to: out('mine') });
    await exportBundle(twin, { ...request, to });
    const names = await readdir(out('mine'));
    assert.ok(names.length > 3);
    assert.deepEqual(await readdir(to), names);
    for (const name of names) {
      assert.deepEqual(await readFile(join(to, name)), await readFile(join(out('mine'), name)));
    }
  } finally {
    await twin.end();
  }
});

test('no volume is larger than asked for', async () => {
  for (const volumeSizeBytes of [500_000, 777_777, 3_200_000]) {
    const to = out(`size-${volumeSizeBytes}`);
    const { volumes } = await exportBundle(source, { bundle: 'demo', to, volumeSizeBytes });
    for (const { path } of volumes) assert.ok((await stat(path)).size <= volumeSizeBytes);
  }
});

test('run again it keeps what is whole and writes what is not', async () => {
  const request = { bundle: 'demo', to: out('again'), volumeSizeBytes: 1_200_000 };
  const first = await exportBundle(source, request);
  assert.ok(first.volumes.every(({ state }) => state === 'written'));
  const [rotten, cut] = [first.volumes[0]!.path, first.volumes[1]!.path];
  const bytes = await readFile(rotten);
  bytes[bytes.length - 50_000]! ^= 1;
  await writeFile(rotten, bytes);
  await truncate(cut, 1000);
  const again = await exportBundle(source, request);
  const states = again.volumes.map(({ state }) => state);
  assert.deepEqual(states, ['written', 'written', ...states.slice(2).map(() => 'kept')]);
  assert.ok(states.length > 2);
  const third = await exportBundle(source, request);
  assert.ok(third.volumes.every(({ state }) => state === 'kept'));
});

test('a folder that holds another source’s volume is left alone', async () => {
  const other = await Machine.start('other');
  try {
    await other.publish({ tiny: 5 });
    await exportBundle(other, { bundle: 'demo', to: out('taken') });
    await assert.rejects(
      exportBundle(source, { bundle: 'demo', to: out('taken') }),
      hasCode('USAGE'),
    );
  } finally {
    await other.end();
  }
});

test('volumes too small, a bundle unknown, and blobs missing are each said', async () => {
  const to = out('errors');
  const small = exportBundle(source, { bundle: 'demo', to, volumeSizeBytes: 10_000 });
  await assert.rejects(small, (error: unknown) => {
    assert.ok(error instanceof XError && error.code === 'USAGE');
    assert.match(error.hint ?? '', /--volume-size of 1MB/);
    return true;
  });
  await assert.rejects(exportBundle(source, { bundle: 'none', to }), hasCode('BUNDLE_NOT_FOUND'));
  const maker = await Machine.start('holes');
  try {
    await maker.publish({ tiny: 5, other: 6 });
    await maker.store.remove(maker.catalog.entriesByName('pypi', 'tiny')[0]!.sha256);
    await assert.rejects(exportBundle(maker, { bundle: 'demo', to }), (error: unknown) => {
      assert.ok(error instanceof XError && error.code === 'INCOMPLETE');
      assert.match(error.message, /1 of 4 files are missing, pypi\/tiny/);
      return true;
    });
  } finally {
    await maker.end();
  }
});

test('every plan carries every byte once, within the size', () => {
  const overhead = (name: string): number => 128 + 2 * name.length;
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.nat({ max: 900_000 }), fc.nat({ max: 12_000_000 })), { maxLength: 30 }),
      fc.integer({ min: 400_000, max: 5_000_000 }),
      (lengths, volumeSizeBytes) => {
        const blobs = lengths.map((lengthBytes, i) => ({ sha256: sha256(`${i}`), lengthBytes }));
        const fixedBytes = 5_000;
        const plan = planVolumes({
          blobs,
          volumeSizeBytes,
          fixedBytes,
          itemOverheadBytes: overhead,
        });
        const covered = new Map<string, number[]>();
        for (const parts of plan) {
          let total = fixedBytes;
          for (const part of parts) {
            total += part.lengthBytes + overhead(`artifacts/${part.sha256}`);
            if (part.kind === 'slice') {
              total += part.treeBytes + overhead(`trees/${part.sha256}`);
              const pieces = covered.get(part.sha256) ?? [];
              for (let i = part.firstPiece; i < part.endPiece; i += 1) pieces.push(i);
              covered.set(part.sha256, pieces);
            } else {
              assert.ok(!covered.has(part.sha256));
              covered.set(part.sha256, []);
            }
          }
          assert.ok(total <= volumeSizeBytes, `${total} of ${volumeSizeBytes}`);
        }
        for (const { sha256: digest, lengthBytes } of blobs) {
          const pieces = covered.get(digest);
          assert.ok(pieces);
          const all = Array.from({ length: pieceCount(lengthBytes) }, (_, i) => i);
          if (pieces.length > 0) assert.deepEqual(pieces, all);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test('names inside a volume mean one thing or nothing', () => {
  const digest = 'a'.repeat(64);
  assert.deepEqual(parseVolumeName(`slices/${digest}/0-16`), {
    kind: 'slice',
    sha256: digest,
    firstPiece: 0,
    endPiece: 16,
  });
  const unknown = [
    'artifacts/abc',
    `artifacts/${digest}/x`,
    `slices/${digest}/5-5`,
    `slices/${digest}/05-6`,
    `slices/${digest}`,
    'readme.txt',
    `later/${digest}`,
  ];
  for (const name of unknown) assert.equal(parseVolumeName(name).kind, 'unknown', name);
});
