import assert from 'node:assert/strict';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createPypiServer } from '../../src/ecosystems/pypi/server.js';
import { withCarriedInputs } from '../../src/roles/carried-inputs.js';
import { createHeldView, nobodyToAsk } from '../../src/roles/held-view.js';
import { openData } from '../../src/roles/open-data.js';

test('a requirements file that no bundle was made from asks the gateway for one run, and it is said', async () => {
  const cwd = await mkdtemp(join(tmpdir(), 'x-inputs-'));
  const data = await openData(join(cwd, 'data'));
  try {
    const text = '--index-url https://a.example/simple\nsix\n';
    await writeFile(join(cwd, 'own.txt'), text);
    await writeFile(join(cwd, 'plain.txt'), 'six\n');
    const said: string[] = [];
    const args = await withCarriedInputs({
      args: [
        'install',
        '-r',
        'own.txt',
        '--requirement=own.txt',
        '-rown.txt',
        '-c',
        'plain.txt',
        'own.txt',
      ],
      cwd,
      gateway: 'http://127.0.0.1:1',
      catalog: data.catalog,
      view: createHeldView(data.catalog, data.store, nobodyToAsk),
      folder: join(cwd, 'run'),
      warn: (message) => assert.fail(message),
      say: (line) => said.push(line),
      rewrite: createPypiServer().rewriteInput,
    });
    const [, , first = '', second = '', third = '', ...rest] = args;
    assert.deepEqual(rest, ['-c', 'plain.txt', 'own.txt']);
    for (const copy of [first, second.replace('--requirement=', ''), third.slice(2)]) {
      assert.ok(copy.startsWith(join(cwd, 'run')), copy);
      assert.match(
        await readFile(copy, 'utf8'),
        /^--index-url http:\/\/127\.0\.0\.1:1\/pypi\/simple\/\nsix\n$/,
      );
    }
    assert.equal(said.length, 3);
    assert.match(said[0] ?? '', /^own\.txt names an index of its own/);
    assert.equal(await readFile(join(cwd, 'own.txt'), 'utf8'), text);
  } finally {
    await data.close();
    await rm(cwd, { recursive: true });
  }
});
