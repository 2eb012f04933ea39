import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test, type TestContext } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import { sha256, sha512, type Digests } from '../../src/domain/digest.js';
import { XError } from '../../src/domain/errors.js';
import { PIECE_SIZE_BYTES } from '../../src/domain/piece.js';
import { storeContent } from '../../src/gateway/content.js';
import { createGateway } from '../../src/gateway/open-gateway.js';
import { PassedArtifacts } from '../../src/operations/pass-artifact.js';
import { createPrefetch } from '../../src/operations/prefetch.js';
import { keepQuota, quotaOnDisk, RecentUse, roomOnDisk } from '../../src/operations/keep-quota.js';
import type { GatewayServer } from '../../src/ports/ecosystem.js';
import type { PassedArtifact, Providers } from '../../src/ports/passing.js';
import type { Store } from '../../src/ports/store.js';
import type { UpstreamBody, UpstreamRequest } from '../../src/ports/upstream.js';
import { inChunks, sampleBytes } from '../contract/store.js';
import { markedWorld } from '../store/marked-world.js';
import { steady } from '../upstream/http-harness.js';
import { emptyView, realClock, raw } from './harness.js';

const LENGTH = 8 * PIECE_SIZE_BYTES + 123;

interface Sent {
  bytes: Uint8Array;
  /** Undefined: nobody says how long it is. */
  lengthBytes?: number | undefined;
  /** Breaks once after so many bytes. */
  breaksAfter?: number;
  /** Waits for it before the second half. */
  pause?: Promise<void>;
  fails?: XError;
}

/** A gateway whose official source sends what a test says, by address. */
async function passingWorld(t: TestContext, providers?: Providers) {
  const world = await markedWorld();
  const { store } = world.temporary.current;
  const sends = new Map<string, Sent>();
  const asked: UpstreamRequest[] = [];
  const warned: string[] = [];
  const origins: string[] = [];
  const stop = new AbortController();
  const open = async (request: UpstreamRequest): Promise<UpstreamBody> => {
    asked.push(request);
    await Promise.resolve();
    const sent = sends.get(request.url);
    if (sent === undefined) throw new XError('PACKAGE_NOT_FOUND', `GET ${request.url}: 404`);
    const offset = request.offset ?? 0;
    async function* stream(): AsyncGenerator<Uint8Array> {
      const { bytes, breaksAfter, pause } = sent as Sent;
      let at = offset;
      if (sent?.fails !== undefined) throw sent.fails;
      for await (const chunk of inChunks(bytes.subarray(offset), 50_000)) {
        if (pause !== undefined && at > bytes.length / 2) await pause;
        if (breaksAfter !== undefined && at >= breaksAfter) {
          delete (sent as Sent).breaksAfter;
          throw new XError('UPSTREAM_UNREACHABLE', 'the line broke');
        }
        at += chunk.length;
        yield chunk;
      }
    }
    const lengthBytes = 'lengthBytes' in sent ? sent.lengthBytes : sent.bytes.length;
    const common = { url: request.url, contentType: undefined, etag: undefined };
    return { ...common, lengthBytes, offset, stream: stream() };
  };
  const passing = new PassedArtifacts({
    store,
    marked: world.marked,
    providers,
    upstream: { open },
    clock: { ...realClock, sleep: () => Promise.resolve() },
    random: steady,
    warn: (message) => warned.push(message),
    onUsed: () => undefined,
    signal: stop.signal,
  });
  const artifacts = new Map<string, PassedArtifact>();
  const server: GatewayServer = {
    name: 'pypi',
    mount: 'pass',
    commands: [],
    respond: (request) => {
      const artifact = artifacts.get(request.path);
      return Promise.resolve(
        artifact === undefined
          ? { kind: 'not-found', ecosystem: 'pypi', what: request.path }
          : { kind: 'passed', headers: {}, artifact },
      );
    },
  };
  const gateway = createGateway({
    servers: [server],
    view: emptyView,
    content: storeContent(store, () => Promise.reject(new Error('nobody'))),
    passing,
    onOrigin: (origin) => origins.push(origin),
    clock: realClock,
    log: ({ message }) => warned.push(message),
    options: { host: '127.0.0.1', port: 0 },
  });
  const { url, port } = await gateway.listen();
  t.after(async () => {
    stop.abort(new Error('the test is over'));
    await gateway.close();
    await world.dispose();
  });
  const serve = (name: string, promised: Uint8Array, more: Partial<PassedArtifact> = {}): void => {
    artifacts.set(name, {
      ecosystem: 'pypi',
      urls: [`up://${name}`],
      digests: { sha256: sha256(promised) },
      sizeBytes: promised.length,
      name,
      isPrivate: false,
      ...more,
    });
  };
  const get = async (name: string, headers: Record<string, string> = {}) => {
    const answer = await fetch(`${url}/pass/${name}`, { headers });
    const received: Buffer[] = [];
    let broken = false;
    try {
      for await (const chunk of answer.body ?? []) received.push(Buffer.from(chunk));
    } catch {
      broken = true;
    }
    return {
      status: answer.status,
      headers: answer.headers,
      bytes: Buffer.concat(received),
      broken,
    };
  };
  return {
    ...world,
    store,
    sends,
    asked,
    warned,
    origins,
    passing,
    artifacts,
    serve,
    get,
    port,
    stop,
  };
}

test('a file is passed on while it comes, kept, and then answered from what is kept', async (t) => {
  const { sends, serve, get, asked, origins, store } = await passingWorld(t);
  const bytes = sampleBytes(LENGTH, 'good');
  sends.set('up://a', { bytes });
  serve('a', bytes);
  const first = await get('a');
  assert.equal(first.status, 200);
  assert.ok(first.bytes.equals(bytes));
  assert.equal(first.headers.get('content-length'), String(LENGTH));
  assert.ok(store.stat(sha256(bytes)));
  const second = await get('a');
  assert.ok(second.bytes.equals(bytes));
  assert.equal(second.headers.get('etag'), first.headers.get('etag'));
  assert.deepEqual(origins, ['upstream', 'store']);
  assert.equal(asked.length, 1);
});

for (const [what, lie] of Object.entries({
  'one flipped bit at the end': (bytes: Buffer) =>
    bytes.writeUInt8(bytes.readUInt8(LENGTH - 1) ^ 1, LENGTH - 1),
  'one flipped bit at the start': (bytes: Buffer) => bytes.writeUInt8(bytes.readUInt8(0) ^ 1, 0),
})) {
  for (const length of [LENGTH, undefined]) {
    test(`${what}, length ${length ?? 'unknown'}: the last piece never leaves, and nothing is kept`, async (t) => {
      const { sends, serve, get, store, warned } = await passingWorld(t);
      const promised = sampleBytes(LENGTH, 'promised');
      const bytes = Buffer.from(promised);
      lie(bytes);
      sends.set('up://a', { bytes, lengthBytes: length });
      serve('a', promised, { sizeBytes: length });
      const { bytes: got, broken } = await get('a');
      assert.ok(broken, 'the client sees that it is not whole');
      assert.ok(got.length <= LENGTH - PIECE_SIZE_BYTES, `${got.length} bytes left`);
      assert.deepEqual(store.totals(), { blobs: 0, bytes: 0 });
      assert.ok(warned.some((line) => line.includes('not what its index promises')));
      // The official source mends itself: nothing of before stands in the way.
      sends.set('up://a', { bytes: promised });
      assert.ok((await get('a')).bytes.equals(promised));
    });
  }
}

test('a short file that does not match is not sent at all; one of another length neither', async (t) => {
  const { sends, serve, get, store } = await passingWorld(t);
  const promised = sampleBytes(10_000, 'promised');
  serve('a', promised);
  for (const bytes of [
    sampleBytes(10_000, 'lie'),
    sampleBytes(9_999, 'short'),
    sampleBytes(LENGTH, 'long'),
  ]) {
    sends.set('up://a', { bytes });
    const { status, bytes: got } = await get('a');
    assert.equal(status, 502);
    assert.ok(!got.includes(bytes.subarray(0, 100)));
  }
  // It says the right length and sends less, or more.
  for (const bytes of [sampleBytes(9_999, 'short'), sampleBytes(10_001, 'long')]) {
    sends.set('up://a', { bytes, lengthBytes: 10_000 });
    assert.equal((await get('a')).status, 502);
  }
  assert.deepEqual(store.totals(), { blobs: 0, bytes: 0 });
});

test('the right sha256 with a wrong sha512 is as wrong', async (t) => {
  const { sends, serve, get, store } = await passingWorld(t);
  const bytes = sampleBytes(10_000, 'both');
  const digests: Digests = { sha256: sha256(bytes), sha512: sha512('another') };
  sends.set('up://a', { bytes });
  serve('a', bytes, { digests });
  assert.equal((await get('a')).status, 502);
  assert.deepEqual(store.totals(), { blobs: 0, bytes: 0 });
  serve('a', bytes, { digests: { sha512: sha512(bytes) } });
  assert.ok((await get('a')).bytes.equals(bytes));
});

test('a range inside waits for the whole; one to the end is passed on, its last piece held back', async (t) => {
  const { sends, serve, get, store } = await passingWorld(t);
  const promised = sampleBytes(LENGTH, 'ranges');
  const bytes = Buffer.from(promised);
  bytes.writeUInt8(bytes.readUInt8(LENGTH - 1) ^ 1, LENGTH - 1);
  sends.set('up://a', { bytes });
  serve('a', promised);
  const inside = await get('a', { range: 'bytes=0-999' });
  assert.equal(inside.status, 502);
  const tail = await get('a', { range: `bytes=${LENGTH - 1_000}-` });
  assert.equal(tail.status, 502);
  assert.deepEqual(store.totals(), { blobs: 0, bytes: 0 });
  sends.set('up://a', { bytes: promised });
  const resumed = await get('a', { range: `bytes=${PIECE_SIZE_BYTES}-` });
  assert.equal(resumed.status, 206);
  assert.equal(
    resumed.headers.get('content-range'),
    `bytes ${PIECE_SIZE_BYTES}-${LENGTH - 1}/${LENGTH}`,
  );
  assert.ok(resumed.bytes.equals(promised.subarray(PIECE_SIZE_BYTES)));
  const part = await get('a', { range: 'bytes=10-19' });
  assert.ok(part.bytes.equals(promised.subarray(10, 20)));
});

test('many who ask at once are answered by one download, which no client ends', async (t) => {
  const { sends, serve, get, asked, port, store } = await passingWorld(t);
  const bytes = sampleBytes(LENGTH, 'many');
  let go = (): void => undefined;
  sends.set('up://a', { bytes, pause: new Promise<void>((resolve) => (go = resolve)) });
  serve('a', bytes);
  const clients = Array.from({ length: 5 }, () => get('a'));
  // Goes away in the middle.
  const left = await raw(
    port,
    'GET /pass/a HTTP/1.1\r\nHost: localhost\r\n\r\n',
    (text) => text.length > 500_000,
  );
  assert.ok(left.length < LENGTH);
  go();
  for (const { bytes: got } of await Promise.all(clients)) assert.ok(got.equals(bytes));
  assert.equal(asked.length, 1);
  assert.ok(store.stat(sha256(bytes)));
});

test('a line that breaks is taken up where it broke', async (t) => {
  const { sends, serve, get, asked } = await passingWorld(t);
  const bytes = sampleBytes(LENGTH, 'breaks');
  sends.set('up://a', { bytes, breaksAfter: 1_000_000 });
  serve('a', bytes);
  assert.ok((await get('a')).bytes.equals(bytes));
  assert.deepEqual(
    asked.map(({ offset }) => offset),
    [0, 1_000_000],
  );
});

test('another address is asked where one does not have it; nobody has it: 404', async (t) => {
  const { sends, serve, get } = await passingWorld(t);
  const bytes = sampleBytes(1_000, 'second');
  sends.set('up://second', { bytes });
  serve('a', bytes, { urls: ['up://first', 'up://second'] });
  assert.ok((await get('a')).bytes.equals(bytes));
  serve('b', sampleBytes(1_000, 'none'), { urls: ['up://nowhere'] });
  assert.equal((await get('b')).status, 404);
});

test('a marked file is read where it lies; once it changed the official source is asked', async (t) => {
  const { add, serve, sends, get, asked, origins, path, lost } = await passingWorld(t);
  const bytes = sampleBytes(LENGTH, 'marked');
  await add(bytes, 'a.tgz');
  serve('a', bytes);
  assert.ok((await get('a')).bytes.equals(bytes));
  assert.deepEqual([origins, asked.length], [['local'], 0]);
  await writeFile(path('a.tgz'), sampleBytes(LENGTH, 'forged'));
  sends.set('up://a', { bytes });
  const after = await get('a');
  assert.ok(after.bytes.equals(bytes) && !after.broken);
  assert.equal(lost.length, 1);
  assert.equal(asked.length, 1);
});

for (const mends of [true, false]) {
  const end = mends ? 'the answer goes on with what the official source has' : 'it breaks off';
  test(`a marked file changes while it is sent: ${end}`, async (t) => {
    const { add, serve, sends, port, path, store } = await passingWorld(t);
    const bytes = sampleBytes(32 << 20, 'long');
    await add(bytes, 'a.tgz');
    serve('a', bytes);
    if (mends) sends.set('up://a', { bytes });
    const answer = await fetch(`http://127.0.0.1:${port}/pass/a`);
    const got: Buffer[] = [];
    const read = async (): Promise<void> => {
      for await (const chunk of answer.body ?? []) {
        // More than the sockets hold is still to be read from the file.
        if (got.length === 0) await writeFile(path('a.tgz'), sampleBytes(32 << 20, 'forged'));
        got.push(Buffer.from(chunk));
      }
    };
    if (mends) await read();
    else await assert.rejects(read());
    const all = Buffer.concat(got);
    assert.ok(all.length > 0 && all.equals(bytes.subarray(0, all.length)));
    assert.equal(all.length === bytes.length, mends);
    assert.equal(store.stat(sha256(bytes)) !== undefined, mends);
  });
}

test('providers are asked first, for what is public alone, and not believed', async (t) => {
  const known = new Map<string, Uint8Array>();
  const wanted: string[] = [];
  const opened: { store?: Store } = {};
  const providers: Providers = {
    async bring({ digests }) {
      const name = digests.sha256 ?? '';
      wanted.push(name);
      const bytes = known.get(name);
      if (bytes === undefined) return false;
      if (bytes.length === 0) throw new Error('a provider that fails');
      await opened.store?.putBytes(bytes);
      return true;
    },
  };
  const { serve, sends, get, asked, origins, store } = await passingWorld(t, providers);
  opened.store = store;
  const bytes = sampleBytes(LENGTH, 'swarm');
  const other = sampleBytes(LENGTH, 'other');
  for (const name of ['a', 'b', 'c', 'd'])
    sends.set(`up://${name}`, { bytes: name === 'a' ? bytes : other });
  known.set(sha256(bytes), bytes);
  serve('a', bytes);
  assert.ok((await get('a')).bytes.equals(bytes));
  assert.deepEqual([origins, asked.length], [['swarm'], 0]);
  // Says that it brought it, and brought something else.
  known.set(sha256(other), sampleBytes(100, 'lie'));
  serve('b', other);
  assert.ok((await get('b')).bytes.equals(other));
  assert.equal(asked.length, 1);
  const secret = sampleBytes(LENGTH, 'secret');
  sends.set('up://e', { bytes: secret });
  serve('e', secret, { isPrivate: true });
  assert.ok((await get('e')).bytes.equals(secret));
  assert.ok(!wanted.includes(sha256(secret)));
});

test('a full disk is said to be one, and what is here is served on', async (t) => {
  const { sends, serve, get, store } = await passingWorld(t);
  const here = sampleBytes(1_000, 'here');
  await store.putBytes(here);
  serve('here', here);
  const bytes = sampleBytes(1_000, 'full');
  sends.set('up://a', { bytes, fails: new XError('DISK_FULL', 'no room') });
  serve('a', bytes);
  assert.equal((await get('a')).status, 507);
  assert.ok((await get('here')).bytes.equals(here));
});

test('likely files are brought ahead, within bounds', async (t) => {
  const { passing, sends, artifacts, serve, store, stop } = await passingWorld(t);
  const prefetch = createPrefetch(passing, stop.signal, { roomBytes: () => Infinity });
  const bytes = sampleBytes(1_000, 'likely');
  sends.set('up://a', { bytes });
  serve('a', bytes);
  prefetch.artifact(artifacts.get('a') as PassedArtifact);
  serve('large', bytes, { sizeBytes: BOUNDS.prefetchedBytes + 1 });
  prefetch.artifact(artifacts.get('large') as PassedArtifact);
  for (let turn = 0; turn < 200 && store.stat(sha256(bytes)) === undefined; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.ok(store.stat(sha256(bytes)));
  let begun = 0;
  const hold = new Promise<void>(() => undefined);
  for (let count = 0; count < 10_000; count += 1) {
    prefetch.index(() => {
      begun += 1;
      return hold;
    });
  }
  for (let turn = 0; turn < 200 && begun < BOUNDS.parallelPrefetches; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  assert.equal(begun, BOUNDS.parallelPrefetches);
});

test('nothing is brought ahead that would leave the disk less than is left free of it', async (t) => {
  const { passing, sends, artifacts, serve, asked, store, stop } = await passingWorld(t);
  let roomBytes = 2_500;
  const prefetch = createPrefetch(passing, stop.signal, { roomBytes: () => roomBytes });
  let release = (): void => undefined;
  const pause = new Promise<void>((resolve) => (release = resolve));
  const all = ['a', 'b', 'c', 'd'].map((name) => {
    const bytes = sampleBytes(1_000, name);
    sends.set(`up://${name}`, { bytes, pause });
    serve(name, bytes);
    return { artifact: artifacts.get(name) as PassedArtifact, bytes };
  });
  for (const { artifact } of all) prefetch.artifact(artifact);
  const until = async (holds: () => boolean): Promise<void> => {
    for (let turn = 0; turn < 1_000 && !holds(); turn += 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
  };
  await until(() => asked.length === 2);
  // What is on its way counts: the third and the fourth have no room beside the first two.
  release();
  const held = (): string[] =>
    all.flatMap(({ artifact, bytes }) => (store.stat(sha256(bytes)) ? [artifact.name] : []));
  await until(() => held().length === 2);
  assert.deepEqual(held(), ['a', 'b']);
  assert.deepEqual(asked.map(({ url }) => url).sort(), ['up://a', 'up://b']);
  // Of unknown size it may be as large as any that is brought ahead.
  const [, , third, fourth] = all;
  assert.ok(third !== undefined && fourth !== undefined);
  prefetch.artifact({ ...third.artifact, sizeBytes: undefined });
  roomBytes = 0;
  let loads = 0;
  const load = (): Promise<void> => Promise.resolve(void (loads += 1));
  prefetch.index(load);
  prefetch.artifact(fourth.artifact);
  // The queue is in order: once this has been loaded all before it was decided.
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(loads, 0);
  roomBytes = 2_500;
  prefetch.artifact(fourth.artifact);
  prefetch.index(load);
  await until(() => held().length === 3 && loads === 1);
  assert.deepEqual([held(), loads], [['a', 'b', 'd'], 1]);
});

test('the room on a disk ends where a tenth of it is free, or 1 GiB of a large one', () => {
  assert.equal(roomOnDisk({ heldBytes: 600, freeBytes: 400 }), 300);
  assert.ok(roomOnDisk({ heldBytes: 960, freeBytes: 40 }) < 0);
  assert.equal(roomOnDisk({ heldBytes: 0, freeBytes: 50 * 2 ** 30 }), 49 * 2 ** 30);
  assert.equal(roomOnDisk({ heldBytes: 5, freeBytes: Infinity }), Infinity);
});

test('a quota removes what nobody used, then what was used longest ago', async (t) => {
  const { store } = await passingWorld(t);
  const names: string[] = [];
  for (let at = 0; at < 10; at += 1) {
    names.push((await store.putBytes(sampleBytes(1_000, at))).sha256);
  }
  const recent = new RecentUse(4);
  for (const name of names.slice(0, 5)) recent.note(name);
  recent.note(names[1] ?? '');
  await keepQuota(store, recent, 20_000);
  assert.equal(store.totals().blobs, 10);
  await keepQuota(store, recent, 3_000);
  const left = names.filter((name) => store.stat(name) !== undefined);
  assert.deepEqual(left, [names[1], names[3], names[4]]);
});

test('of a quota a gateway uses what the disk has room for, and leaves some free', () => {
  const GB = 1e9;
  const of = (quotaBytes: number, heldBytes: number, freeBytes: number): number =>
    quotaOnDisk({ quotaBytes, heldBytes, freeBytes });
  assert.equal(of(50 * GB, 0, 500 * GB), 50 * GB);
  assert.equal(of(50 * GB, 20 * GB, 0), 20 * GB - 2 ** 30, 'a full disk: some has to go');
  assert.equal(of(50 * GB, 0, 3_000_000), 2_700_000, 'a small one is used, too');
  assert.equal(of(50 * GB, 50 * GB, Infinity), 50 * GB);
});
