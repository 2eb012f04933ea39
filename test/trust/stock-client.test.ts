import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { sha256 } from '../../src/domain/digest.js';
import { makeMetadata } from '../../src/trust/make.js';
import { rotateRootChain } from '../../src/trust/roots.js';
import { readRoots } from '../../src/trust/published.js';
import { entries, entry, identity } from './sample.js';
import { StockClient, startStaticServer } from './stock-updater.js';

const source = identity('source');

test('the stock tuf-js Updater accepts what X signs, follows its updates and downloads a target', async () => {
  const now = new Date();
  const body = Buffer.from('a wheel');
  const whl = entry(1, { sha256: sha256(body), sha512: undefined, lengthBytes: body.length });
  const list = [whl, ...entries(600).slice(2)];
  const first = makeMetadata({ bundle: 'demo', identity: source, entries: list, now });
  const [folder, name] = [
    whl.path.slice(0, whl.path.lastIndexOf('/')),
    whl.path.slice(whl.path.lastIndexOf('/') + 1),
  ];
  const target = `${folder}/${whl.sha256}.${name}`;
  const server = await startStaticServer();
  const stock = await StockClient.install(server, first.files.get('1.root.json')!);
  try {
    server.serve(new Map([...first.files, [target, body]]));
    const client = stock.updater();
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
    server.serve(second.files);
    const after = stock.updater();
    await after.refresh();
    assert.ok(await after.getTargetInfo(entry(2400).path));
  } finally {
    await stock.remove();
    await server.close();
  }
});
