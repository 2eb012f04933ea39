import assert from 'node:assert/strict';
import { cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { XError, type ErrorCode } from '../../src/domain/errors.js';
import { exportBundle } from '../../src/operations/export-bundle.js';
import { importBundle, type ImportResult } from '../../src/operations/import-bundle.js';
import type { OpenVolume, VolumeItem } from '../../src/ports/volume.js';
import { Machine, noise } from './world.js';

const SIZES = { tiny: 10, empty: 0, small: 70_000, medium: 700_000, large: 3_100_000 };
const VOLUME_BYTES = 1_200_000;

let source: Machine;
let dir: string;
let volumes: string[];
before(async () => {
  source = await Machine.start('source');
  await source.publish(SIZES);
  dir = join(source.dir, 'out');
  const result = await exportBundle(source, {
    bundle: 'demo',
    to: dir,
    volumeSizeBytes: VOLUME_BYTES,
  });
  volumes = result.volumes.map(({ path }) => path);
});
after(() => source.end());

const onClient = async (work: (client: Machine) => Promise<void>): Promise<void> => {
  const client = await Machine.start('client');
  try {
    await work(client);
  } finally {
    await client.end();
  }
};
const take = (client: Machine, paths: string[], more = {}): Promise<ImportResult> =>
  importBundle(client, { paths, trust: { did: source.identity.did }, ...more });
const hasCode =
  (code: ErrorCode) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof XError, String(error));
    assert.equal(error.code, code, error.message);
    return true;
  };
const holdsEverything = async (client: Machine): Promise<void> => {
  for (const [name, size] of Object.entries(SIZES)) {
    const entry = client.catalog.entriesByName('pypi', name).find(({ kind }) => kind === 'package');
    assert.ok(entry, name);
    const bytes = Buffer.from(await client.store.read(entry.sha256, size));
    assert.ok(bytes.equals(noise(`${name} 1.0`, size)), name);
  }
};
/** Rewrites a volume as a zip with some entries changed. */
const rewritten = async (
  path: string,
  to: string,
  edit: (name: string, bytes: Buffer) => [string, Buffer] | undefined,
): Promise<string> => {
  const volume: OpenVolume = await source.reader.open(path);
  const items: VolumeItem[] = [];
  for (const { name } of volume.entries.values()) {
    const chunks: Uint8Array[] = [];
    for await (const chunk of volume.read(name)) chunks.push(Buffer.from(chunk));
    const edited = edit(name, Buffer.concat(chunks));
    if (edited === undefined) continue;
    const [newName, bytes] = edited;
    items.push({
      name: newName,
      lengthBytes: bytes.length,
      open: async function* () {
        yield bytes;
      },
    });
  }
  await volume.close();
  await source.writer.write(to, items);
  return to;
};
const flip = (bytes: Buffer): Buffer => {
  const copy = Buffer.from(bytes);
  copy[copy.length >> 1]! ^= 1;
  return copy;
};

test('a folder of volumes makes the bundle whole, the sliced artifact too', () =>
  onClient(async (client) => {
    assert.ok(volumes.length >= 4);
    const result = await take(client, [dir]);
    assert.equal(result.ok, true);
    assert.deepEqual(result.problems, []);
    assert.equal(result.bundles[0]?.outcome, 'new');
    assert.deepEqual(result.bundles[0]?.missing, []);
    assert.equal(result.ignored, 0);
    await holdsEverything(client);
    assert.deepEqual(
      client.catalog.pinnedSources().map(({ did }) => did),
      [source.identity.did],
    );
  }));

test('volumes come one at a time, in any order; each says what is still missing', () =>
  onClient(async (client) => {
    const missing: number[] = [];
    const left = new Set(volumes.map((path) => basename(path)));
    for (const path of volumes.toReversed()) {
      const result = await take(client, [path]);
      assert.equal(result.ok, true);
      const files = result.bundles[0]!.missing;
      missing.push(files.length);
      left.delete(basename(path));
      for (const file of files) {
        assert.ok(file.volumes.length > 0, `${file.path} is in what is left`);
      }
      // Also of what came in earlier runs: who has a stick left is not sent for those read before.
      const named = new Set(files.flatMap((file) => file.volumes));
      assert.deepEqual([...named].sort(), [...left].sort());
    }
    assert.deepEqual(
      missing,
      missing.toSorted((a, b) => b - a),
    );
    assert.ok(missing[0]! > 0);
    assert.equal(missing.at(-1), 0);
    await holdsEverything(client);
  }));

test('nothing is imported twice', () =>
  onClient(async (client) => {
    const first = await take(client, [dir]);
    const again = await take(client, [dir]);
    assert.ok(first.importedBlobs > 0 && first.importedBytes > 0);
    assert.deepEqual([again.importedBlobs, again.importedBytes], [0, 0]);
    assert.equal(again.bundles[0]?.outcome, 'same');
  }));

describe('first contact', () => {
  test('without a word of trust it is refused, the DID said, and nothing is taken', () =>
    onClient(async (client) => {
      await assert.rejects(importBundle(client, { paths: [dir], trust: {} }), (error: unknown) => {
        assert.ok(hasCode('UNKNOWN_SOURCE')(error));
        assert.ok((error as XError).message.includes(source.identity.did));
        return true;
      });
      assert.deepEqual(client.catalog.bundles(), []);
      assert.deepEqual(client.catalog.pinnedSources(), []);
    }));
  test('it is said and asked once for all volumes, whatever else is wrong with one of them', () =>
    onClient(async (client) => {
      const folder = join(client.dir, 'stick');
      await cp(dir, folder, { recursive: true });
      await writeFile(join(folder, '0-torn.x.zip'), 'PK');
      let asked = 0;
      const ask = (): Promise<boolean> => Promise.resolve((asked += 1) < 0);
      const refused = importBundle(client, { paths: [folder], trust: { ask } });
      await assert.rejects(refused, hasCode('UNKNOWN_SOURCE'));
      assert.equal(asked, 1);
      const strangers = client.events.filter((message) => message.includes('not known here'));
      assert.equal(strangers.length, 1);
      assert.ok(volumes.length > 1);
    }));
  test('another DID than the one named is refused', () =>
    onClient(async (client) => {
      const trust = { did: client.identity.did };
      await assert.rejects(importBundle(client, { paths: [dir], trust }), hasCode('WRONG_SOURCE'));
    }));
  test('a yes on the terminal is enough, a no is not', () =>
    onClient(async (client) => {
      const asked: string[] = [];
      const answer = (yes: boolean) => ({
        ask: (what: { source: string }) => {
          asked.push(what.source);
          return Promise.resolve(yes);
        },
      });
      const no = importBundle(client, { paths: [volumes[0]!], trust: answer(false) });
      await assert.rejects(no, hasCode('UNKNOWN_SOURCE'));
      await importBundle(client, { paths: [volumes[0]!], trust: answer(true) });
      await importBundle(client, { paths: [volumes[1]!], trust: {} });
      assert.deepEqual(asked, [source.identity.did, source.identity.did]);
    }));
  test('a second source under a name that is taken needs to be named', () =>
    onClient(async (client) => {
      await take(client, [dir]);
      const other = await Machine.start('other');
      try {
        await other.publish({ tiny: 99 });
        const to = join(other.dir, 'out');
        await exportBundle(other, { bundle: 'demo', to });
        const acceptNew = importBundle(client, { paths: [to], trust: { acceptNew: true } });
        await assert.rejects(acceptNew, hasCode('WRONG_SOURCE'));
        await importBundle(client, { paths: [to], trust: { did: other.identity.did } });
        assert.equal(client.catalog.bundles().length, 2);
      } finally {
        await other.end();
      }
    }));
});

describe('damage is named and passed over', () => {
  test('a bad artifact: everything else of the volume is taken, and a good copy heals it', () =>
    onClient(async (client) => {
      const folder = join(client.dir, 'bad');
      await mkdir(folder);
      const paths: string[] = [];
      let damaged = '';
      for (const path of volumes) {
        const to = join(folder, path.slice(path.lastIndexOf('/') + 1));
        await rewritten(path, to, (name, bytes) => {
          if (!name.startsWith('artifacts/') || bytes.length !== 70_000) return [name, bytes];
          damaged = to;
          return [name, flip(bytes)];
        });
        paths.push(to);
      }
      const result = await take(client, paths);
      assert.equal(result.ok, false);
      assert.deepEqual(
        result.problems.map(({ volume, path, code }) => [volume, path, code]),
        [[damaged, 'pypi/small/small-1.0-py3-none-any.whl', 'DIGEST_MISMATCH']],
      );
      assert.deepEqual(
        result.bundles[0]?.missing.map(({ path }) => path),
        ['pypi/small/small-1.0-py3-none-any.whl'],
      );
      assert.ok(client.events.some((line) => line.includes('small') && line.includes(damaged)));
      assert.equal((await take(client, [dir])).ok, true);
      await holdsEverything(client);
    }));

  test('an entry that the directory lies about is named by its artifact, not by its digest alone', () =>
    onClient(async (client) => {
      const small = 'pypi/small/small-1.0-py3-none-any.whl';
      const entries = source.catalog.entries(source.catalog.bundles()[0]!.id);
      const digest = [...entries].find(({ path }) => path === small)!.sha256;
      const folder = join(client.dir, 'lies');
      await mkdir(folder);
      for (const path of volumes) {
        const bytes = await readFile(path);
        // In the central directory, 46 bytes before its name, an entry's sizes stand at 20.
        const name = bytes.lastIndexOf(`artifacts/${digest}`);
        if (name >= 0) bytes.writeUInt32LE(0x7fffffff, name - 46 + 20);
        if (name >= 0) bytes.writeUInt32LE(0x7fffffff, name - 46 + 24);
        await writeFile(join(folder, basename(path)), bytes);
      }
      const result = await take(client, [folder]);
      assert.deepEqual(
        result.problems.map(({ path, code }) => [path, code]),
        [[small, 'VOLUME_DAMAGED']],
      );
      assert.match(result.problems[0]!.message, new RegExp(`^artifacts/${digest}: it reaches`));
      assert.deepEqual(
        result.bundles[0]?.missing.map(({ path }) => path),
        [small],
      );
    }));

  test('an entry that cannot be read is named by its volume and its artifact', () =>
    onClient(async (client) => {
      const folder = join(client.dir, 'torn');
      await mkdir(folder);
      for (const path of volumes) {
        const bytes = await readFile(path);
        // A local header, 30 bytes before its name, that is none any more.
        const name = bytes.indexOf('trees/');
        if (name >= 0) bytes.writeUInt32LE(0x12345678, name - 30);
        await writeFile(join(folder, basename(path)), bytes);
      }
      const { problems } = await take(client, [folder]);
      assert.ok(problems.length > 0);
      for (const { volume, path, message } of problems) {
        assert.equal(path, 'pypi/large/large-1.0-py3-none-any.whl');
        assert.ok(!message.includes(volume), message);
        assert.ok(client.events.some((line) => line.includes(`${volume}: ${path}: ${message}`)));
      }
    }));

  test('one bad piece of a slice costs that piece alone', () =>
    onClient(async (client) => {
      const sliced = join(client.dir, 'sliced.x.zip');
      let hit: string | undefined;
      for (const path of volumes) {
        await rewritten(path, sliced, (name, bytes) => {
          const isFirst = /^slices\/.*\/0-/.test(name);
          if (isFirst) hit = path;
          return [name, isFirst ? flip(bytes) : bytes];
        });
        if (hit !== undefined) break;
      }
      const others = volumes.filter((path) => path !== hit);
      const result = await take(client, [sliced, ...others]);
      assert.equal(result.problems.length, 1);
      assert.match(result.problems[0]!.message, /piece \d+ in slices/);
      const partial = client.store.partials()[0]!;
      assert.equal(partial.heldPieces, 11);
      const healed = await take(client, [hit!]);
      assert.equal(healed.ok, true);
      assert.ok(healed.importedBytes <= 256 * 1024, `${healed.importedBytes}`);
      await holdsEverything(client);
    }));

  test('an artifact under a wrong length or a foreign tree is not even stored', () =>
    onClient(async (client) => {
      const to = join(client.dir, 'lengths.x.zip');
      const problems: string[] = [];
      for (const path of volumes) {
        await rewritten(path, to, (name, bytes) => {
          if (name.startsWith('artifacts/'))
            return [name, Buffer.concat([bytes, Buffer.from('!')])];
          return name.startsWith('trees/') ? [name, flip(bytes)] : [name, bytes];
        });
        const result = await take(client, [to]);
        problems.push(...result.problems.map(({ code }) => code));
        assert.deepEqual([result.importedBlobs, result.importedBytes], [0, 0]);
      }
      assert.deepEqual([...new Set(problems)], ['DIGEST_MISMATCH']);
    }));

  test('metadata that rotted in one volume: its content is taken by what the others sign', () =>
    onClient(async (client) => {
      const to = join(client.dir, 'rotten.x.zip');
      await rewritten(volumes[0]!, to, (name, bytes) => [
        name,
        name.endsWith('snapshot.json') ? flip(bytes) : bytes,
      ]);
      await assert.rejects(take(client, [to]), hasCode('METADATA_INVALID'));
      const result = await take(client, [to, ...volumes.slice(1)]);
      assert.equal(result.ok, false);
      assert.deepEqual(
        result.problems.map(({ volume }) => volume),
        [to],
      );
      assert.deepEqual(result.bundles[0]?.missing, []);
      await holdsEverything(client);
    }));

  test('a volume that is cut off is named, the others are taken', () =>
    onClient(async (client) => {
      const cut = join(client.dir, 'cut.x.zip');
      const bytes = await readFile(volumes[1]!);
      await writeFile(cut, bytes.subarray(0, bytes.length >> 1));
      const result = await take(client, [cut, volumes[0]!]);
      assert.deepEqual(
        result.problems.map(({ volume, code }) => [volume, code]),
        [[cut, 'VOLUME_DAMAGED']],
      );
      assert.equal(result.bundles.length, 1);
      await assert.rejects(take(client, [cut]), hasCode('VOLUME_DAMAGED'));
    }));

  test('metadata that a thief signed takes nothing in', () =>
    onClient(async (client) => {
      const thief = await Machine.start('thief');
      try {
        const built = await thief.publish({ evil: 5000 });
        const forged = built.manifest.source;
        const files = thief.catalog.metadata(built.record.id);
        const to = join(client.dir, 'forged.x.zip');
        await rewritten(volumes[0]!, to, (name, bytes) => {
          const file = name.replace('metadata/', '');
          const stolen = name.endsWith('root.json') ? undefined : files.get(file);
          return [name, stolen === undefined ? bytes : Buffer.from(stolen)];
        });
        assert.notEqual(forged, source.identity.did);
        await assert.rejects(take(client, [to]), hasCode('SIGNATURE_INVALID'));
        assert.deepEqual(client.catalog.bundles(), []);
      } finally {
        await thief.end();
      }
    }));
});

test('what no signed metadata names is left alone, and counted', () =>
  onClient(async (client) => {
    const to = join(client.dir, 'extra.x.zip');
    await rewritten(volumes[0]!, to, (name, bytes) =>
      name === 'x-volume.json' ? ['notes/readme.txt', Buffer.from('hello')] : [name, bytes],
    );
    const result = await take(client, [to]);
    assert.deepEqual([result.ok, result.ignored], [true, 1]);
  }));

test('older volumes are passed over with a line, their pieces kept where current metadata names them', async () => {
  const maker = await Machine.start('maker');
  try {
    await maker.publish({ kept: 50_000, gone: 40_000 });
    const old = join(maker.dir, 'old');
    await exportBundle(maker, { bundle: 'demo', to: old });
    await maker.publish({ kept: 50_000, fresh: 30_000 });
    const current = join(maker.dir, 'new');
    await exportBundle(maker, { bundle: 'demo', to: current });
    const trust = { did: maker.identity.did };
    await onClient(async (client) => {
      const first = join(client.dir, 'metadata-only.x.zip');
      const [name] = (await maker.reader.list(current)) as [string];
      await rewritten(name, first, (item, bytes) =>
        item.startsWith('artifacts/') ? undefined : [item, bytes],
      );
      await importBundle(client, { paths: [first], trust });
      const result = await importBundle(client, { paths: [old], trust });
      assert.equal(result.ok, true);
      assert.equal(result.bundles[0]?.outcome, 'older');
      assert.equal(result.bundles[0]?.record.version, 2);
      assert.match(
        result.warnings.join(),
        /version 1; version 2 is held: its metadata is passed over/,
      );
      assert.equal(result.ignored, 2);
      assert.ok(!result.bundles[0]?.missing.some(({ path }) => path.includes('/kept/')));
      assert.ok(result.bundles[0]?.missing.some(({ path }) => path.includes('/fresh/')));
    });
    await onClient(async (client) => {
      // Together, the newest decides whatever the order of the names.
      const both = join(client.dir, 'both');
      await mkdir(both);
      const [a] = (await maker.reader.list(old)) as [string];
      const [z] = (await maker.reader.list(current)) as [string];
      await rename(a, join(both, 'a.x.zip'));
      await rename(z, join(both, 'z.x.zip'));
      const result = await importBundle(client, { paths: [both], trust });
      assert.deepEqual(
        result.bundles.map(({ outcome }) => outcome),
        ['new'],
      );
      assert.equal(result.bundles[0]?.record.version, 2);
      assert.deepEqual(result.bundles[0]?.missing, []);
    });
  } finally {
    await maker.end();
  }
});

test('past its grace a bundle is taken only when told so', () =>
  onClient(async (client) => {
    client.now = new Date('2028-01-01T00:00:00Z');
    await assert.rejects(take(client, [dir]), hasCode('EXPIRED'));
    assert.deepEqual(client.catalog.bundles(), []);
    const result = await take(client, [dir], { acceptStale: true });
    assert.equal(result.bundles[0]?.state, 'stale');
    assert.match(result.warnings.join(), /grace of 270 days is over/);
  }));

test('a folder without volumes is an error', () =>
  onClient(async (client) => {
    const folder = join(client.dir, 'nothing');
    await mkdir(folder);
    await assert.rejects(take(client, [folder]), hasCode('INPUT_NOT_FOUND'));
  }));
