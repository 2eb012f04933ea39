import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, truncate, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import { openUpstream, serve, type TestServer } from './http-harness.js';

const npm = { ecosystem: 'npm' as const };

async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'x-http-cache-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Answers `page N` with an ETag or Last-Modified, and 304 where the request knows it. */
function pages(t: TestContext, validator: 'etag' | 'last-modified' | 'none'): Promise<TestServer> {
  return serve(t, (request, response) => {
    const value = validator === 'etag' ? '"v1"' : 'Thu, 01 Jan 2026 00:00:00 GMT';
    const asked = request.headers[validator === 'etag' ? 'if-none-match' : 'if-modified-since'];
    if (validator !== 'none') response.setHeader(validator, value);
    response.setHeader('content-type', 'text/html');
    response.writeHead(asked === value ? 304 : 200);
    response.end(asked === value ? undefined : `page ${request.url}`);
  });
}

for (const validator of ['etag', 'last-modified'] as const) {
  test(`a page is kept and confirmed by ${validator}`, async (t) => {
    const server = await pages(t, validator);
    const cacheFolder = await folderFor(t);
    const request = { ...npm, url: `${server.url}/a` };
    const first = await openUpstream(t, { cacheFolder }).read(request, 100);
    // Another process, which has nothing in memory.
    const second = await openUpstream(t, { cacheFolder }).read(request, 100);
    assert.deepEqual(second, first);
    assert.equal(Buffer.from(second.bytes).toString(), 'page /a');
    assert.equal(second.contentType, 'text/html');
    const condition = validator === 'etag' ? 'if-none-match' : 'if-modified-since';
    assert.deepEqual(
      server.seen.map(({ headers }) => headers[condition] !== undefined),
      [false, true],
    );
  });
}

test('a page without a validator is not kept', async (t) => {
  const server = await pages(t, 'none');
  const cacheFolder = await folderFor(t);
  await openUpstream(t, { cacheFolder }).read({ ...npm, url: server.url }, 100);
  assert.deepEqual(await readdir(cacheFolder), []);
});

test('a torn, emptied or altered file costs a download and nothing else', async (t) => {
  const server = await pages(t, 'etag');
  const cacheFolder = await folderFor(t);
  const read = async (): Promise<string> => {
    const { bytes } = await openUpstream(t, { cacheFolder }).read({ ...npm, url: server.url }, 100);
    return Buffer.from(bytes).toString();
  };
  await read();
  const [name = ''] = await readdir(cacheFolder);
  const path = join(cacheFolder, name);
  const whole = await readFile(path);
  const altered = Buffer.from(whole);
  altered.writeUInt8(altered.readUInt8(altered.length - 1) ^ 1, altered.length - 1);
  const damages = [
    () => truncate(path, 0),
    () => truncate(path, 5),
    () => truncate(path, whole.length - 1),
    () => writeFile(path, altered),
    () => writeFile(path, 'null\nx'),
    () => writeFile(path, '{"url":1}\nx'),
  ];
  for (const damage of damages) {
    await damage();
    assert.equal(await read(), 'page /');
    assert.equal(server.seen.at(-1)?.headers['if-none-match'], undefined);
  }
  assert.equal(await read(), 'page /');
  assert.equal(server.seen.at(-1)?.headers['if-none-match'], '"v1"');
});

test('another Accept or other credentials are another page, and neither stands in the folder', async (t) => {
  const server = await pages(t, 'etag');
  const cacheFolder = await folderFor(t);
  const upstream = openUpstream(t, { cacheFolder });
  await upstream.read({ ...npm, url: server.url }, 100);
  await upstream.read({ ...npm, url: server.url, accept: 'application/json' }, 100);
  await upstream.read({ ...npm, url: server.url.replace('//', '//me:s3cret@') }, 100);
  const names = await readdir(cacheFolder);
  assert.equal(names.length, 3);
  for (const name of names) {
    assert.match(name, /^[0-9a-f]{64}$/);
    assert.doesNotMatch(await readFile(join(cacheFolder, name), 'latin1'), /s3cret/);
  }
});

test('a kept page larger than the limit of this read is refused', async (t) => {
  const server = await pages(t, 'etag');
  const cacheFolder = await folderFor(t);
  const upstream = openUpstream(t, { cacheFolder });
  await upstream.read({ ...npm, url: server.url }, 100);
  await assert.rejects(upstream.read({ ...npm, url: server.url }, 3), /limit of 3 bytes/);
});

test('what a killed process left behind is cleared away, what is being written is not', async (t) => {
  const server = await pages(t, 'etag');
  const cacheFolder = await folderFor(t);
  const old = join(cacheFolder, `${'0'.repeat(64)}.a.part`);
  const young = join(cacheFolder, `${'1'.repeat(64)}.b.part`);
  const stranger = join(cacheFolder, 'README');
  for (const path of [old, young, stranger]) await writeFile(path, 'x');
  const past = new Date(Date.now() - 2 * BOUNDS.smallReadMs);
  for (const path of [old, stranger]) await utimes(path, past, past);
  await openUpstream(t, { cacheFolder }).read({ ...npm, url: server.url }, 100);
  const names = await readdir(cacheFolder);
  assert.equal(names.includes('README'), true);
  assert.deepEqual(
    names.filter((name) => name.endsWith('.part')),
    [`${'1'.repeat(64)}.b.part`],
  );
});
