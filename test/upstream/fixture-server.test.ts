import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { startFixtureUpstream, type FixtureServer } from '../../fixtures/upstream/server.js';

async function start(t: TestContext): Promise<FixtureServer> {
  const server = await startFixtureUpstream({
    pypi: {
      handle: (path, _, baseUrl) => ({
        status: path === '/simple/' ? 200 : 404,
        headers: { 'content-type': 'text/html' },
        body: `${path} ${baseUrl}`,
      }),
    },
    npm: { handle: (path) => ({ status: 200, headers: {}, body: path }) },
    debian: {
      keyringPath: 'keyring.gpg',
      handle: (path) => ({ status: 200, headers: {}, body: path }),
    },
  });
  t.after(() => server.close());
  return server;
}

test('each upstream answers below its mount, with its own address', async (t) => {
  const server = await start(t);
  assert.equal(await (await fetch(server.pypiIndex)).text(), `/simple/ ${server.url}/pypi`);
  assert.equal(await (await fetch(`${server.npmRegistry}@s%2fn`)).text(), '/@s/n');
  assert.equal(await (await fetch(`${server.debianMirror}/pool/g%2b%2b`)).text(), '/pool/g++');
  assert.equal((await fetch(`${server.url}/other/`)).status, 404);
  assert.equal(server.debianKeyringPath, 'keyring.gpg');
  assert.deepEqual(
    server.requests.map(({ path, status }) => [path, status]),
    [
      ['/pypi/simple/', 200],
      ['/npm/@s%2fn', 200],
      ['/debian/pool/g%2b%2b', 200],
      ['/other/', 404],
    ],
  );
});

test('ranges and conditional requests work as with a file server', async (t) => {
  const server = await start(t);
  const url = `${server.npmRegistry}abc`;
  const etag = (await fetch(url)).headers.get('etag') ?? '';
  const part = await fetch(url, { headers: { range: 'bytes=1-', 'if-range': etag } });
  assert.deepEqual([part.status, await part.text()], [206, 'abc']);
  assert.equal((await fetch(url, { headers: { range: 'bytes=9-' } })).status, 416);
  assert.equal((await fetch(url, { headers: { 'if-none-match': etag } })).status, 304);
});

test('faults: a status, a break, damage and a delay, as often as asked', async (t) => {
  const server = await start(t);
  const url = `${server.npmRegistry}abc`;
  server.inject({ path: '/npm/', times: 2, status: 503, headers: { 'retry-after': '1' } });
  server.inject({ path: /abc$/, times: 1, dropAfterBytes: 2 });
  server.inject({ path: '/npm/abc', times: 1, damage: true, delayMs: 1 });
  for (let i = 0; i < 2; i++) {
    const refused = await fetch(url);
    assert.deepEqual([refused.status, refused.headers.get('retry-after')], [503, '1']);
  }
  await assert.rejects(async () => (await fetch(url)).text());
  assert.equal(await (await fetch(url)).text(), '.abc');
  assert.equal(await (await fetch(url)).text(), '/abc');
});
