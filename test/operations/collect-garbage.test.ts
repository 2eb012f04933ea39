import assert from 'node:assert/strict';
import { afterEach, beforeEach, test } from 'node:test';
import { join } from 'node:path';
import { XError } from '../../src/domain/errors.js';
import {
  collectGarbage,
  pinBundle,
  type GarbageInput,
} from '../../src/operations/collect-garbage.js';
import { exportBundle } from '../../src/operations/export-bundle.js';
import { importBundle } from '../../src/operations/import-bundle.js';
import { openStore } from '../../src/store/open-store.js';
import { Machine, noise } from './world.js';

let source: Machine;
let ship: Machine;
beforeEach(async () => {
  source = await Machine.start('source');
  ship = await Machine.start('ship');
});
afterEach(async () => {
  await source.end();
  await ship.end();
});

const NO_RULES: GarbageInput = {
  dryRun: false,
  signedBefore: undefined,
  quotaBytes: undefined,
  named: new Set(),
};
const collect = (machine: Machine, input: Partial<GarbageInput> = {}, served: string[] = []) =>
  collectGarbage(
    { store: machine.store, catalog: machine.catalog, served: new Set(served) },
    { ...NO_RULES, ...input },
  );
const bring = async (sizes: Record<string, number>, to: string): Promise<string> => {
  await source.publish(sizes);
  await exportBundle(source, { bundle: 'demo', to: join(source.dir, to), recipient: undefined });
  await importBundle(ship, {
    paths: [join(source.dir, to)],
    trust: { did: source.identity.did },
  });
  return ship.catalog.bundles()[0]?.id ?? '';
};
const code = (expected: string) => (error: unknown) =>
  error instanceof XError && error.code === expected;

test('what no bundle names goes, what one names stays', async () => {
  await bring({ one: 300_000, two: 10 }, 'out');
  const orphan = await ship.store.putBytes(noise('orphan', 5_000));
  const before = ship.store.totals();
  const would = await collect(ship, { dryRun: true });
  assert.deepEqual(would.removed, { files: 1, bytes: 5_000 });
  assert.deepEqual(ship.store.totals(), before, 'a dry run leaves everything');
  const { removed } = await collect(ship);
  assert.deepEqual(removed, { files: 1, bytes: 5_000 });
  assert.equal(ship.store.stat(orphan.sha256), undefined);
  assert.equal(ship.store.totals().blobs, before.blobs - 1);
  assert.deepEqual((await collect(ship)).removed, { files: 0, bytes: 0 });
});

test('a bundle named goes with its bytes; older metadata of it is refused afterwards, the same is taken', async () => {
  await bring({ one: 300_000 }, 'old');
  const id = await bring({ one: 300_000, two: 20 }, 'new');
  const { dropped } = await collect(ship, { named: new Set([id]) });
  assert.deepEqual(
    dropped.map(({ name }) => name),
    ['demo'],
  );
  assert.equal(ship.store.totals().blobs, 0);
  const take = (from: string) =>
    importBundle(ship, { paths: [join(source.dir, from)], trust: { did: source.identity.did } });
  await assert.rejects(take('old'), code('ROLLBACK'));
  await take('new');
  assert.equal(ship.catalog.bundle(id)?.version, 2);
});

test('rules spare what is pinned or served; a served one is not dropped by name, nor is one signed here', async () => {
  const id = await bring({ one: 300_000 }, 'out');
  const all = { quotaBytes: 1 };
  assert.deepEqual((await collect(ship, all, [id])).dropped, []);
  pinBundle(ship.catalog, id, true);
  assert.deepEqual((await collect(ship, all)).spared[0]?.reason, 'pinned');
  await assert.rejects(collect(ship, { named: new Set([id]) }, [id]), code('USAGE'));
  const own = source.catalog.bundles()[0]?.id ?? '';
  await assert.rejects(collect(source, { named: new Set([own]) }), code('USAGE'));
  pinBundle(ship.catalog, id, false);
  const trial = await collect(ship, { ...all, dryRun: true, pinned: new Set([id]) });
  assert.deepEqual([trial.dropped.length, trial.spared[0]?.reason], [0, 'pinned']);
  assert.equal((await collect(ship, all)).dropped.length, 1);
});

test('while another process writes, nothing goes: its files may belong to a bundle to come', async () => {
  const other = await openStore({ folder: join(ship.dir, 'data') });
  try {
    await other.store.putBytes(noise('other', 100));
    await assert.rejects(collect(ship), code('DATA_FOLDER_BUSY'));
    assert.equal((await collect(ship, { dryRun: true })).removed.files, 1);
  } finally {
    await other.close();
  }
  assert.equal((await collect(ship)).removed.files, 1);
});
