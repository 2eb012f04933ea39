import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildPypiFixture } from '../../../fixtures/upstream/pypi.js';
import { parseIndexPage } from '../../../src/ecosystems/pypi/index-page.js';
import { createPypiServer } from '../../../src/ecosystems/pypi/server.js';
import type { CatalogEntry } from '../../../src/ports/catalog.js';
import type { HeldView, NativeRequest } from '../../../src/ports/ecosystem.js';
import { bundleOf, fixtureSource, planOf } from './fixture-source.js';

const fixture = buildPypiFixture();
const source = fixtureSource({}, fixture);
const { view } = await bundleOf(source, await planOf(source, 'x-alpha\n'), fixture);
const server = createPypiServer();
const JSON_TYPE = 'application/vnd.pypi.simple.v1+json';

function ask(path: string, accept = '', held: HeldView = view) {
  const query = new URLSearchParams();
  const headers = { accept };
  return server.respond({ method: 'GET', path, query, headers, baseUrl: 'http://g' }, held);
}

test('an upload is refused in words', async () => {
  const query = new URLSearchParams();
  const request = { method: 'POST', path: 'legacy/', query, headers: {}, baseUrl: 'http://g' };
  const answer = await server.respond(request as NativeRequest, view);
  assert.ok(answer.kind === 'bytes');
  assert.equal(answer.status, 405);
  assert.match(Buffer.from(answer.bytes).toString(), /^nothing can be uploaded here/);
});

test('HTML and JSON say the same of a file, and what is not held is not listed', async () => {
  const pages = await Promise.all([ask('simple/X_Alpha/'), ask('simple/x-alpha/', JSON_TYPE)]);
  const files = pages.map((page) => {
    assert.ok(page.kind === 'bytes');
    return parseIndexPage(page.bytes, page.headers['content-type'], 'http://g/pypi/simple/x-alpha/')
      .files;
  });
  for (const [file, ...others] of files) {
    assert.deepEqual(others, []);
    assert.equal(file?.filename, 'x_alpha-2.0-py3-none-any.whl');
    assert.equal(file.requiresPythonText, '>=3.8');
    assert.ok(file.coreMetadata?.sha256);
    const path = new URL(file.url).pathname.replace('/pypi/', '');
    const answers = await Promise.all([ask(path), ask(`${path}.metadata`)]);
    assert.deepEqual(
      answers.map((answer) => answer.kind === 'artifact' && answer.entry.kind),
      ['package', 'index'],
    );
  }
  const html = pages[0]?.kind === 'bytes' ? Buffer.from(pages[0].bytes).toString() : '';
  assert.ok(!html.includes('data-dist-info-metadata'));
});

test('unknown names, paths and digests are not found', async () => {
  const paths = ['simple/x-nothing/', 'simple/../x/', 'files/00/x.whl', 'else', ''];
  for (const path of paths) assert.equal((await ask(path)).kind, 'not-found', path);
});

test('a name private to one source is answered from it alone, whichever bundle came first', async () => {
  const [entry] = view.entriesByName('pypi', 'x-alpha');
  assert.ok(entry);
  const held = (source: string, version: string, isPrivate: boolean): CatalogEntry => ({
    ...entry,
    bundleId: `b@${source}`,
    version,
    path: `pypi/x-alpha/x_alpha-${version}-py3-none-any.whl`,
    private: isPrivate,
  });
  const own = held('did:a', '1.0', true);
  const foreign = held('did:b', '99.0', false);
  for (const entries of [
    [own, foreign],
    [foreign, own],
  ]) {
    const page = await ask('simple/x-alpha/', JSON_TYPE, {
      ...view,
      bundles: () =>
        ['did:a', 'did:b'].map((source) => ({
          id: `b@${source}`,
          name: 'b',
          source,
          role: 'client',
          version: 1,
          manifestDigest: '',
          signedAt: '',
          expiresAt: '',
          graceDays: 0,
          entries: 1,
          bytes: 1,
        })),
      entriesByName: () => entries,
    });
    assert.ok(page.kind === 'bytes');
    assert.deepEqual(
      parseIndexPage(page.bytes, JSON_TYPE, 'http://g/').files.map(({ filename }) => filename),
      ['x_alpha-1.0-py3-none-any.whl'],
    );
  }
});
