import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import { BodyRoom } from '../../src/gateway/body-room.js';
import { startGateway } from './harness.js';

test('a few bodies are read at ease; of many the parts get shorter, and none lies in two pieces', () => {
  const room = new BodyRoom();
  const bodies: AbortController[] = [];
  const end = 10 << 20;
  let before = Infinity;
  for (let count = 1; count <= 4_000; count++) {
    const over = new AbortController();
    bodies.push(over);
    room.enter(over.signal);
    if (count <= BOUNDS.gatewayBodiesAtEase) {
      assert.equal(room.endOfPart(17, end), end);
      continue;
    }
    const part = room.endOfPart(0, end);
    assert.ok(part <= before && part >= 4_096);
    assert.equal((256 << 10) % part, 0);
    assert.ok(part === 4_096 || part * count <= BOUNDS.gatewayBodyPartsBytes);
    assert.equal(room.endOfPart(part + 17, end), 2 * part);
    assert.equal(room.endOfPart(part, part + 1), part + 1);
    before = part;
  }
  for (const over of bodies) over.abort();
  assert.equal(room.isCrowded, false);
});

test('parts are read a few at a time, each in its turn, also after one that fails', async () => {
  const room = new BodyRoom();
  let reading = 0;
  let most = 0;
  const reads = Array.from({ length: 100 }, (_, at) =>
    room.read(async () => {
      reading += 1;
      most = Math.max(most, reading);
      await new Promise((resolve) => setImmediate(resolve));
      reading -= 1;
      if (at % 3 === 0) throw new Error('unreadable');
      return at;
    }),
  );
  const done = await Promise.allSettled(reads);
  assert.equal(done.filter(({ status }) => status === 'fulfilled').length, 66);
  assert.equal(most, BOUNDS.gatewayReadsAtOnce);
  assert.equal(reading, 0);
});

test('many clients that do not read hold a part each, and one more is served the right bytes', async (t) => {
  const gateway = await startGateway(t);
  const { content, server, port } = gateway;
  const bytes = Uint8Array.from({ length: 8 << 20 }, (_, at) => (at * 7) >> 3);
  server.entries.set('big', content.put('big', bytes));
  const sockets: Socket[] = [];
  t.after(() => {
    for (const socket of sockets) socket.destroy();
  });
  for (let count = 0; count < 40; count++) {
    const socket = connect(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write('GET /tiny/big HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'readable');
    sockets.push(socket);
  }
  const asked: number[] = [];
  const open = content.open.bind(content);
  content.open = (entry, range) => {
    asked.push(range.end - range.start);
    return open(entry, range);
  };
  const start = 262_144 - 5_000;
  const reply = await fetch(`${gateway.url}/tiny/big`, {
    headers: { range: `bytes=${start}-${start + 99_999}` },
  });
  const got = new Uint8Array(await reply.arrayBuffer());
  assert.deepEqual(got, bytes.subarray(start, start + 100_000));
  assert.ok(Math.max(...asked) <= 64 << 10, `${Math.max(...asked)} bytes at once`);
});
