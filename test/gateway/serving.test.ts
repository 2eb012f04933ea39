import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '../../src/domain/digest.js';
import { XError } from '../../src/domain/errors.js';
import { createGateway } from '../../src/gateway/open-gateway.js';
import { emptyView, hastyClock, raw, startGateway, statuses, type Running } from './harness.js';

const big = Uint8Array.from({ length: 1_000_000 }, (_, index) => (index * 7) >> 2);

function publish(gateway: Running, path: string, bytes: Uint8Array): string {
  gateway.server.entries.set(path, gateway.content.put(path, bytes));
  return `${gateway.url}/tiny/${path}`;
}

async function bodyOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

test('an artifact comes whole, with its digest as ETag', async (t) => {
  const gateway = await startGateway(t);
  const response = await fetch(publish(gateway, 'a.whl', big));
  assert.equal(response.status, 200);
  assert.equal(response.headers.get('content-length'), String(big.length));
  assert.equal(response.headers.get('content-type'), 'application/x-tiny');
  assert.equal(response.headers.get('etag'), `"${sha256(big)}"`);
  assert.equal(response.headers.get('accept-ranges'), 'bytes');
  assert.equal(response.headers.get('x-content-type-options'), 'nosniff');
  assert.deepEqual(await bodyOf(response), Buffer.from(big));
});

test('an empty artifact, and one that is a single piece', async (t) => {
  const gateway = await startGateway(t);
  for (const bytes of [new Uint8Array(), big.subarray(0, 10)]) {
    const response = await fetch(publish(gateway, `f${bytes.length}`, bytes));
    assert.equal(response.headers.get('content-length'), String(bytes.length));
    assert.deepEqual(await bodyOf(response), Buffer.from(bytes));
  }
});

test('ranges', async (t) => {
  const gateway = await startGateway(t);
  const url = publish(gateway, 'a.whl', big);
  const last = big.length - 1;
  const table: [string, number, number][] = [
    ['bytes=0-0', 0, 1],
    ['bytes=65535-65536', 65_535, 65_537],
    ['bytes=100-499999', 100, 500_000],
    ['bytes=999999-', last, big.length],
    ['bytes=-5', big.length - 5, big.length],
  ];
  for (const [range, start, end] of table) {
    const response = await fetch(url, { headers: { range } });
    assert.equal(response.status, 206, range);
    assert.equal(response.headers.get('content-range'), `bytes ${start}-${end - 1}/${big.length}`);
    assert.equal(response.headers.get('content-length'), String(end - start));
    assert.deepEqual(await bodyOf(response), Buffer.from(big.subarray(start, end)));
  }
  const beyond = await fetch(url, { headers: { range: `bytes=${big.length}-` } });
  assert.equal(beyond.status, 416);
  assert.equal(beyond.headers.get('content-range'), `bytes */${big.length}`);
  const several = await fetch(url, { headers: { range: 'bytes=0-1,3-4' } });
  assert.equal(several.status, 200);
  assert.equal((await bodyOf(several)).length, big.length);
  const other = await fetch(url, { headers: { range: 'bytes=0-1', 'if-range': '"else"' } });
  assert.equal(other.status, 200);
  await other.body?.cancel();
});

test('HEAD and 304 say what it is, read nothing and wait for nothing', async (t) => {
  const gateway = await startGateway(t);
  const url = publish(gateway, 'a.whl', big);
  gateway.content.missing.add('a.whl');
  const head = await fetch(url, { method: 'HEAD' });
  assert.equal(head.status, 200);
  assert.equal(head.headers.get('content-length'), String(big.length));
  const unchanged = await fetch(url, { headers: { 'if-none-match': `"${sha256(big)}"` } });
  assert.equal(unchanged.status, 304);
  assert.equal((await bodyOf(unchanged)).length, 0);
  assert.deepEqual([gateway.content.pieces, gateway.content.wanted.length], [0, 0]);
});

test('an entry on its way is brought first, then streamed', async (t) => {
  const gateway = await startGateway(t);
  const url = publish(gateway, 'a.whl', big);
  gateway.content.missing.add('a.whl');
  const response = await fetch(url);
  assert.equal(response.status, 200);
  assert.deepEqual(await bodyOf(response), Buffer.from(big));
  assert.deepEqual(gateway.content.wanted, ['a.whl']);
});

test('what does not come in time, or fails to, is a 503 that names it', async (t) => {
  const late = await startGateway(t, { clock: hastyClock });
  const url = publish(late, 'pypi/a-1.0.whl', big);
  late.content.missing.add('pypi/a-1.0.whl');
  let aborted = false;
  late.content.bring = (_, signal) =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        aborted = true;
        reject(signal.reason as Error);
      });
    });
  const response = await fetch(url);
  assert.equal(response.status, 503);
  assert.equal(response.headers.get('retry-after'), '10');
  assert.match(await response.text(), /^pypi\/a-1\.0\.whl is on its way .* in time/);
  assert.equal(aborted, true);

  const failing = await startGateway(t);
  const other = publish(failing, 'b', big);
  failing.content.missing.add('b');
  failing.content.bring = () => Promise.reject(new XError('MASTER_UNREACHABLE', 'nobody there'));
  assert.match(await (await fetch(other)).text(), /^b is on its way .*nobody there/);
});

test('a client that leaves while it waits ends the waiting', async (t) => {
  const gateway = await startGateway(t);
  const url = publish(gateway, 'a', big);
  gateway.content.missing.add('a');
  const left = new Promise<void>((resolve) => {
    gateway.content.bring = (_, signal) => {
      controller.abort();
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          resolve();
          reject(signal.reason as Error);
        });
      });
    };
  });
  const controller = new AbortController();
  await assert.rejects(fetch(url, { signal: controller.signal }));
  await left;
});

test('damage before the first byte is mended and nobody notices', async (t) => {
  const gateway = await startGateway(t);
  const url = publish(gateway, 'a', big);
  gateway.content.damagedAt.set('a', 10);
  assert.deepEqual(await bodyOf(await fetch(url)), Buffer.from(big));
  assert.deepEqual(gateway.content.wanted, ['a']);
  assert.match(gateway.logged.join(), /a is damaged on this disk and is fetched again/);
});

test('damage before the first byte that cannot be mended is a 503', async (t) => {
  const gateway = await startGateway(t);
  const url = publish(gateway, 'a', big);
  gateway.content.damagedAt.set('a', 10);
  gateway.content.bring = () => Promise.reject(new Error('no peer has it'));
  assert.equal((await fetch(url)).status, 503);
  gateway.content.bring = () => Promise.resolve();
  assert.equal((await fetch(url)).status, 503);
});

test('damage in the middle is mended while the client waits, byte for byte', async (t) => {
  const gateway = await startGateway(t);
  const url = publish(gateway, 'a', big);
  gateway.content.damagedAt.set('a', 500_000);
  const response = await fetch(url, { headers: { range: 'bytes=77-' } });
  assert.deepEqual(await bodyOf(response), Buffer.from(big.subarray(77)));
  assert.deepEqual(gateway.content.wanted, ['a']);
});

test('damage in the middle that cannot be mended breaks the answer off, and never ends it well', async (t) => {
  const gateway = await startGateway(t);
  const url = publish(gateway, 'a', big);
  gateway.content.damagedAt.set('a', 500_000);
  const mend = gateway.content.bring;
  gateway.content.bring = () => Promise.reject(new Error('no peer has it'));
  const answer = await raw(gateway.port, `GET /tiny/a HTTP/1.1\r\nHost: localhost\r\n\r\n`);
  assert.deepEqual(statuses(answer), [200]);
  const body = Buffer.from(answer.slice(answer.indexOf('\r\n\r\n') + 4), 'latin1');
  assert.ok(body.length < big.length);
  assert.deepEqual(body, Buffer.from(big.subarray(0, body.length)));
  assert.match(gateway.logged.join('\n'), /the answer was broken off: no peer has it/);
  gateway.content.bring = mend;
  assert.deepEqual(await bodyOf(await fetch(url)), Buffer.from(big));
});

test('a blob shorter than was signed is never passed off as whole', async (t) => {
  const gateway = await startGateway(t);
  const url = publish(gateway, 'a', big);
  gateway.content.open = async function* () {
    yield await Promise.resolve(big.subarray(0, 100));
  };
  await assert.rejects(async () => bodyOf(await fetch(url)));
});

test('not found says how to bring it: text, or JSON for npm', async (t) => {
  const gateway = await startGateway(t);
  const text = await fetch(`${gateway.url}/tiny/lodash`);
  assert.equal(text.status, 404);
  assert.match(await text.text(), /^lodash is in no bundle .* x source -r FILE\n$/);
  gateway.server.respond = () =>
    Promise.resolve({ kind: 'not-found', ecosystem: 'npm', what: 'a"b\n' });
  const json = await fetch(`${gateway.url}/tiny/a`);
  assert.equal(json.headers.get('content-type'), 'application/json');
  assert.match(((await json.json()) as { error: string }).error, /^a"b\? is in no bundle/);
});

test('small answers: query, body, base address, ETag, HEAD', async (t) => {
  const gateway = await startGateway(t);
  const url = `${gateway.url}/tiny/echo?a=1&b=%20`;
  const got = await fetch(url);
  const etag = got.headers.get('etag') ?? '';
  assert.match(etag, /^"[0-9a-f]{64}"$/);
  assert.deepEqual(await got.json(), {
    method: 'GET',
    baseUrl: gateway.url,
    query: 'a=1&b=+',
    body: null,
  });
  assert.equal((await fetch(url, { headers: { 'if-none-match': etag } })).status, 304);
  const head = await fetch(url, { method: 'HEAD' });
  assert.ok(Number(head.headers.get('content-length')) > 0);
  const posted = await fetch(url, {
    method: 'POST',
    body: 'abc',
    headers: { 'content-type': 'x/y' },
  });
  assert.equal(((await posted.json()) as { body: number }).body, 3);
  const untyped = await raw(
    gateway.port,
    'POST /tiny/echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 4\r\n\r\nabcd',
  );
  assert.match(untyped, /"body":4/);
});

test('a server that fails is a 500 without its inner words, or a 503 that passes', async (t) => {
  const gateway = await startGateway(t);
  gateway.server.fail = new TypeError('secret thing is undefined');
  const failed = await fetch(`${gateway.url}/tiny/x`);
  assert.equal(failed.status, 500);
  assert.doesNotMatch(await failed.text(), /secret/);
  assert.match(gateway.logged.join(), /\/tiny\/x: secret thing/);
  gateway.server.fail = new XError('INCOMPLETE', 'the index is not here yet');
  assert.equal((await fetch(`${gateway.url}/tiny/x`)).status, 503);
  gateway.server.fail = new XError('VERSION_NOT_FOUND', 'no such version');
  assert.equal((await fetch(`${gateway.url}/tiny/x`)).status, 404);
});

test('its own pages: front page, health, bundles; nothing else', async (t) => {
  const gateway = await startGateway(t);
  const page = await fetch(`${gateway.url}/`);
  const html = await page.text();
  assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
  assert.match(html, /demo&#60;b&#62;/);
  assert.doesNotMatch(html, /<script|<b>|src=|https?:\/\/(?!127\.0\.0\.1)/);
  assert.equal(await (await fetch(`${gateway.url}/healthz`)).text(), 'ok\n');
  const { bundles } = (await (await fetch(`${gateway.url}/bundles.json`)).json()) as {
    bundles: { name: string; version: number }[];
  };
  assert.deepEqual([bundles[0]?.name, bundles[0]?.version], ['demo<b>', 3]);
  assert.match(await (await fetch(`${gateway.url}/other/x`)).text(), /there is \/tiny\//);
  assert.equal((await fetch(`${gateway.url}/`, { method: 'POST' })).status, 405);
  for (const method of ['PUT', 'DELETE', 'OPTIONS', 'PATCH']) {
    assert.equal((await fetch(`${gateway.url}/tiny/echo`, { method })).status, 405, method);
  }
});

test('one connection serves many requests', async (t) => {
  const gateway = await startGateway(t);
  publish(gateway, 'a', big.subarray(0, 100));
  const one = 'GET /tiny/a HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const last = 'GET /tiny/a HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n';
  assert.deepEqual(statuses(await raw(gateway.port, one.repeat(9) + last)), Array(10).fill(200));
});

test('a taken port is PORT_TAKEN with what to do', async (t) => {
  const gateway = await startGateway(t);
  const { server, content } = gateway;
  const second = createGateway({
    servers: [server],
    view: emptyView,
    content,
    clock: hastyClock,
    options: { host: '127.0.0.1', port: gateway.port },
  });
  await assert.rejects(
    second.listen(),
    (thrown) =>
      thrown instanceof XError && thrown.code === 'PORT_TAKEN' && /--port/.test(thrown.hint ?? ''),
  );
  await second.close();
});

test('closing ends those who wait', async (t) => {
  const gateway = await startGateway(t);
  const { server, content } = gateway;
  const other = createGateway({
    servers: [server],
    view: emptyView,
    content,
    clock: { ...hastyClock, sleep: () => new Promise(() => undefined) },
    options: { host: '127.0.0.1', port: 0 },
  });
  const { url } = await other.listen();
  publish(gateway, 'a', big);
  content.missing.add('a');
  const asked = new Promise<void>((resolve) => {
    content.bring = (_, signal) => {
      resolve();
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    };
  });
  const waiting = fetch(`${url}/tiny/a`).then(
    (response) => response.status,
    () => 0,
  );
  await asked;
  await other.close();
  assert.ok([0, 503].includes(await waiting));
});
