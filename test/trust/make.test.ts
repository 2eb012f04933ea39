import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '../../src/domain/digest.js';
import { XError } from '../../src/domain/errors.js';
import { makeMetadata } from '../../src/trust/make.js';
import { rotateRootChain } from '../../src/trust/roots.js';
import { readRoots } from '../../src/trust/published.js';
import { accept, entries, entry, identity, reader } from './sample.js';

const source = identity('source');
const now = new Date('2026-11-01T10:00:00.500Z');
const later = (days: number): Date => new Date(now.getTime() + days * 86_400_000);
const base = { bundle: 'demo', identity: source, now };

test('what is made is accepted, and the manifest of both sides is the same', async () => {
  const made = makeMetadata({ ...base, entries: entries(300).reverse(), masters: [source.did] });
  const checked = await accept({
    bundle: 'demo',
    source: source.did,
    files: reader(made.files),
    now,
  });
  assert.deepEqual(checked.manifest, made.manifest);
  assert.deepEqual(checked.files, made.files);
  assert.equal(checked.outcome, 'new');
  assert.equal(checked.state, 'fresh');
  assert.deepEqual(checked.warnings, []);
  assert.deepEqual(checked.masters, [source.did]);
  assert.equal(made.manifest.entries.length, 300);
  assert.equal(made.manifest.version, 1);
  assert.equal(made.manifest.signedAt, '2026-11-01T10:00:00Z');
  assert.equal(made.manifest.expiresAt, '2027-01-30T10:00:00Z');
  assert.equal(made.manifest.graceDays, 270);
});

test('an empty bundle and one with an empty file hold too', async () => {
  const nothing = sha256('');
  for (const list of [[], [entry(1, { lengthBytes: 0, sha256: nothing, pieceRoot: nothing })]]) {
    const made = makeMetadata({ ...base, entries: list });
    const files = reader(made.files);
    const checked = await accept({ bundle: 'demo', source: source.did, files, now });
    assert.deepEqual(checked.manifest.entries, list);
  }
});

test('the same request gives the same bytes, whatever the order of entries and members', () => {
  const shuffled = entries(50).map((one) => Object.fromEntries(Object.entries(one).reverse()));
  const a = makeMetadata({ ...base, entries: entries(50) });
  const b = makeMetadata({ ...base, entries: shuffled.reverse() as never });
  assert.deepEqual([...a.files].sort(), [...b.files].sort());
});

test('nothing changed: the same files, until they are to be signed afresh', () => {
  const first = makeMetadata({ ...base, entries: entries(50) });
  const soon = makeMetadata({
    ...base,
    entries: entries(50),
    previous: first.files,
    now: later(20),
  });
  assert.equal(soon.changed, false);
  assert.deepEqual(soon.files, first.files);
  assert.deepEqual(soon.manifest, first.manifest);
  const late = makeMetadata({
    ...base,
    entries: entries(50),
    previous: first.files,
    now: later(31),
  });
  assert.equal(late.changed, true);
  assert.equal(late.manifest.version, 2);
  assert.equal(late.manifest.expiresAt, '2027-03-02T10:00:00Z');
});

test('a change signs its own bin and the files above; the other bins are kept', () => {
  const first = makeMetadata({ ...base, entries: entries(1000) });
  const changed = entries(1000).map((one, i) => (i === 7 ? { ...one, version: '1.1' } : one));
  const second = makeMetadata({ ...base, entries: changed, previous: first.files, now: later(1) });
  const fresh = [...second.files.keys()].filter((name) => !first.files.has(name)).sort();
  assert.equal(fresh.filter((name) => name.includes('.bin-')).length, 1);
  assert.ok(fresh.includes('2.snapshot.json') && fresh.includes('2.targets.json'));
  assert.equal(second.manifest.version, 2);
  assert.notEqual(second.manifest.digest, first.manifest.digest);
});

test('grace, masters and extra are signed, and a change of them is a change', async () => {
  const first = makeMetadata({ ...base, entries: entries(5) });
  const masters = [source.did, identity('mirror').did];
  const extra = { aptKey: 'ABCD', revoked: [3, 4] };
  const second = makeMetadata({
    ...base,
    entries: entries(5),
    previous: first.files,
    masters,
    extra,
    graceDays: 10,
  });
  const files = reader(second.files);
  const checked = await accept({ bundle: 'demo', source: source.did, files, now });
  assert.deepEqual(checked.masters, masters);
  assert.deepEqual(checked.extra, extra);
  assert.equal(checked.manifest.graceDays, 10);
  assert.equal(second.manifest.version, 2);
});

test('a bundle that grows divides its bins further, and clients follow it', async () => {
  const held = makeMetadata({ ...base, entries: entries(150) });
  const grown = makeMetadata({ ...base, entries: entries(4000), previous: held.files });
  const request = { bundle: 'demo', source: source.did, now };
  const checked = await accept({ ...request, files: reader(grown.files), held: held.files });
  assert.equal(checked.outcome, 'newer');
  assert.equal(checked.manifest.entries.length, 4000);
  const shrunk = makeMetadata({ ...base, entries: entries(2), previous: grown.files });
  const after = await accept({ ...request, files: reader(shrunk.files), held: checked.files });
  assert.equal(after.manifest.entries.length, 2);
});

test('only changed files are read again', async () => {
  const held = makeMetadata({ ...base, entries: entries(1000) });
  const next = makeMetadata({
    ...base,
    entries: [...entries(1000), entry(1001)],
    previous: held.files,
  });
  const read: string[] = [];
  const files = (name: string): Promise<Uint8Array | undefined> => {
    read.push(name);
    return Promise.resolve(next.files.get(name));
  };
  await accept({ bundle: 'demo', source: source.did, files, held: held.files, now });
  assert.equal(read.filter((name) => name.includes('.bin-')).length, 1);
  assert.ok(!read.includes('1.root.json'));
});

test('the root is signed anew in its last year, and a rotation hands the roles to another key', async () => {
  const first = makeMetadata({ ...base, entries: entries(5) });
  const years = later(4 * 365 + 5);
  const renewed = makeMetadata({ ...base, entries: entries(5), previous: first.files, now: years });
  assert.ok(renewed.files.has('2.root.json'));
  const heir = identity('heir');
  const mark = { bundle: 'demo', source: source.did, graceDays: 270 };
  const chain = rotateRootChain(readRoots(renewed.files), source, heir, mark, years);
  const previous = new Map([...renewed.files, ...chain.files]);
  const third = makeMetadata({
    bundle: 'demo',
    identity: heir,
    entries: entries(6),
    previous,
    now: years,
  });
  const checked = await accept({
    bundle: 'demo',
    source: source.did,
    files: reader(third.files),
    held: first.files,
    now: years,
  });
  assert.equal(checked.manifest.source, source.did);
  assert.equal(checked.manifest.entries.length, 6);
  assert.ok(checked.files.has('3.root.json'));
  assert.throws(
    () => makeMetadata({ ...base, entries: entries(6), previous: third.files, now: years }),
    (error: unknown) => error instanceof XError && error.code === 'SIGNATURE_INVALID',
  );
});

test('entries that no client would accept are not signed', () => {
  const wrong = [
    [entry(1, { path: '../evil' })],
    [entry(1, { sha256: 'ABC' })],
    [entry(1, { lengthBytes: -1 })],
    [entry(1, { detail: { ratio: 0.5 } })],
    [entry(1), entry(2, { path: entry(1).path.toUpperCase() })],
    [entry(1), entry(2, { path: `${entry(1).path}/inside` })],
    [entry(1), entry(2, { sha256: entry(1).sha256 })],
    [entry(1), entry(1)],
  ];
  for (const list of wrong) {
    assert.throws(
      () => makeMetadata({ ...base, entries: list }),
      (error: unknown) => error instanceof XError && error.code === 'METADATA_INVALID',
    );
  }
});

test('the last metadata, damaged, is not silently started over', () => {
  const first = makeMetadata({ ...base, entries: entries(5) });
  const previous = new Map(first.files).set('timestamp.json', Buffer.from('{'));
  assert.throws(
    () => makeMetadata({ ...base, entries: entries(5), previous }),
    (error: unknown) => error instanceof XError && error.code === 'STORE_DAMAGED',
  );
});

test('20,000 targets are signed and checked without a long wait', async () => {
  const list = entries(20_000);
  const started = process.cpuUsage();
  const made = makeMetadata({ ...base, entries: list });
  const checked = await accept({
    bundle: 'demo',
    source: source.did,
    files: reader(made.files),
    now,
  });
  const { user, system } = process.cpuUsage(started);
  assert.equal(checked.manifest.entries.length, 20_000);
  // About two seconds of processor time; a quadratic step anywhere would take minutes.
  assert.ok((user + system) / 1e6 < 20, `${(user + system) / 1e6} s of processor time`);
});
