import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { checkMetadata, type CheckRequest } from '../../src/trust/check.js';
import { makeMetadata } from '../../src/trust/make.js';
import { readRoots } from '../../src/trust/published.js';
import { rotateRootChain } from '../../src/trust/roots.js';
import { accept, entries, identity, reader } from './sample.js';

const source = identity('source');
const now = new Date('2026-11-01T10:00:00Z');
const days = (count: number): Date => new Date(now.getTime() + count * 86_400_000);
const publish = (count: number, previous?: ReadonlyMap<string, Uint8Array>) =>
  makeMetadata({ bundle: 'demo', identity: source, entries: entries(count), previous, now }).files;

const first = publish(8);
const second = publish(9, first);
const request: CheckRequest = { bundle: 'demo', source: source.did, files: reader(second), now };

test('newer metadata replaces what is held', async () => {
  const checked = await accept({ ...request, held: first });
  assert.equal(checked.outcome, 'newer');
  assert.equal(checked.manifest.version, 2);
});

test('what is held already is "same", without a read beyond the timestamp and the end of the root chain', async () => {
  const read: string[] = [];
  const files = (name: string): Promise<Uint8Array | undefined> => {
    read.push(name);
    return Promise.resolve(second.get(name));
  };
  const checked = await accept({ ...request, files, held: second });
  assert.equal(checked.outcome, 'same');
  assert.equal(checked.manifest.entries.length, 9);
  assert.deepEqual(read, ['2.root.json', 'timestamp.json']);
});

test('older metadata, properly signed, is an outcome that the caller judges', async () => {
  const checked = await checkMetadata({ ...request, files: reader(first), held: second });
  assert.deepEqual(checked, { outcome: 'older', offeredVersion: 1, heldVersion: 2 });
});

test('older metadata that somebody else signed is not "older"', async () => {
  const thief = makeMetadata({
    bundle: 'demo',
    identity: identity('thief'),
    entries: [],
    now,
  }).files;
  const files = new Map([...first]).set('timestamp.json', thief.get('timestamp.json')!);
  await assert.rejects(
    checkMetadata({ ...request, files: reader(files), held: second }),
    (error: unknown) => error instanceof XError && error.code === 'SIGNATURE_INVALID',
  );
});

test('after a rotation of keys the versions of the old key no longer count', async () => {
  const heir = identity('heir');
  const mark = { bundle: 'demo', source: source.did, graceDays: 270 };
  const chain = rotateRootChain(readRoots(first), source, heir, mark, now);
  // The old key was stolen and has signed version 1000 000: the fast-forward attack of TUF 5.3.11.
  let stolen = first;
  for (let i = 0; i < 20; i += 1) stolen = publish(10 + i, stolen);
  const previous = new Map([...first, ...chain.files]);
  const next = makeMetadata({ bundle: 'demo', identity: heir, entries: entries(4), previous, now });
  assert.equal(next.manifest.version, 2);
  const checked = await accept({ ...request, files: reader(next.files), held: stolen });
  assert.equal(checked.outcome, 'newer');
  assert.equal(checked.manifest.entries.length, 4);
});

describe('expiry: metadata 90 days, then a signed grace of 270', () => {
  test('within its validity it is fresh to the last second', async () => {
    const last = new Date(days(90).getTime() - 1000);
    assert.equal((await accept({ ...request, now: last })).state, 'fresh');
  });
  test('then grace: taken, with a warning that says until when', async () => {
    const checked = await accept({ ...request, now: days(100) });
    assert.equal(checked.state, 'grace');
    assert.match(checked.warnings.join(), /expired 10 days ago; its grace lasts until 2027-10-27/);
  });
  test('past the grace new content is refused, with the age and the way out', async () => {
    await assert.rejects(accept({ ...request, held: first, now: days(361) }), (error: unknown) => {
      assert.ok(error instanceof XError);
      assert.equal(error.code, 'EXPIRED');
      assert.match(error.message, /271 days ago/);
      assert.match(error.hint ?? '', /--accept-stale/);
      return true;
    });
  });
  test('told to accept it, it is taken, and said to be stale', async () => {
    const checked = await accept({ ...request, now: days(361), acceptStale: true });
    assert.equal(checked.state, 'stale');
    assert.match(checked.warnings.join(), /271 days ago, and its grace of 270 days is over/);
  });
  test('what is held already stays, and is said to be stale', async () => {
    const checked = await accept({ ...request, held: second, now: days(400) });
    assert.deepEqual([checked.outcome, checked.state], ['same', 'stale']);
  });
});

test('held metadata that is damaged stops the check: rollback protection does not vanish', async () => {
  const held = new Map(first).set('1.snapshot.json', Buffer.from('{'));
  await assert.rejects(
    checkMetadata({ ...request, held }),
    (error: unknown) => error instanceof XError && error.code === 'STORE_DAMAGED',
  );
});

test('what the reader throws is what the caller gets', async () => {
  const gone = new Error('the stick was pulled');
  await assert.rejects(checkMetadata({ ...request, files: () => Promise.reject(gone) }), gone);
});
