import assert from 'node:assert/strict';
import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { exportBundle } from '../../src/operations/export-bundle.js';
import { importBundle } from '../../src/operations/import-bundle.js';
import { rebuildVolumes, type RebuildResult } from '../../src/operations/rebuild-volumes.js';
import { Machine } from './world.js';

const VOLUME_BYTES = 4_600_000;
const DATA = 6;
let source: Machine;
let names: string[];
const at = (...parts: string[]): string => join(source.dir, ...parts);
before(async () => {
  source = await Machine.start('source');
  const sizes = Object.fromEntries(
    Array.from({ length: 14 }, (_, i) => [`part-${i}`, 1_000_000 + 7_919 * i]),
  );
  await source.publish({ ...sizes, huge: 4_100_000 });
  await exportBundle(source, {
    bundle: 'demo',
    to: at('whole'),
    volumeSizeBytes: VOLUME_BYTES,
    parity: 2,
  });
  names = (await readdir(at('whole'))).sort();
});
after(() => source.end());

let turn = 0;
async function copy(without: readonly string[] = []): Promise<string> {
  const to = at(`copy-${(turn += 1)}`);
  await mkdir(to);
  for (const name of names) {
    if (!without.includes(name)) await copyFile(at('whole', name), join(to, name));
  }
  return to;
}

const rebuild = (folder: string): Promise<RebuildResult> =>
  rebuildVolumes(source, { paths: [folder], to: folder });

async function isWhole(folder: string): Promise<void> {
  for (const name of names.slice(0, DATA)) {
    const [a, b] = [await readFile(join(folder, name)), await readFile(at('whole', name))];
    assert.equal(Buffer.compare(a, b), 0, name);
  }
}

test('six volumes and two of parity, none larger than asked for, the same bytes again', async () => {
  assert.equal(names.length, DATA + 2);
  assert.deepEqual(names.slice(DATA), ['demo-v1-p01.x.zip', 'demo-v1-p02.x.zip']);
  const again = await exportBundle(source, {
    bundle: 'demo',
    to: at('again'),
    volumeSizeBytes: VOLUME_BYTES,
    parity: 2,
  });
  for (const { path, sizeBytes } of again.volumes) {
    assert.ok(sizeBytes <= VOLUME_BYTES, `${path}: ${sizeBytes}`);
    const bytes = await readFile(path);
    assert.equal(bytes.length, sizeBytes);
    assert.equal(Buffer.compare(bytes, await readFile(path.replace('again', 'whole'))), 0);
  }
});

test('every pair of the eight may be lost: what was rebuilt is the same bytes', async () => {
  for (const [i, first] of names.entries()) {
    for (const second of names.slice(i + 1)) {
      const folder = await copy([first, second]);
      const { rebuilt, lost } = await rebuild(folder);
      assert.deepEqual(lost, []);
      const expected = [first, second].filter((name) => !name.includes('-p0'));
      assert.deepEqual(rebuilt.map(({ name }) => name).sort(), expected.sort());
      await isWhole(folder);
      await rm(folder, { recursive: true });
    }
  }
});

test('one torn, one cut, one of parity rotten: what is left suffices', async () => {
  const folder = await copy();
  await truncate(join(folder, names[0]!), 1_500_000);
  const torn = await readFile(join(folder, names[3]!));
  torn.fill(0, 2_200_000, 2_300_000);
  await writeFile(join(folder, names[3]!), torn);
  const parity = await readFile(join(folder, names[DATA]!));
  // Where the others are torn too, so that this parity leads astray and the other one does not.
  parity[parity.length - 1_000_000]! ^= 1;
  await writeFile(join(folder, names[DATA]!), parity);
  const { rebuilt, lost } = await rebuild(folder);
  assert.deepEqual(lost, []);
  assert.deepEqual(rebuilt.map(({ name }) => name).sort(), [names[0], names[3]]);
  await isWhole(folder);
});

test('renamed volumes are recognised', async () => {
  const folder = await copy([names[1]!]);
  await rename(join(folder, names[2]!), join(folder, 'holiday.x.zip'));
  const { rebuilt } = await rebuild(folder);
  assert.deepEqual(
    rebuilt.map(({ name }) => name),
    [names[1]],
  );
});

test('three of eight are too many, and nothing is made up', async () => {
  const folder = await copy([names[0]!, names[1]!, names[2]!]);
  const { rebuilt, lost } = await rebuild(folder);
  assert.deepEqual(rebuilt, []);
  assert.deepEqual(lost, names.slice(0, 3));
  assert.equal((await readdir(folder)).length, names.length - 3);
});

test('a parity volume names nothing that leads out of the folder', async () => {
  const folder = await copy([names[0]!]);
  for (const name of names.slice(DATA)) {
    const bytes = await readFile(join(folder, name));
    const place = bytes.indexOf(names[0]!, bytes.indexOf('parity/volumes.json'));
    bytes.write(`../../${'x'.repeat(names[0]!.length - 6)}`, place);
    await writeFile(join(folder, name), bytes);
  }
  const { rebuilt, lost } = await rebuild(folder);
  assert.deepEqual({ rebuilt, lost }, { rebuilt: [], lost: [] });
});

test('parity volumes are volumes: alone they bring the signed metadata', async () => {
  const reader = await Machine.start('reader');
  try {
    const { bundles, problems } = await importBundle(reader, {
      paths: [at('whole', names[DATA]!)],
      trust: { did: source.identity.did },
    });
    assert.deepEqual(problems, []);
    assert.equal(bundles[0]!.record.version, 1);
    const wheel = bundles[0]!.missing.find(({ path }) =>
      path.endsWith('huge-1.0-py3-none-any.whl'),
    );
    assert.ok(wheel && wheel.volumes.every((name) => names.includes(name)), 'says where it is');
  } finally {
    await reader.end();
  }
});

test('more volumes than parity protects are a usage error', async () => {
  await assert.rejects(
    exportBundle(source, { bundle: 'demo', to: at('no'), volumeSizeBytes: 1_500_000, parity: 17 }),
    (error) => error instanceof XError && error.code === 'USAGE',
  );
});
