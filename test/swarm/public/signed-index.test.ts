import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS } from '../../../src/domain/bounds.js';
import { sha256 } from '../../../src/domain/digest.js';
import { XError } from '../../../src/domain/errors.js';
import { indexName } from '../../../src/domain/index-name.js';
import { readIndexStatement, signIndexStatement } from '../../../src/network/index-statement.js';
import { withTrustedIndexes } from '../../../src/operations/trusted-indexes.js';
import type { SeenIndex, TrustedIndexes } from '../../../src/ports/seen-indexes.js';
import type { Upstream, UpstreamPage } from '../../../src/ports/upstream.js';
import { FrameStream } from '../../../src/swarm/frames.js';
import { IndexClient } from '../../../src/swarm/public/index-client.js';
import { INDEX_PROTOCOL, IndexServer } from '../../../src/swarm/public/index-server.js';
import { SeenIndexMemory } from '../../../src/swarm/public/seen-index-memory.js';
import { IndexReply } from '../../../src/swarm/public/index.pb.js';
import { identityFromSeed } from '../../../src/trust/identity.js';
import { noise, systemClock } from '../nodes.js';
import { LoopbackHost } from './loopback-host.js';

const NAME = indexName('https://index.example/simple/x/', '*/*');
const NOW = Date.UTC(2026, 0, 1);
const author = identityFromSeed(new Uint8Array(32).fill(1));
const statement = {
  name: NAME,
  sha256: sha256('page'),
  lengthBytes: 4,
  contentType: 'text/html',
  seenAtMs: NOW,
};

test('a statement is its author’s, of this page, and of no time to come', () => {
  const bytes = signIndexStatement(statement, author);
  const expected = { name: NAME, author: author.did, now: NOW };
  assert.deepEqual(readIndexStatement(bytes, expected), statement);
  const other = identityFromSeed(new Uint8Array(32).fill(2));
  assert.equal(readIndexStatement(bytes, { ...expected, author: other.did }), undefined);
  assert.equal(readIndexStatement(bytes, { ...expected, name: sha256('other') }), undefined);
  assert.equal(readIndexStatement(bytes, { ...expected, now: NOW - 3_600_000 }), undefined);
  const altered = Buffer.from(bytes.toString().replace('text/html', 'text/xml '));
  assert.equal(readIndexStatement(altered, expected), undefined);
});

interface Served {
  host: LoopbackHost;
  seen: SeenIndexMemory;
}

async function serve(number: number, isStable = true): Promise<Served> {
  const host = await LoopbackHost.start(number);
  const seen = new SeenIndexMemory();
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, number);
  const identity = identityFromSeed(seed);
  await new IndexServer({ seen, identity, isStable: () => isStable, now: Date.now }).start(host);
  return { host, seen };
}

test('the newest that a trusted node saw comes, whole and long; liars and strangers bring nothing', async () => {
  const asker = await LoopbackHost.start(1);
  const older = await serve(2);
  const newer = await serve(3);
  const young = await serve(4, false);
  const liar = await LoopbackHost.start(5);
  const hosts = [asker, older.host, newer.host, young.host, liar];
  try {
    const page = (bytes: Uint8Array, seenAtMs: number): SeenIndex => ({
      bytes,
      contentType: 'text/html',
      seenAt: new Date(seenAtMs),
    });
    const long = noise(3_000_001, 1);
    older.seen.note(NAME, page(noise(10, 2), NOW));
    newer.seen.note(NAME, page(long, NOW + 1_000));
    young.seen.note(NAME, page(noise(10, 3), NOW + 2_000));
    await liar.handle(
      INDEX_PROTOCOL,
      (stream) => {
        const frames = new FrameStream(stream, {
          onFrame: () => {
            const forged = signIndexStatement({ ...statement, seenAtMs: NOW + 3_000 }, author);
            const data = Uint8Array.from(Buffer.from('page'));
            frames.send(
              IndexReply.encode({ statement: Uint8Array.from(forged), data, last: true }),
            );
          },
          onEnd: () => undefined,
        });
      },
      { inbound: 4, outbound: 4 },
    );
    const reach = (did: string) =>
      asker.connect(
        { did, addresses: hosts.find((host) => host.did === did)?.addresses() ?? [] },
        AbortSignal.timeout(10_000),
      );
    const nobody = identityFromSeed(new Uint8Array(32).fill(9)).did;
    const trusted = [older.host.did, newer.host.did, young.host.did, liar.did, nobody];
    const client = new IndexClient({ trusted, reach, now: Date.now });
    const found = await client.find(NAME, AbortSignal.timeout(30_000));
    assert.equal(found?.seenAt.getTime(), NOW + 1_000);
    assert.equal(found.seenBy, newer.host.did);
    assert.equal(Buffer.compare(found.bytes, long), 0);
    assert.equal(await client.find(sha256('other'), AbortSignal.timeout(30_000)), undefined);
  } finally {
    for (const host of hosts) await host.stop();
  }
});

test('an install asks for 500 pages at once: each waits for its turn and comes, another network’s at once', async () => {
  // Time goes by twenty times as fast for the server: 16 pages a second are 320.
  const startMs = Date.now();
  const now = (): number => startMs + 20 * performance.now();
  const server = await LoopbackHost.start(6);
  const [asker, other] = [await LoopbackHost.start(7), await LoopbackHost.start(8)];
  const seen = new SeenIndexMemory();
  const seed = new Uint8Array(32);
  new DataView(seed.buffer).setUint32(0, 6);
  try {
    const identity = identityFromSeed(seed);
    await new IndexServer({ seen, identity, isStable: () => true, now }).start(server);
    const names = Array.from({ length: 500 }, (_, i) =>
      indexName(`https://registry.example/p${i}`, '*/*'),
    );
    for (const [i, name] of names.entries())
      seen.note(name, {
        bytes: noise(2_000, i + 1),
        contentType: 'text/html',
        seenAt: new Date(NOW),
      });
    const clientOf = (host: LoopbackHost): IndexClient =>
      new IndexClient({
        trusted: [server.did],
        reach: (did, signal) => host.connect({ did, addresses: server.addresses() }, signal),
        now: Date.now,
      });
    const signal = AbortSignal.timeout(240_000);
    const client = clientOf(asker);
    const beganMs = now();
    let left = names.length;
    const all = names.map(async (name) => {
      const page = await client.find(name, signal);
      left -= 1;
      return page;
    });
    const stranger = await clientOf(other).find(names[0]!, signal);
    assert.ok(stranger !== undefined, 'another network has a bucket of its own');
    assert.ok(left > 0, 'it did not wait for the others');
    const pages = await Promise.all(all);
    for (const [i, page] of pages.entries())
      assert.deepEqual(
        page && Buffer.from(page.bytes),
        Buffer.from(noise(2_000, i + 1)),
        `page ${i}`,
      );
    // More than a burst, so most of them waited.
    assert.ok(now() - beganMs >= (1_000 * (500 - BOUNDS.indexBurst)) / BOUNDS.indexesPerSecond);
  } finally {
    for (const host of [asker, other, server]) await host.stop();
  }
});

const URL_ = 'https://index.example/simple/x/';

function upstreamOf(read: () => Promise<UpstreamPage>): Upstream {
  return { open: () => Promise.reject(new Error('not asked for')), read };
}

function trustedOf(page: SeenIndex | undefined, asked: string[] = []): TrustedIndexes {
  return {
    find: (name) => {
      asked.push(name);
      return Promise.resolve(page);
    },
  };
}

const silence = (): Promise<never> =>
  Promise.reject(new XError('UPSTREAM_UNREACHABLE', 'nobody answers'));
const request = { ecosystem: 'pypi', url: URL_, isPublic: true, lastSeenAfterMs: 5_000 } as const;
const bytes = Uint8Array.of(1);

test('an official source that answers is not second-guessed, and what it says is shown to others', async () => {
  const seen = new SeenIndexMemory();
  const asked: string[] = [];
  const trusted = trustedOf({ bytes, contentType: '', seenAt: new Date() }, asked);
  const live = { url: URL_, bytes: Uint8Array.of(7), contentType: 'text/html' };
  const of = (read: () => Promise<UpstreamPage>): Upstream =>
    withTrustedIndexes({ upstream: upstreamOf(read), seen, trusted, clock: systemClock });
  assert.deepEqual(await of(() => Promise.resolve(live)).read(request, 100), live);
  assert.deepEqual(seen.get(indexName(URL_, '*/*'))?.bytes, live.bytes);
  const missing = (): Promise<never> => Promise.reject(new XError('PACKAGE_NOT_FOUND', 'no'));
  await assert.rejects(of(missing).read(request, 100), { code: 'PACKAGE_NOT_FOUND' });
  // Private: nobody hears its name, or is shown it.
  const secret = { ...request, url: `${URL_}secret`, isPublic: false };
  await assert.rejects(of(silence).read(secret, 100), { code: 'UPSTREAM_UNREACHABLE' });
  await of(() => Promise.resolve(live)).read(secret, 100);
  assert.equal(seen.get(indexName(secret.url, '*/*')), undefined);
  assert.deepEqual(asked, []);
});

test('where it is silent the newest page stands in, this machine’s own or a trusted one’s, with its age', async () => {
  const shown = { bytes, contentType: 'text/html', seenAt: new Date(NOW) };
  const of = (read: () => Promise<UpstreamPage>, page: SeenIndex | undefined): Upstream =>
    withTrustedIndexes({
      upstream: upstreamOf(read),
      seen: new SeenIndexMemory(),
      trusted: trustedOf(page),
      clock: systemClock,
    });
  const page = await of(silence, shown).read(request, 100);
  assert.deepEqual(page, { url: URL_, ...shown });
  const own = (atMs: number) => (): Promise<UpstreamPage> =>
    Promise.resolve({
      url: URL_,
      bytes: Uint8Array.of(9),
      contentType: '',
      seenAt: new Date(atMs),
    });
  assert.deepEqual((await of(own(NOW + 1), shown).read(request, 100)).bytes, Uint8Array.of(9));
  assert.deepEqual((await of(own(NOW - 1), shown).read(request, 100)).bytes, bytes);
  await assert.rejects(of(silence, undefined).read(request, 100), { code: 'UPSTREAM_UNREACHABLE' });
  await assert.rejects(of(silence, shown).read(request, 0), { code: 'UPSTREAM_UNREACHABLE' });
  // It hangs: nobody waits for it longer than the request says.
  const hangs = (): Promise<never> => new Promise(() => undefined);
  const soon = { ...request, lastSeenAfterMs: 10 };
  assert.deepEqual((await of(hangs, shown).read(soon, 100)).seenAt, shown.seenAt);
});
