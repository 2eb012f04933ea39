import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Updater } from 'tuf-js';
import { sha256 } from '../../src/domain/digest.js';
import { makeMetadata } from '../../src/trust/make.js';
import { rotateRootChain } from '../../src/trust/roots.js';
import { readRoots } from '../../src/trust/published.js';
import { entries, entry, identity } from './sample.js';

const source = identity('source');

/** Serves bytes by path on the loopback, as any static web server would. */
async function serve(files: () => ReadonlyMap<string, Uint8Array>) {
  const server = createServer((request, response) => {
    const bytes = files().get(decodeURIComponent((request.url ?? '').replace(/^\//, '')));
    response.writeHead(bytes ? 200 : 404).end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const close = (): Promise<unknown> => new Promise((resolve) => server.close(resolve));
  return {
    url: `http://127.0.0.1:${address.port}`,
    close,
    closeAll: () => server.closeAllConnections(),
  };
}

test('the stock tuf-js Updater accepts what X signs, follows its updates and downloads a target', async () => {
  const now = new Date();
  const body = Buffer.from('a wheel');
  const whl = entry(1, { sha256: sha256(body), sha512: undefined, lengthBytes: body.length });
  const list = [whl, ...entries(600).slice(2)];
  const first = makeMetadata({ bundle: 'demo', identity: source, entries: list, now });
  let published = new Map<string, Uint8Array>(first.files);
  const [folder, name] = [
    whl.path.slice(0, whl.path.lastIndexOf('/')),
    whl.path.slice(whl.path.lastIndexOf('/') + 1),
  ];
  const target = `${folder}/${whl.sha256}.${name}`;
  const server = await serve(() => new Map([...published, [target, body]]));
  const dir = await mkdtemp(join(tmpdir(), 'x-tuf-'));
  try {
    const metadataDir = join(dir, 'metadata');
    const targetDir = join(dir, 'targets');
    await mkdir(metadataDir);
    await mkdir(targetDir);
    await writeFile(join(metadataDir, 'root.json'), first.files.get('1.root.json')!);
    const updater = (): Updater =>
      new Updater({
        metadataDir,
        metadataBaseUrl: server.url,
        targetDir,
        targetBaseUrl: server.url,
      });

    const client = updater();
    await client.refresh();
    const info = await client.getTargetInfo(whl.path);
    assert.ok(info);
    assert.deepEqual((info.custom['x'] as { purl: string }).purl, whl.purl);
    const file = await client.downloadTarget(info);
    assert.deepEqual(await readFile(file), body);
    assert.equal(await client.getTargetInfo('pypi/absent/absent.whl'), undefined);

    // Grown into more bins, and handed to another key.
    const heir = identity('heir');
    const mark = { bundle: 'demo', source: source.did, graceDays: 270 };
    const chain = rotateRootChain(readRoots(first.files), source, heir, mark, now);
    const previous = new Map([...first.files, ...chain.files]);
    const more = [whl, ...entries(2500).slice(2)];
    const second = makeMetadata({ bundle: 'demo', identity: heir, entries: more, previous, now });
    published = second.files;
    const after = updater();
    await after.refresh();
    assert.ok(await after.getTargetInfo(entry(2400).path));
  } finally {
    server.closeAll();
    await server.close();
    await rm(dir, { recursive: true });
  }
});
