import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { pathToFileURL } from 'node:url';
import { upstreamContract } from '../contract/upstream.js';
import { bytesOf, failsWith, openUpstream } from './http-harness.js';

async function folderFor(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'x-file-upstream-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

upstreamContract('file', async (t) => {
  const folder = await folderFor(t);
  return {
    upstream: openUpstream(t),
    publish: async (name, bytes) => {
      await writeFile(join(folder, name), bytes);
      return pathToFileURL(join(folder, name)).href;
    },
    missing: pathToFileURL(join(folder, 'missing')).href,
  };
});

test('names with spaces, percent signs and accents; content types of index pages', async (t) => {
  const folder = await folderFor(t);
  const upstream = openUpstream(t);
  for (const name of ['a b.html', '100%.html', 'é+ü.html']) {
    await writeFile(join(folder, name), name);
    const url = pathToFileURL(join(folder, name)).href;
    const page = await upstream.read({ ecosystem: 'pypi', url }, 100);
    assert.equal(Buffer.from(page.bytes).toString(), name);
    assert.equal(page.contentType, 'text/html');
  }
});

test('directories, named pipes, devices and other hosts are refused', async (t) => {
  const folder = await folderFor(t);
  const upstream = openUpstream(t);
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  const table: [string, RegExp][] = [
    [pathToFileURL(folder).href, /is a directory/],
    [pathToFileURL(join(folder, 'pipe')).href, /not a plain file/],
    ['file:///dev/zero', /not a plain file/],
    ['file://elsewhere/share/x', /host/],
    ['file:///a%2Fb', /encoded \//],
  ];
  for (const [url, message] of table) {
    await assert.rejects(
      upstream.open({ ecosystem: 'pypi', url }),
      failsWith('UPSTREAM_REFUSED', message),
    );
  }
});

test('a file that changes between being opened and being read is an error', async (t) => {
  const folder = await folderFor(t);
  const path = join(folder, 'a.bin');
  await writeFile(path, 'abc');
  const body = await openUpstream(t).open({ ecosystem: 'pypi', url: pathToFileURL(path).href });
  await appendFile(path, 'd');
  await assert.rejects(bytesOf(body.stream), failsWith('UPSTREAM_UNREACHABLE', /changed while/));
});
