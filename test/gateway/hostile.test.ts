import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import { raw, startGateway, statuses } from './harness.js';

const get = (target: string, ...headers: string[]): string =>
  [`GET ${target} HTTP/1.1`, 'Host: localhost', 'Connection: close', ...headers, '', ''].join(
    '\r\n',
  );

test('traversal in any spelling never reaches a server', async (t) => {
  const gateway = await startGateway(t);
  for (const target of [
    '/tiny/../../etc/passwd',
    '/tiny/%2e%2e/%2e%2e/etc/passwd',
    '/tiny/..%2f..%2fetc/passwd',
    '/tiny/%2e%2e%5c%2e%2e%5cetc',
    '/tiny/..\\..\\etc',
    '/tiny/%00',
    '/tiny/a%0d%0aX-Injected:%201',
    '/tiny/%c0%ae%c0%ae/etc',
    '/tiny/%',
    'tiny/echo',
    '//localhost/../tiny/echo',
  ]) {
    assert.deepEqual(statuses(await raw(gateway.port, get(target))), [400], target);
  }
  assert.equal(gateway.server.seen.length, 0);
});

test('a request line with a whole address is held to this host', async (t) => {
  const gateway = await startGateway(t);
  assert.deepEqual(statuses(await raw(gateway.port, get('http://localhost/tiny/echo'))), [200]);
  assert.deepEqual(statuses(await raw(gateway.port, get('http://evil.example/tiny/echo'))), [421]);
  assert.deepEqual(statuses(await raw(gateway.port, get('ftp://localhost/tiny/echo'))), [400]);
});

test('rebinding: another name is refused, a configured one is not', async (t) => {
  const gateway = await startGateway(t, { options: { names: ['Depot.example'] } });
  const ask = (host: string): Promise<string> =>
    raw(gateway.port, `GET /tiny/echo HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  assert.deepEqual(statuses(await ask('evil.example:8470')), [421]);
  assert.equal(gateway.server.seen.length, 0);
  const named = await ask('depot.example:9000');
  assert.match(named, /"baseUrl":"http:\/\/depot\.example:9000"/);
  const old = await raw(gateway.port, 'GET /tiny/echo HTTP/1.0\r\n\r\n');
  assert.match(old, new RegExp(`"baseUrl":"http://127\\.0\\.0\\.1:${gateway.port}"`));
  const twice = await raw(gateway.port, get('/tiny/echo', 'Host: evil.example'));
  assert.deepEqual(statuses(twice), [400]);
  assert.deepEqual(
    statuses(await raw(gateway.port, 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n')),
    [400],
  );
});

test('headers and bodies past their bounds', async (t) => {
  const gateway = await startGateway(t);
  const long = get('/tiny/echo', `X-Long: ${'x'.repeat(BOUNDS.gatewayHeaderBytes)}`);
  assert.deepEqual(statuses(await raw(gateway.port, long)), [431]);
  const longPath = get(`/tiny/${'x'.repeat(BOUNDS.gatewayHeaderBytes)}`);
  assert.deepEqual(statuses(await raw(gateway.port, longPath)), [431]);
  const announced =
    'POST /tiny/echo HTTP/1.1\r\nHost: localhost\r\n' +
    `Content-Length: ${BOUNDS.gatewayBodyBytes + 1}\r\n\r\n`;
  assert.deepEqual(statuses(await raw(gateway.port, announced)), [413]);
  const chunk = `10000\r\n${'x'.repeat(0x10000)}\r\n`;
  const chunked =
    'POST /tiny/echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n' +
    chunk.repeat(BOUNDS.gatewayBodyBytes / 0x10000 + 1);
  assert.deepEqual(statuses(await raw(gateway.port, chunked)), [413]);
  assert.equal(gateway.server.seen.length, 0);
});

test('requests that two parsers could read differently are refused, and the connection with them', async (t) => {
  const gateway = await startGateway(t);
  const smuggled = 'GET /tiny/echo?smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n';
  const head = 'POST /tiny/echo HTTP/1.1\r\nHost: localhost\r\n';
  const samples = [
    `${head}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    `${head}Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n${smuggled}`,
    `${head}Content-Length: 5\r\nContent-Length: 6\r\n\r\n0\r\n\r\n${smuggled}`,
    `${head}Content-Length: 5, 6\r\n\r\n0\r\n\r\n${smuggled}`,
    `${head}Content-Length: +5\r\n\r\nabcde${smuggled}`,
    `${head}Content-Length: 0x5\r\n\r\nabcde${smuggled}`,
    `${head}Content-Length : 5\r\n\r\nabcde${smuggled}`,
    `${head}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n${smuggled}`,
    `${head}Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n${smuggled}`,
    `${head}Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n${smuggled}`,
    `${head}Transfer-Encoding: chunked\r\n\r\n5;\nabcde\r\n0\r\n\r\n${smuggled}`,
    `${head}Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\n0\r\n\r\n${smuggled}`,
    `${head}X: a\r\n b\r\n\rContent-Length: 5\r\n\r\n${smuggled}`,
    `GET /tiny/echo HTTP/9.1\r\nHost: localhost\r\n\r\n${smuggled}`,
    `GET /tiny/echo\r\n\r\n${smuggled}`,
    `\u0000\u0001\u0002${smuggled}`,
  ];
  for (const sample of samples) {
    const answered = statuses(await raw(gateway.port, sample));
    assert.ok(
      answered.every((status) => status >= 400),
      JSON.stringify([sample, answered]),
    );
  }
  assert.equal(gateway.server.seen.length, 0);
});

test('tunnels and upgrades are not opened', async (t) => {
  const gateway = await startGateway(t);
  const tunnel = 'CONNECT evil.example:443 HTTP/1.1\r\nHost: evil.example:443\r\n\r\n';
  assert.deepEqual(statuses(await raw(gateway.port, tunnel)), []);
  const upgraded = await raw(
    gateway.port,
    get('/tiny/echo', 'Upgrade: h2c').replace('Connection: close', 'Connection: Upgrade, close'),
  );
  assert.deepEqual(statuses(upgraded), [200]);
});

test('a slow reader is served a piece at a time', async (t) => {
  const gateway = await startGateway(t);
  const { content, server } = gateway;
  const bytes = new Uint8Array(64 << 20);
  server.entries.set('big', content.put('big', bytes));
  const socket = connect(gateway.port, '127.0.0.1');
  socket.pause();
  socket.write(get('/tiny/big'));
  let before = -1;
  // Once what the kernel buffers is full, no more pieces are read however long it takes.
  while (content.pieces !== before || before <= 0) {
    before = content.pieces;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  assert.ok(
    content.pieces * content.pieceBytes < bytes.length / 2,
    `${content.pieces} pieces read`,
  );
  let received = 0;
  socket.on('data', (chunk) => (received += chunk.length));
  socket.resume();
  await once(socket, 'close');
  assert.ok(received > bytes.length);
});

test('a reader that leaves ends the reading', async (t) => {
  const gateway = await startGateway(t);
  const { content, server } = gateway;
  server.entries.set('big', content.put('big', new Uint8Array(64 << 20)));
  let ended: (() => void) | undefined;
  const closed = new Promise<void>((resolve) => (ended = resolve));
  const open = content.open.bind(content);
  content.open = async function* (entry, range) {
    try {
      yield* open(entry, range);
    } finally {
      ended?.();
    }
  };
  const socket = connect(gateway.port, '127.0.0.1');
  socket.write(get('/tiny/big'));
  await once(socket, 'data');
  socket.destroy();
  await closed;
  assert.ok(content.pieces < 1024);
});

test('two thousand idle connections keep nobody out', async (t) => {
  const limit = 100;
  const gateway = await startGateway(t, { options: { connections: limit } });
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  let open = 0;
  for (let batch = 0; batch < 20; batch++) {
    const opened = Array.from({ length: 100 }, async () => {
      const socket = connect(gateway.port, '127.0.0.1');
      sockets.push(socket);
      socket.on('close', () => open--);
      // An evicted one may see a reset.
      socket.on('error', () => undefined);
      await once(socket, 'connect');
      open++;
    });
    await Promise.all(opened);
  }
  const answer = await raw(gateway.port, get('/healthz'));
  assert.deepEqual(statuses(answer), [200]);
  // The evicted ones learn of it in their own time.
  for (let i = 0; open > limit && i < 100; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(open <= limit, `${open} open`);
});

test('a connection that is being answered is not given up for a new one', async (t) => {
  const gateway = await startGateway(t, { options: { connections: 2 } });
  const { content, server } = gateway;
  server.entries.set('big', content.put('big', new Uint8Array(32 << 20)));
  const reader = connect(gateway.port, '127.0.0.1');
  // From the beginning: one that was cut off meanwhile closes before anybody waits for it.
  const closed = once(reader, 'close');
  reader.write(get('/tiny/big'));
  await once(reader, 'readable');
  const idle = Array.from({ length: 5 }, () => connect(gateway.port, '127.0.0.1'));
  for (const socket of idle) socket.on('error', () => undefined);
  assert.deepEqual(statuses(await raw(gateway.port, get('/healthz'))), [200]);
  let received = 0;
  reader.on('data', (chunk) => (received += chunk.length));
  await closed;
  assert.ok(received > 32 << 20);
  for (const socket of idle) socket.destroy();
});

test('a connection that pipelines without end is cut', async (t) => {
  const gateway = await startGateway(t);
  gateway.server.respond = () => new Promise(() => undefined);
  const answer = await raw(
    gateway.port,
    'GET /tiny/x HTTP/1.1\r\nHost: localhost\r\n\r\n'.repeat(BOUNDS.gatewayPipelinedRequests + 1),
  );
  assert.equal(answer, '');
});
