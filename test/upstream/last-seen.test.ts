import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { hasCode } from '../contract/store.js';
import { openUpstream, serve } from './http-harness.js';

interface Answer {
  status: number;
  body?: string;
  headers?: Record<string, string>;
  /** Never answers. */
  silent?: boolean;
}

async function withServer(t: TestContext, first: Answer) {
  const cacheFolder = await mkdtemp(join(tmpdir(), 'x-last-seen-'));
  t.after(() => rm(cacheFolder, { recursive: true }));
  const now = { answer: first };
  const server = await serve(t, (request, response) => {
    const { status, body = '', headers = {}, silent } = now.answer;
    if (silent === true) return;
    const known =
      headers['etag'] !== undefined && request.headers['if-none-match'] === headers['etag'];
    response.writeHead(known ? 304 : status, headers);
    response.end(known ? '' : body);
  });
  const upstream = openUpstream(t, { cacheFolder });
  const read = (lastSeenAfterMs?: number) =>
    upstream.read({ ecosystem: 'pypi', url: `${server.url}/page`, lastSeenAfterMs }, 1 << 20);
  return { now, read, upstream };
}

test('a page whose server fails is the one that was seen last, with its time', async (t) => {
  const { now, read } = await withServer(t, { status: 200, body: 'first' });
  const before = new Date(Date.now() - 1_000);
  assert.equal((await read(1_000)).seenAt, undefined);
  now.answer = { status: 503 };
  const seen = await read(1_000);
  assert.equal(Buffer.from(seen.bytes).toString(), 'first');
  assert.ok(seen.seenAt && seen.seenAt >= before);
  // Who does not ask for it is not answered with what is old.
  await assert.rejects(read(), hasCode('UPSTREAM_REFUSED'));
});

test('a server that says no is believed: nothing old stands in for a page that is gone or closed', async (t) => {
  const { now, read } = await withServer(t, { status: 200, body: 'first' });
  await read(1_000);
  for (const status of [404, 410]) {
    now.answer = { status };
    await assert.rejects(read(1_000), hasCode('PACKAGE_NOT_FOUND'));
  }
  for (const status of [401, 403]) {
    now.answer = { status };
    await assert.rejects(read(1_000), hasCode('UPSTREAM_REFUSED'));
  }
});

test('a silent server is waited for so long, and no longer', async (t) => {
  const { now, read } = await withServer(t, { status: 200, body: 'first' });
  await read(50);
  now.answer = { status: 200, silent: true };
  const seen = await read(50);
  assert.equal(Buffer.from(seen.bytes).toString(), 'first');
  assert.ok(seen.seenAt);
  // Not waited for again at once, whatever it would say now.
  now.answer = { status: 200, body: 'second' };
  const again = await read(60_000);
  assert.equal(Buffer.from(again.bytes).toString(), 'first');
});

test('a page that is confirmed is as new as the confirmation', async (t) => {
  const headers = { etag: '"one"' };
  const { now, read } = await withServer(t, { status: 200, body: 'first', headers });
  await read(1_000);
  await new Promise((resolve) => setTimeout(resolve, 30));
  const confirmedAt = new Date();
  assert.equal((await read(1_000)).seenAt, undefined);
  now.answer = { status: 500 };
  const { seenAt } = await read(1_000);
  assert.ok(seenAt && seenAt.getTime() >= confirmedAt.getTime() - 5);
});
