import assert from 'node:assert/strict';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import type { Answered } from '../../src/ports/answered.js';
import { raw, startGateway, statuses, type Running } from './harness.js';

async function ask(
  { port }: Running,
  path: string,
  headers: Record<string, string> = {},
  agent?: Agent,
): Promise<{ reply: IncomingMessage; body: string }> {
  const request = get({ port, host: '127.0.0.1', path, headers, agent });
  const [reply] = (await once(request, 'response')) as [IncomingMessage];
  let body = '';
  for await (const chunk of reply) body += String(chunk);
  return { reply, body };
}

/** Without what differs between any two answers. */
function said({ reply, body }: Awaited<ReturnType<typeof ask>>): object {
  const { date: _, connection: __, 'keep-alive': ___, ...headers } = reply.headers;
  return { status: reply.statusCode, headers, body };
}

test('what is asked again is answered in the same words, and known is known', async (t) => {
  const answered: Answered[] = [];
  const gateway = await startGateway(t, { onAnswered: (one) => answered.push(one) });
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  t.after(() => agent.destroy());
  const first = await ask(gateway, '/tiny/echo?a=%20b', { 'user-agent': 'pip/1' }, agent);
  assert.equal(first.reply.statusCode, 200);
  for (let again = 0; again < 5; again++) {
    const next = await ask(gateway, '/tiny/echo?a=%20b', { 'user-agent': 'pip/1' }, agent);
    assert.deepEqual(said(next), said(first));
  }
  assert.equal(gateway.server.seen.length, 1);
  const known = { 'if-none-match': first.reply.headers.etag ?? '' };
  const unchanged = await ask(gateway, '/tiny/echo?a=%20b', known, agent);
  assert.equal(unchanged.reply.statusCode, 304);
  assert.equal(unchanged.body, '');
  assert.equal(unchanged.reply.headers.etag, first.reply.headers.etag);
  const other = await ask(gateway, '/tiny/echo?a=%20b', { 'if-none-match': '"other"' }, agent);
  assert.deepEqual(said(other), said(first));
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(answered.length, 8);
  for (const one of answered.slice(1, 6)) {
    const { method, target, mount, status, agent: client, brokenOff } = one;
    assert.deepEqual(
      { method, target, mount, status, client, brokenOff },
      {
        ...{ method: 'GET', target: '/tiny/echo?a=%20b', mount: 'own', status: 200 },
        ...{ client: 'pip/1', brokenOff: false },
      },
    );
    assert.ok(one.bytes > first.body.length);
  }
});

test('what was judged for one Host, Accept or method is not for another', async (t) => {
  const gateway = await startGateway(t);
  for (let again = 0; again < 3; again++) await ask(gateway, '/tiny/echo', { host: 'localhost' });
  const evil = await ask(gateway, '/tiny/echo', { host: 'evil.example' });
  assert.equal(evil.reply.statusCode, 421);
  const elsewhere = await ask(gateway, '/tiny/echo', { host: '127.0.0.1:99' });
  assert.match(elsewhere.body, /"baseUrl":"http:\/\/127\.0\.0\.1:99"/);
  const head = 'HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n';
  const twice = await raw(gateway.port, `GET /tiny/echo ${head}Host: evil.example\r\n\r\n`);
  assert.deepEqual(statuses(twice), [400]);
  const asksHead = await raw(gateway.port, `HEAD /tiny/echo ${head}\r\n`);
  assert.deepEqual(statuses(asksHead), [200]);
  assert.ok(asksHead.endsWith('\r\n\r\n'));
  const seen = gateway.server.seen.length;
  await ask(gateway, '/tiny/echo', { host: 'localhost', accept: 'text/x-other' });
  assert.equal(gateway.server.seen.length, seen + 1);
  const body = `POST /tiny/echo ${head}Content-Length: 3\r\n\r\nabc`;
  assert.match(await raw(gateway.port, body), /"body":3/);
  const withBody = `GET /tiny/echo ${head}Content-Length: 24\r\n\r\nGET /tiny/x HTTP/1.1\r\n\r\n`;
  assert.ok(statuses(await raw(gateway.port, withBody)).length <= 1, 'a body is no request');
});

test('a change of the catalog, and rules, hold for what was asked before', async (t) => {
  let generation = 'a';
  let isLet = true;
  const gateway = await startGateway(t, {
    generation: () => generation,
    options: { mayUse: () => isLet },
  });
  for (let again = 0; again < 3; again++) await ask(gateway, '/tiny/echo');
  assert.equal(gateway.server.seen.length, 1);
  generation = 'b';
  await ask(gateway, '/tiny/echo');
  assert.equal(gateway.server.seen.length, 2);
  await ask(gateway, '/tiny/echo');
  isLet = false;
  assert.equal((await ask(gateway, '/tiny/echo')).reply.statusCode, 403);
});
