import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { startFixtureUpstream } from '../../fixtures/upstream/server.js';
import { BOUNDS } from '../../src/domain/bounds.js';
import type { XError } from '../../src/domain/errors.js';
import { systemClock } from '../../src/platform/clock.js';
import { systemRandom } from '../../src/platform/random.js';
import type { ProgressEvent } from '../../src/ports/progress.js';
import { createInputReader } from '../../src/roles/fetched-input.js';
import { createUpstream } from '../../src/upstream/open-upstream.js';

const texts: Record<string, { type?: string; body: string | Uint8Array; location?: string }> = {
  '/list.txt': { body: 'x-alpha\n' },
  '/latin.txt': {
    type: 'text/plain; charset=iso-8859-1',
    body: Buffer.from('# caf\u00e9\n', 'latin1'),
  },
  '/named.txt': { body: Buffer.from('# coding: latin-1\n# caf\u00e9\n', 'latin1') },
  '/page': { type: 'text/html', body: '\n<!DOCTYPE html><title>Sign in</title>' },
  '/bytes': { body: Uint8Array.of(0x50, 0, 3, 4) },
  '/noText': { body: Uint8Array.of(0xff, 0xf0, 0x80) },
  '/large.txt': { body: Buffer.alloc(BOUNDS.inputFileBytes + 1, '#') },
  '/moved': { body: '', location: '/pypi/list.txt' },
  '/circle': { body: '', location: '/pypi/circle' },
  '/away': { body: '', location: 'file:///etc/hostname' },
};
const server = await startFixtureUpstream({
  pypi: {
    handle: (path) => {
      const found = texts[path];
      if (found === undefined) return { status: 404, headers: {}, body: '' };
      const { type = 'text/plain', body, location } = found;
      if (location !== undefined) return { status: 302, headers: { location }, body };
      return { status: 200, headers: { 'content-type': type }, body: Buffer.from(body) };
    },
  },
});
const upstream = createUpstream({ clock: systemClock, random: systemRandom, proxy: {} });
after(async () => {
  await upstream.close();
  await server.close();
});

function reader() {
  const events: ProgressEvent[] = [];
  const logins: string[] = [];
  const readInput = createInputReader({
    upstream,
    remember: (login) => logins.push(login),
    report: (event) => void events.push(event),
  });
  return { readInput, events, logins };
}

const at = (path: string): string => `${server.url}/pypi${path}`;

test('a file is fetched once, whatever login or fragment it is asked for with', async () => {
  const { readInput, events, logins } = reader();
  const login = at('/list.txt#x').replace('://', '://u:p@');
  const [first, second] = [await readInput(login), await readInput(at('/list.txt'))];
  assert.equal(first, second);
  assert.deepEqual(first, { path: at('/list.txt'), address: at('/list.txt'), text: 'x-alpha\n' });
  assert.deepEqual(logins, [login]);
  assert.equal(server.requests.filter(({ path }) => path === '/pypi/list.txt').length, 1);
  assert.match(JSON.stringify(events), /without TLS/);
  const query = await readInput(at('/list.txt?token=1'));
  assert.equal(query.path, at('/list.txt'));
  assert.equal(query.address, at('/list.txt?token=1'));
});

test('it is read in the encoding that the server or its first comment names, after redirects', async () => {
  const { readInput } = reader();
  assert.equal((await readInput(at('/latin.txt'))).text, '# caf\u00e9\n');
  assert.match((await readInput(at('/named.txt'))).text, /caf\u00e9/);
  const moved = await readInput(at('/moved'));
  assert.deepEqual([moved.path, moved.text], [at('/moved'), 'x-alpha\n']);
});

test('what cannot be fetched or is no text is refused with what to do', async () => {
  const cases: [string, string, RegExp, RegExp][] = [
    [at('/gone?token=secret'), 'INPUT_NOT_FOUND', /cannot fetch .*404/, /save the file/],
    [at('/page'), 'INPUT_UNREADABLE', /web page/, /raw/],
    [at('/bytes'), 'INPUT_UNREADABLE', /not text/, /requirements file/],
    [at('/noText'), 'INPUT_UNREADABLE', /not text/, /UTF-8/],
    [at('/large.txt'), 'LIMIT_EXCEEDED', /larger than the limit/, /save the file/],
    [at('/circle'), 'UPSTREAM_REFUSED', /redirects/, /save the file/],
    [at('/away'), 'UPSTREAM_REFUSED', /redirects out of http/, /save the file/],
    ['https://', 'INPUT_NOT_FOUND', /is none/, /HOST/],
  ];
  for (const [place, code, message, hint] of cases) {
    const error = await Promise.resolve()
      .then(() => reader().readInput(place))
      .then(
        () => assert.fail(place),
        (thrown: unknown) => thrown as XError,
      );
    assert.equal(error.code, code, `${place}: ${error.message}`);
    assert.match(error.message, message);
    assert.match(error.hint ?? '', hint, place);
    assert.ok(!error.message.includes('secret'), error.message);
  }
});

test('so many files are fetched in one run, and no more', async () => {
  const { readInput } = reader();
  for (let count = 0; count < BOUNDS.fetchedInputs; count += 1) {
    await readInput(at(`/list.txt?${count}`));
  }
  await assert.rejects(readInput(at('/list.txt?more')), { code: 'LIMIT_EXCEEDED' });
});
