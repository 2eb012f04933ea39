import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { XError, type ErrorCode } from '../../src/domain/errors.js';
import type { MetadataFiles } from '../../src/ports/catalog.js';
import {
  acceptMetadata,
  type AcceptRequest,
  type AcceptResult,
} from '../../src/operations/accept-metadata.js';
import { trustedNow } from '../../src/operations/trusted-now.js';
import { makeMetadata } from '../../src/trust/make.js';
import { forge, type Loose } from '../trust/forge.js';
import { identity } from '../trust/sample.js';
import { Machine } from './world.js';

let source: Machine;
let client: Machine;
let first: MetadataFiles;
let second: MetadataFiles;
let third: MetadataFiles;
before(async () => {
  source = await Machine.start('source');
  client = await Machine.start('client');
  first = source.catalog.metadata((await source.publish({ a: 1 })).record.id);
  second = source.catalog.metadata((await source.publish({ a: 1, b: 2 })).record.id);
  third = source.catalog.metadata((await source.publish({ a: 1, b: 2, c: 3 })).record.id);
});
after(async () => {
  await source.end();
  await client.end();
});

const offer = (files: MetadataFiles, more: Partial<AcceptRequest> = {}): Promise<AcceptResult> =>
  acceptMetadata(client, {
    bundle: 'demo',
    source: source.identity.did,
    files: (name) => Promise.resolve(files.get(name)),
    from: 'master 10.0.0.7:8471',
    trust: {},
    older: 'refuse',
    ...more,
  });
const rejects = (promise: Promise<unknown>, code: ErrorCode): Promise<void> =>
  assert.rejects(promise, (error: unknown) => error instanceof XError && error.code === code);

test('an unknown source is refused; let in, it is pinned and needs no further word', async () => {
  await rejects(offer(first), 'UNKNOWN_SOURCE');
  assert.deepEqual(client.catalog.pinnedSources(), []);
  const taken = await offer(first, { trust: { acceptNew: true } });
  assert.deepEqual([taken.outcome, taken.record.version, taken.record.role], ['new', 1, 'client']);
  assert.deepEqual(client.catalog.pinnedSources(), [
    {
      did: source.identity.did,
      firstSeen: '2026-11-01T10:00:00.000Z',
      how: 'master 10.0.0.7:8471',
    },
  ]);
  assert.equal((await offer(first)).outcome, 'same');
});

test('newer metadata is stored before anything of it is held', async () => {
  const taken = await offer(second);
  assert.deepEqual([taken.outcome, taken.record.version], ['newer', 2]);
  assert.equal(client.catalog.bundles()[0]?.entries, 4);
  assert.deepEqual(client.catalog.metadata(taken.record.id), second);
});

test('a master that offers older metadata is refused; a sibling that does is passed over', async () => {
  await rejects(offer(first), 'ROLLBACK');
  const passed = await offer(first, { older: 'pass-over', from: 'sibling' });
  assert.deepEqual([passed.outcome, passed.record.version], ['older', 2]);
  assert.match(passed.warnings.join(), /sibling offers "demo" at version 1; version 2 is held/);
  assert.equal(client.catalog.bundles()[0]?.version, 2);
});

test('a machine that is not on the list of masters may be behind, and that is said', async () => {
  const relay = { server: 'did:key:z6MkRelay', from: 'master relay' };
  const passed = await offer(first, relay);
  assert.deepEqual([passed.outcome, passed.record.version], ['older', 2]);
  const same = await offer(second, relay);
  assert.match(same.warnings.join(), /master relay is not among the masters that did:key/);
  const own = { server: source.identity.did };
  await rejects(offer(first, own), 'ROLLBACK');
  assert.deepEqual((await offer(second, own)).warnings, []);
});

test('metadata that does not hold changes nothing', async () => {
  const before = client.catalog.bundles();
  const broken = new Map(second).set('timestamp.json', Buffer.from('{}'));
  await rejects(offer(broken), 'METADATA_INVALID');
  assert.deepEqual(client.catalog.bundles(), before);
});

test('a clock that is behind the newest signing time is said, and not used', async () => {
  client.now = new Date('2020-01-01T00:00:00Z');
  const { now, warnings } = trustedNow(client);
  assert.equal(now.toISOString(), '2026-11-01T10:00:00.000Z');
  assert.match(warnings.join(), /clock says 2020-01-01/);
  const taken = await offer(second);
  assert.equal(taken.state, 'fresh');
  assert.equal(taken.warnings.length, 1);
});

test('a bundle from the future is said once it is taken, and why another then looks old', async (t) => {
  const ahead = await Machine.start('ahead');
  const other = await Machine.start('other');
  t.after(() => Promise.all([ahead.end(), other.end()]));
  ahead.now = new Date('2027-11-01T10:00:00Z');
  const { record } = await ahead.publish({ a: 1 });
  other.now = new Date('2026-11-01T10:00:00Z');
  const accept = (from: Machine, files: MetadataFiles): Promise<AcceptResult> =>
    acceptMetadata(other, {
      bundle: 'demo',
      source: from.identity.did,
      files: (name) => Promise.resolve(files.get(name)),
      from: 'stick',
      trust: { did: from.identity.did },
      older: 'pass-over',
    });
  const taken = await accept(ahead, ahead.catalog.metadata(record.id));
  assert.match(taken.warnings.join(), /"demo" was signed at 2027-11-01T\S+, and here it is 2026/);
  await assert.rejects(accept(source, second), (error: unknown) => {
    assert.ok(error instanceof XError && error.code === 'EXPIRED');
    return /clock says 2026-11-01\S+, but a bundle was signed at 2027-11-01/.test(error.message);
  });
});

test('a source that takes its own volume in stays its source', async () => {
  const own = await acceptMetadata(source, {
    bundle: 'demo',
    source: source.identity.did,
    files: (name) => Promise.resolve(first.get(name)),
    from: 'stick',
    trust: {},
    older: 'pass-over',
  });
  assert.deepEqual([own.outcome, own.record.role], ['older', 'source']);
});

test('older metadata that was checked against what is no longer held does not replace newer', async () => {
  const machine = await Machine.start('raced');
  try {
    const from = {
      trust: { did: source.identity.did },
      from: 'stick',
      older: 'pass-over',
    } as const;
    const offerTo = (files: AcceptRequest['files']): Promise<AcceptResult> =>
      acceptMetadata(machine, { bundle: 'demo', source: source.identity.did, files, ...from });
    await offerTo((name) => Promise.resolve(first.get(name)));
    let overtaken = false;
    const slow = await offerTo(async (name) => {
      if (!overtaken && name.endsWith('.targets.json')) {
        overtaken = true;
        await offerTo((other) => Promise.resolve(third.get(other)));
      }
      return second.get(name);
    });
    assert.deepEqual([overtaken, slow.outcome, slow.record.version], [true, 'older', 3]);
    assert.deepEqual(machine.catalog.metadata(slow.record.id), third);
  } finally {
    await machine.end();
  }
});

test('a bundle that is saved by others at every try is given up on, and nothing is replaced', async () => {
  const machine = await Machine.start('busy');
  try {
    await acceptMetadata(machine, {
      bundle: 'demo',
      source: source.identity.did,
      files: (name) => Promise.resolve(first.get(name)),
      from: 'stick',
      trust: { acceptNew: true },
      older: 'refuse',
    });
    machine.catalog.replaceBundle = () => undefined;
    const busy = acceptMetadata(machine, {
      bundle: 'demo',
      source: source.identity.did,
      files: (name) => Promise.resolve(second.get(name)),
      from: 'stick',
      trust: {},
      older: 'refuse',
    });
    await rejects(busy, 'DATA_FOLDER_BUSY');
    assert.equal(machine.catalog.bundles()[0]?.version, 1);
  } finally {
    await machine.end();
  }
});

test('names and DIDs that can be none are refused before anyone is asked, however well signed', async () => {
  const evil = identity('evil');
  const made = makeMetadata({ bundle: 'demo', identity: evil, entries: [], now: source.now });
  const asked: string[] = [];
  const ask = ({ bundle }: { bundle: string }): Promise<boolean> => {
    asked.push(bundle);
    return Promise.resolve(true);
  };
  for (const bundle of ['../escaped', 'a\nb', '\u001b[2Jtrust me', '', 'A', 'x'.repeat(65)]) {
    const rename = (signed: Loose): void => {
      signed.x.bundle = bundle;
    };
    const roles = [...made.files.keys()].map((name) => name.replace(/^\d+\./, '').slice(0, -5));
    const files = forge(made.files, evil, {
      edit: Object.fromEntries(roles.map((role) => [role, rename])),
    });
    const offered = offer(files, { bundle, source: evil.did, trust: { ask } });
    await assert.rejects(offered, (error: unknown) => {
      assert.ok(error instanceof XError && error.code === 'METADATA_INVALID', String(error));
      assert.doesNotMatch(error.message, /[\u0000-\u001f]/);
      return true;
    });
  }
  await rejects(
    offer(made.files, { source: 'did:key:zGOOD\u001b[8m', trust: { ask } }),
    'METADATA_INVALID',
  );
  assert.deepEqual(asked, []);
});
