import assert from 'node:assert/strict';
import { mkdir, readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { exportBundle } from '../../src/operations/export-bundle.js';
import { importBundle } from '../../src/operations/import-bundle.js';
import {
  verifyBundle,
  type VerifyRequest,
  type VerifyResult,
} from '../../src/operations/verify-bundle.js';
import { heldView, Machine, proofServer } from './world.js';

const SIZES = { tiny: 10, small: 70_000, large: 1_500_000 };
let source: Machine;
let dir: string;
before(async () => {
  source = await Machine.start('source');
  await source.publish(SIZES);
  dir = join(source.dir, 'out');
  await exportBundle(source, { bundle: 'demo', to: dir, volumeSizeBytes: 900_000 });
});
after(() => source.end());

const verify = (machine: Machine, what: VerifyRequest['what']): Promise<VerifyResult> =>
  verifyBundle(
    {
      store: machine.store,
      catalog: machine.catalog,
      clock: machine.clock,
      reader: machine.reader,
      report: machine.report,
      servers: [proofServer],
      view: heldView(machine),
    },
    { what },
  );
const verdictOf = (result: VerifyResult, name: string) =>
  result.artifacts.find(
    ({ purl, proof, content }) => purl?.includes(`/${name}@`) && (proof ?? content),
  );

test('a whole bundle: every byte is there and every proof holds', async () => {
  const result = await verify(source, { bundle: 'demo' });
  assert.deepEqual([result.ok, result.complete, result.problems], [true, true, []]);
  assert.equal(result.artifacts.length, 6);
  for (const name of Object.keys(SIZES)) {
    assert.deepEqual(verdictOf(result, name)?.proof, {
      proof: 'pep740',
      verdict: 'holds',
      note: 'the publisher',
    });
  }
});

test('volumes are verified without taking anything in, and a stranger’s key is said to be one', async () => {
  const client = await Machine.start('client');
  try {
    const result = await verify(client, { paths: [dir] });
    assert.deepEqual([result.ok, result.complete, result.problems], [true, true, []]);
    assert.equal(verdictOf(result, 'small')?.proof?.verdict, 'holds');
    assert.equal(verdictOf(result, 'large')?.content, 'whole');
    assert.equal(result.bundles[0]?.isPinned, false);
    assert.match(
      result.warnings.join(),
      new RegExp(`${source.identity.did}, which this machine does not trust`),
    );
    assert.deepEqual(client.catalog.bundles(), []);
    assert.equal((await verify(source, { paths: [dir] })).bundles[0]?.isPinned, true);
  } finally {
    await client.end();
  }
});

test('part of the volumes: what is not there is missing, not damaged, and it is said where it is', async () => {
  const [first, ...others] = await readdir(dir);
  const result = await verify(source, { paths: [join(dir, first!)] });
  assert.deepEqual([result.ok, result.complete], [true, false]);
  const [bundle] = result.bundles;
  assert.ok(bundle!.missingIn.length > 0);
  assert.deepEqual(
    bundle!.missingIn.filter((name) => !others.includes(name)),
    [],
  );
  assert.deepEqual((await verify(source, { paths: [dir] })).bundles[0]!.missingIn, []);
});

test('a torn volume is named as one to bring again, and parity volumes are counted', async () => {
  const folder = join(source.dir, 'torn');
  const sizes = { volumeSizeBytes: 5_000_000, parity: 1 };
  await exportBundle(source, { bundle: 'demo', to: folder, ...sizes });
  const [first] = await readdir(folder);
  await truncate(join(folder, first!), 100_000);
  const { ok, bundles, problems } = await verify(source, { paths: [folder] });
  assert.equal(ok, false);
  assert.deepEqual([bundles[0]!.missingIn, bundles[0]!.parityVolumes], [[first], 1]);
  assert.ok(problems.some(({ where }) => where === join(folder, first!)));
});

test('a flipped bit in a blob that the store holds is found and named', async () => {
  const client = await Machine.start('client');
  try {
    await importBundle(client, { paths: [dir], trust: { acceptNew: true } });
    await client.close();
    const flipped = await flipIn(join(client.dir, 'data'), 1_400_000);
    assert.ok(flipped, 'the large blob is a file of its own');
    await client.open();
    const result = await verify(client, { bundle: 'demo' });
    assert.equal(result.ok, false);
    assert.deepEqual(
      result.artifacts.filter(({ content }) => content === 'damaged').map(({ path }) => path),
      ['pypi/large/large-1.0-py3-none-any.whl'],
    );
  } finally {
    await client.end();
  }
});

test('a flipped bit anywhere in a volume’s content or metadata is found', async () => {
  const folder = join(source.dir, 'flipped');
  await mkdir(folder);
  const names = await readdir(dir);
  for (const name of names) {
    const bytes = await readFile(join(dir, name));
    const volume = await source.reader.open(join(dir, name));
    const inside = [...volume.entries.keys()].filter((one) => one !== 'x-volume.json');
    await volume.close();
    for (const [kind, offset] of [
      ['content', bytes.length >> 1],
      ['metadata', 3000],
    ] as const) {
      const damaged = Buffer.from(bytes);
      damaged[offset]! ^= 4;
      await writeFile(join(folder, name), damaged);
      const result = await verify(source, { paths: [join(folder, name)] });
      assert.equal(result.ok, false, `${kind} of ${name} (${inside.length} entries)`);
      assert.ok(result.problems.every(({ where }) => where.includes(name)));
    }
  }
});

test('a proof that does not hold is damage; a missing one is not', async () => {
  const maker = await Machine.start('maker');
  try {
    const artifact = await maker.fetched('forged', 500);
    const document = {
      path: `${artifact.artifact.path}.proof`,
      kind: 'proof' as const,
      ecosystem: 'pypi' as const,
      proof: 'none' as const,
      requires: [],
      targets: [],
      private: false,
      body: Buffer.from('0'.repeat(64)),
    };
    const bare = await maker.fetched('bare', 600);
    await maker.publish(
      {},
      {
        artifacts: [artifact, bare],
        sealed: [{ documents: [document], proofs: new Map(), details: new Map(), warnings: [] }],
      },
    );
    const result = await verify(maker, { bundle: 'demo' });
    assert.equal(result.ok, false);
    assert.equal(verdictOf(result, 'forged')?.proof?.verdict, 'broken');
    assert.equal(verdictOf(result, 'bare')?.proof?.verdict, 'none');
  } finally {
    await maker.end();
  }
});

test('a bundle that is not here is said with those that are', async () => {
  await assert.rejects(verify(source, { bundle: 'dmo' }), (error: unknown) => {
    assert.ok(error instanceof XError && error.code === 'BUNDLE_NOT_FOUND');
    assert.match(error.hint ?? '', /demo/);
    return true;
  });
});

/** Flips one bit in the file of at least so many bytes below a folder. */
async function flipIn(folder: string, minBytes: number): Promise<boolean> {
  for (const file of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!file.isFile() || /catalog|\.db|sqlite/.test(file.name)) continue;
    const path = join(file.parentPath, file.name);
    const bytes = await readFile(path);
    if (bytes.length < minBytes || bytes.length > minBytes * 1.2) continue;
    bytes[700_000]! ^= 1;
    await writeFile(path, bytes);
    return true;
  }
  return false;
}

test('a proof that needs a file cut into slices reads it whole from its volumes', async () => {
  const read: number[] = [];
  const reading = {
    ...proofServer,
    checkProof: async (...[entry, view, now]: Parameters<typeof proofServer.checkProof>) => {
      read.push((await view.read(entry, 2_000_000)).length);
      return proofServer.checkProof(entry, view, now);
    },
  };
  const { store, catalog, clock, reader, report } = source;
  const result = await verifyBundle(
    { store, catalog, clock, reader, report, servers: [reading], view: heldView(source) },
    { what: { paths: [dir] } },
  );
  assert.deepEqual([result.ok, result.complete], [true, true]);
  assert.deepEqual(
    read.sort((a, b) => a - b),
    Object.values(SIZES),
  );
});
