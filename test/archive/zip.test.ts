import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { ZipVolumeReader } from '../../src/archive/zip-reader.js';
import { ZipVolumeWriter } from '../../src/archive/zip-writer.js';
import { BOUNDS } from '../../src/domain/bounds.js';
import { XError, type ErrorCode } from '../../src/domain/errors.js';
import type { OpenVolume, VolumeItem } from '../../src/ports/volume.js';
import { rawZip, type RawEntry } from './raw-zip.js';

const writer = new ZipVolumeWriter();
const reader = new ZipVolumeReader();
let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'x-zip-'));
});
after(() => rm(dir, { recursive: true }));

const item = (name: string, bytes: Uint8Array, chunkBytes = 300_000): VolumeItem => ({
  name,
  lengthBytes: bytes.length,
  async *open() {
    for (let at = 0; at < bytes.length; at += chunkBytes) yield bytes.subarray(at, at + chunkBytes);
  },
});
const noise = (length: number): Buffer => {
  const key = createHash('sha256').update(`${length}`).digest();
  return Buffer.alloc(length, key);
};
const bytesOf = async (volume: OpenVolume, name: string): Promise<Buffer> => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of volume.read(name)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
};
const hasCode =
  (code: ErrorCode, says?: RegExp) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof XError, String(error));
    assert.equal(error.code, code, error.message);
    if (says) assert.match(error.message, says);
    return true;
  };
const opened = async (name: string, zip: Buffer): Promise<OpenVolume> => {
  await writeFile(join(dir, name), zip);
  return reader.open(join(dir, name));
};

const items = [
  item('x-volume.json', Buffer.from('{}')),
  item('artifacts/empty', Buffer.alloc(0)),
  item('artifacts/small', noise(70_000)),
  item('artifacts/large', noise(5_000_001)),
  item('trees/leaves', noise(640)),
];

test('what is written is read back, and nothing is left beside it', async () => {
  const path = join(dir, 'deep', 'demo-v1-001.x.zip');
  const { sizeBytes } = await writer.write(path, items);
  assert.deepEqual(await readdir(join(dir, 'deep')), ['demo-v1-001.x.zip']);
  const volume = await reader.open(path);
  assert.equal(volume.sizeBytes, sizeBytes);
  assert.equal((await readFile(path)).length, sizeBytes);
  assert.deepEqual(
    [...volume.entries.keys()],
    items.map(({ name }) => name),
  );
  assert.deepEqual(volume.refused, []);
  assert.deepEqual(await bytesOf(volume, 'artifacts/large'), noise(5_000_001));
  assert.deepEqual(await bytesOf(volume, 'artifacts/small'), noise(70_000));
  assert.deepEqual(await bytesOf(volume, 'artifacts/empty'), Buffer.alloc(0));
  await volume.close();
});

test('the same items give the same bytes, however their chunks fall', async () => {
  const [a, b] = [join(dir, 'a.x.zip'), join(dir, 'b.x.zip')];
  await writer.write(a, items);
  await writer.write(b, [
    ...items.slice(0, 3),
    item('artifacts/large', noise(5_000_001), 7_777),
    ...items.slice(4),
  ]);
  assert.deepEqual(await readFile(a), await readFile(b));
});

test('a volume is never larger than its items and their overhead', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,80}$/), { maxLength: 12 }),
      fc.nat({ max: 3000 }),
      async (names, length) => {
        const list = names.map((name) => item(name, noise(length)));
        const { sizeBytes } = await writer.write(join(dir, 'sized.x.zip'), list);
        const planned = list.reduce(
          (sum, { name, lengthBytes }) => sum + lengthBytes + writer.itemOverheadBytes(name),
          writer.volumeOverheadBytes,
        );
        assert.ok(sizeBytes <= planned, `${sizeBytes} of ${planned}`);
      },
    ),
    { numRuns: 25 },
  );
});

test('an item that fails leaves what was there before, and no other file', async () => {
  const folder = join(dir, 'failing');
  await mkdir(folder);
  const path = join(folder, 'v.x.zip');
  await writer.write(path, items.slice(0, 2));
  const held = await readFile(path);
  for (const lengthBytes of [10, 3_000_000]) {
    const failing: VolumeItem = {
      name: 'artifacts/rotten',
      lengthBytes,
      async *open() {
        yield Buffer.from('abc');
        throw new XError('STORE_DAMAGED', 'the blob rotted');
      },
    };
    await assert.rejects(writer.write(path, [...items, failing]), hasCode('STORE_DAMAGED'));
    const short = { ...item('artifacts/short', noise(5)), lengthBytes };
    await assert.rejects(writer.write(path, [short]), /length that was planned/);
  }
  assert.deepEqual(await readFile(path), held);
  assert.deepEqual(await readdir(folder), ['v.x.zip']);
});

test('a place that cannot be written is named', async () => {
  const blocked = join(dir, 'file-not-folder');
  await writeFile(blocked, '');
  await assert.rejects(
    writer.write(join(blocked, 'v.x.zip'), items),
    hasCode('IO_FAILED', /file-not-folder/),
  );
});

test('a folder lists its volumes in order; a file is itself; nothing is an error', async () => {
  const folder = join(dir, 'list');
  await mkdir(folder);
  for (const name of ['b-002.x.zip', 'b-001.x.zip', 'notes.txt', '.b-003.x.zip.part', '.c.x.zip']) {
    await writeFile(join(folder, name), '');
  }
  assert.deepEqual(await reader.list(folder), [
    join(folder, 'b-001.x.zip'),
    join(folder, 'b-002.x.zip'),
  ]);
  assert.deepEqual(await reader.list(join(folder, 'notes.txt')), [join(folder, 'notes.txt')]);
  await assert.rejects(reader.list(join(folder, 'absent')), hasCode('INPUT_NOT_FOUND'));
  await assert.rejects(reader.open(join(folder, 'absent')), hasCode('INPUT_NOT_FOUND'));
});

const noPipes = process.platform === 'win32' && 'there are no named pipes in folders here';
test(
  'a pipe or a folder under a volume’s name is refused, not waited for',
  { skip: noPipes },
  async () => {
    const pipe = join(dir, 'pipe.x.zip');
    execFileSync('mkfifo', [pipe]);
    const folder = join(dir, 'folder.x.zip');
    await mkdir(folder);
    for (const path of [pipe, folder]) {
      await assert.rejects(reader.open(path), hasCode('INPUT_UNREADABLE', /no plain file/));
      await rm(path, { recursive: true });
    }
  },
);

test('a read that is broken off does not keep the volume open', async () => {
  await writer.write(join(dir, 'broken.x.zip'), items);
  const volume = await reader.open(join(dir, 'broken.x.zip'));
  for await (const chunk of volume.read('artifacts/large')) {
    assert.ok(chunk.length > 0);
    break;
  }
  await volume.close();
  await volume.close();
});

describe('hostile volumes', () => {
  const good: RawEntry = { name: 'artifacts/good', bytes: Buffer.from('good') };
  const refusedEntries: [string, RawEntry, RegExp][] = [
    ['a name that climbs out', { name: '../evil', bytes: Buffer.from('x') }, /safe path/],
    [
      'a name that climbs out inside',
      { name: 'a/../../evil', bytes: Buffer.from('x') },
      /safe path/,
    ],
    ['an absolute name', { name: '/etc/evil', bytes: Buffer.from('x') }, /safe path/],
    ['a Windows name', { name: 'C:\\evil', bytes: Buffer.from('x') }, /safe path/],
    ['a name with a line break', { name: 'a\nb', bytes: Buffer.from('x') }, /safe path/],
    ['an empty name', { name: '', bytes: Buffer.from('x') }, /safe path/],
    [
      'a symbolic link',
      { name: 'artifacts/link', bytes: Buffer.from('/etc'), mode: 0o120777 },
      /plain file/,
    ],
    ['a device', { name: 'artifacts/dev', bytes: Buffer.from(''), mode: 0o020644 }, /plain file/],
    [
      'a compressed entry',
      { name: 'artifacts/z', bytes: Buffer.from('x'), method: 8 },
      /compressed/,
    ],
    [
      'an encrypted entry',
      { name: 'artifacts/e', bytes: Buffer.from('x'), flags: 1, compressedBytes: 13 },
      /encrypted/,
    ],
    ['a doubled name', { name: 'artifacts/good', bytes: Buffer.from('evil') }, /has its name/],
    [
      'a name that differs in case',
      { name: 'ARTIFACTS/good', bytes: Buffer.from('evil') },
      /has its name/,
    ],
    [
      'a size beyond the volume',
      { name: 'artifacts/big', bytes: Buffer.from('x'), sizeBytes: 1e9 },
      /beyond/,
    ],
  ];
  for (const [name, entry, reason] of refusedEntries) {
    test(`${name} is refused, the others are read`, async () => {
      const volume = await opened('refused.x.zip', rawZip([good, entry]));
      assert.deepEqual([...volume.entries.keys()], ['artifacts/good']);
      assert.equal(volume.refused.length, 1);
      assert.match(volume.refused[0]!.reason, reason);
      assert.deepEqual(await bytesOf(volume, 'artifacts/good'), Buffer.from('good'));
      await volume.close();
    });
  }

  test('folders that a repacking tool adds are nothing', async () => {
    const folder = { name: 'artifacts/', bytes: Buffer.alloc(0), mode: 0o040755 };
    const volume = await opened('folders.x.zip', rawZip([folder, good]));
    assert.deepEqual([[...volume.entries.keys()], volume.refused], [['artifacts/good'], []]);
    await volume.close();
  });

  const broken: [string, () => Buffer, ErrorCode, RegExp?][] = [
    ['no zip at all', () => Buffer.from('hello'), 'VOLUME_DAMAGED'],
    ['an empty file', () => Buffer.alloc(0), 'VOLUME_DAMAGED'],
    ['cut off', () => rawZip([good, good]).subarray(0, 60), 'VOLUME_DAMAGED'],
    ['more entries claimed than there are', () => rawZip([good], 9), 'VOLUME_DAMAGED'],
    [
      'entries that overlap',
      () => {
        const large = { name: 'artifacts/0', bytes: noise(100_000) };
        const shared = Array.from({ length: 50 }, (_, i) => ({
          ...large,
          name: `artifacts/${i + 1}`,
          sameAs: 0,
        }));
        return rawZip([large, ...shared]);
      },
      'VOLUME_DAMAGED',
      /overlap/,
    ],
    [
      'two sizes of one stored entry',
      () => rawZip([{ ...good, sizeBytes: 4, compressedBytes: 2 }]),
      'VOLUME_DAMAGED',
    ],
    [
      'a directory of endless entries',
      () => {
        const zip = rawZip([good]);
        const zip64 = Buffer.alloc(56 + 20);
        zip64.writeUInt32LE(0x06064b50, 0);
        zip64.writeBigUInt64LE(BigInt(BOUNDS.volumeEntries + 1), 32);
        zip64.writeUInt32LE(0x07064b50, 56);
        zip64.writeBigUInt64LE(BigInt(zip.length - 22), 64);
        return Buffer.concat([zip.subarray(0, -22), zip64, zip.subarray(-22)]);
      },
      'LIMIT_EXCEEDED',
    ],
  ];
  for (const [name, zip, code, says] of broken) {
    test(`${name} is refused as a whole`, async () => {
      await assert.rejects(opened('damaged.x.zip', zip()), hasCode(code, says));
    });
  }

  test('a size that reaches into other entries is caught when it is read, or is what was signed for', async () => {
    const volume = await opened('lying.x.zip', rawZip([{ ...good, sizeBytes: 40 }, good]));
    const bytes = await bytesOf(volume, 'artifacts/good').catch(hasCode('VOLUME_DAMAGED'));
    assert.notDeepEqual(bytes, Buffer.from('good'));
    await volume.close();
  });

  test('a volume that shrinks while it is open is damaged, not endless', async () => {
    const path = join(dir, 'shrinks.x.zip');
    await writer.write(path, items);
    const volume = await reader.open(path);
    await truncate(path, 1_000_000);
    await assert.rejects(bytesOf(volume, 'artifacts/large'), hasCode('VOLUME_DAMAGED'));
    await volume.close();
  });
});
