import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { makeFolder } from '../../src/archive/file-io.js';
import { LocalMedium } from '../../src/archive/medium.js';
import { directory, layOut, localHeader } from '../../src/archive/zip-layout.js';
import { ZipVolumeWriter } from '../../src/archive/zip-writer.js';
import { XError } from '../../src/domain/errors.js';
import { CHECKED_BYTES, type VolumeItem } from '../../src/ports/volume.js';

const writer = new ZipVolumeWriter();
const medium = new LocalMedium();
let dir: string;
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'x-writing-'));
});
after(() => rm(dir, { recursive: true }));

const noise = (length: number): Buffer =>
  createHash('shake256', { outputLength: Math.max(length, 1) })
    .update(`${length}`)
    .digest()
    .subarray(0, length);
const item = (name: string, length: number): VolumeItem => ({
  name,
  lengthBytes: length,
  async *open() {
    const bytes = noise(length);
    for (let at = 0; at < length; at += 300_000) yield bytes.subarray(at, at + 300_000);
  },
});
const items = [
  item('x-volume.json', 70),
  item('artifacts/empty', 0),
  item('artifacts/large', 5_000_001),
  item('artifacts/mebibyte', 1 << 20),
  item('artifacts/more', (1 << 20) + 1),
];

test('a volume’s size is known to the byte before it is written', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.stringMatching(/^[a-z0-9]{1,60}$/), { maxLength: 8 }),
      fc.nat({ max: 2_500_000 }),
      async (names, length) => {
        const list = names.map((name) => item(name, length));
        const path = join(dir, 'sized.x.zip');
        const { sizeBytes } = await writer.write(path, list);
        assert.equal((await stat(path)).size, sizeBytes);
        assert.equal(sizeBytes, writer.sizeOf(list));
      },
    ),
    { numRuns: 15 },
  );
});

test('other programs read it', async (t) => {
  const path = join(dir, 'foreign.x.zip');
  await writer.write(path, items);
  const script =
    'import sys,zipfile,hashlib\nz=zipfile.ZipFile(sys.argv[1])\nassert z.testzip() is None\n' +
    'for i in z.infolist(): print(i.filename, hashlib.sha256(z.read(i)).hexdigest())';
  let printed: string;
  try {
    printed = execFileSync('python3', ['-c', script, path], { encoding: 'utf8' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    t.skip('python3 is not here');
    return;
  }
  const expected = items.map(
    ({ name, lengthBytes }) =>
      `${name} ${createHash('sha256').update(noise(lengthBytes)).digest('hex')}\n`,
  );
  assert.equal(printed, expected.join(''));
});

test('beyond 4 GiB and 65,535 entries sizes are zip64, and add up', () => {
  const large = layOut([
    { name: 'a', lengthBytes: 5 * 2 ** 30 },
    { name: 'b', lengthBytes: 2 ** 32 - 1 },
    { name: 'c', lengthBytes: 2 ** 32 - 2 },
  ]);
  const headers = [...directory(large, [1, 2, 3])];
  const bytes = headers.reduce((sum, { length }) => sum + length, 0);
  assert.equal(large.directoryOffset + bytes, large.sizeBytes);
  assert.equal(localHeader(large.entries[0]!, 0).length, 30 + 1 + 20);
  assert.equal(localHeader(large.entries[2]!, 0).length, 30 + 1);
  const many = layOut(Array.from({ length: 65_536 }, (_, i) => ({ name: `${i}`, lengthBytes: 0 })));
  const end = [...directory(many, [])].at(-1)!;
  assert.equal(end.readUInt16LE(10), 0xffff);
});

test('what an earlier run left half written is continued, and rewritten where it is wrong', async () => {
  const path = join(dir, 'resumed.x.zip');
  await writer.write(path, items);
  const whole = await readFile(path);
  const part = join(dir, '.resumed.x.zip.part');
  const damages: ((bytes: Buffer) => Promise<void>)[] = [
    (bytes) => writeFile(part, bytes.subarray(0, 3_333_333)),
    (bytes) => writeFile(part, Buffer.alloc(bytes.length)),
    (bytes) =>
      writeFile(part, Buffer.concat([bytes.subarray(0, 2_000_000), Buffer.alloc(9_000_000)])),
    (bytes) => writeFile(part, bytes),
    () => writeFile(part, ''),
  ];
  for (const damage of damages) {
    await rm(path, { force: true });
    await damage(whole);
    const { state } = await writer.write(path, items);
    assert.equal(state, 'written');
    assert.deepEqual(await readFile(path), whole);
    assert.ok(!(await readdir(dir)).includes('.resumed.x.zip.part'));
  }
  assert.equal((await writer.write(path, items)).state, 'kept');
});

test('stopped in the middle, what is written stays for the next run', async () => {
  const path = join(dir, 'stopped.x.zip');
  const stop = new AbortController();
  const work = writer.write(path, items, {
    signal: stop.signal,
    onBytes: () => stop.abort(new XError('STOPPED', 'stopped')),
  });
  await assert.rejects(work, (error) => error instanceof XError && error.code === 'STOPPED');
  assert.ok((await stat(join(dir, '.stopped.x.zip.part'))).size > 0);
  const { state } = await writer.write(path, items);
  assert.equal(state, 'written');
});

test('what is read back from the medium is held against what was written', async () => {
  const path = join(dir, 'back.x.zip');
  for (const strong of [false, true]) {
    await rm(path, { force: true });
    const { checks, sizeBytes } = await writer.write(path, items, { strong });
    assert.equal(checks.length, Math.ceil(sizeBytes / CHECKED_BYTES));
    let bytes = 0;
    await medium.readBack(path, checks, { onBytes: (count) => (bytes += count) });
    assert.equal(bytes, sizeBytes);
    const rotten = await readFile(path);
    rotten[4_000_000]! ^= 1;
    await writeFile(path, rotten);
    await assert.rejects(
      medium.readBack(path, checks, {}),
      (error) => error instanceof XError && error.code === 'VOLUME_DAMAGED',
    );
    await truncate(path, sizeBytes - 1);
    await assert.rejects(medium.readBack(path, checks, {}));
    await rename(path, `${path}.gone`);
    await assert.rejects(medium.readBack(path, checks, {}));
  }
});

test('progress counts every byte once, also where a volume has to be written anew', async () => {
  const path = join(dir, 'counted.x.zip');
  const { sizeBytes } = await writer.write(path, items);
  const rotten = await readFile(path);
  rotten[4_000_000]! ^= 1;
  await writeFile(path, rotten);
  let bytes = 0;
  const { state } = await writer.write(path, items, { onBytes: (count) => (bytes += count) });
  assert.equal(state, 'written');
  assert.equal(bytes, sizeBytes);
});

test('a folder is made with those above it; where none can be made, that is an error and no endless loop', async () => {
  const deep = join(dir, 'a', 'b', 'c');
  await makeFolder(deep);
  await makeFolder(deep);
  assert.ok((await stat(deep)).isDirectory());
  await writeFile(join(dir, 'file'), '');
  for (const path of [join(dir, 'file'), join(dir, 'file', 'below')])
    await assert.rejects(makeFolder(path));
  if (process.platform === 'linux') await assert.rejects(makeFolder('/proc/none/below'));
});

test('what one process writes no other one begins, under whatever name; it ends with the process', async (t) => {
  if (process.platform !== 'linux' && process.platform !== 'win32') {
    t.skip('nothing is reserved on this system');
    return;
  }
  const path = join(dir, 'new', 'reserved.x.zip');
  const release = await medium.reserve(path);
  const isBusy = (error: unknown): boolean =>
    error instanceof XError && error.code === 'IO_FAILED' && /another x/.test(error.message);
  await assert.rejects(medium.reserve(path), isBusy);
  await assert.rejects(medium.reserve(relative(process.cwd(), path)), isBusy);
  await (
    await medium.reserve(join(dir, 'new', 'other.x.zip'))
  )();
  await release();
  await (
    await medium.reserve(path)
  )();
});
