import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XError } from '../../../src/domain/errors.js';
import type { InputFile } from '../../../src/ports/ecosystem.js';
import { failureOf, fixtureSource } from './fixture-source.js';

const source = fixtureSource();

/** Reads `text` as what lies at an address, or on this machine; `web` is all that can be fetched. */
function read(text: string, web: Record<string, string> = {}, address?: string) {
  const asked: string[] = [];
  const fileOf = (place: string, content: string): InputFile => {
    const { origin, pathname } = new URL(place);
    return { path: origin + pathname, address: place, text: content };
  };
  const file = address === undefined ? { path: 'asked.txt', text } : fileOf(address, text);
  const done = source.read(file, (place) => {
    asked.push(place);
    const found = web[place];
    if (found === undefined) throw new XError('INPUT_NOT_FOUND', place, { hint: 'As it is.' });
    return Promise.resolve(fileOf(place, found));
  });
  return { done, asked };
}

const HERE = 'https://a.test/deep/list.txt';

test('a fetched file names others relative to its address, as pip joins them', async () => {
  const { done } = read('-r https://a.test/deep/list.txt?v=1#part\n-c https://b.test/limits\n', {
    'https://a.test/deep/list.txt?v=1':
      '-r more.txt\n--requirement=../up.txt\n-r /root.txt\n-r //c.test/other.txt\nx-alpha',
    'https://a.test/deep/more.txt': 'x-more',
    'https://a.test/up.txt': '-r deep/more.txt\nx-up',
    'https://a.test/root.txt': '-c limits.txt\nx-root',
    'https://a.test/limits.txt': 'x-root<3',
    'https://c.test/other.txt': 'x-other',
    'https://b.test/limits': '-r deeper.txt\nx-alpha<9',
    'https://b.test/deeper.txt': 'x-beta<9',
  });
  const { requirements, nested } = await done;
  assert.deepEqual(
    requirements.requirements.map(({ requirement: { name }, where }) => `${name} ${where}`),
    [
      'x-more https://a.test/deep/more.txt:1',
      'x-up https://a.test/up.txt:2',
      'x-root https://a.test/root.txt:2',
      'x-other https://c.test/other.txt:1',
      'x-alpha https://a.test/deep/list.txt:5',
    ],
  );
  assert.deepEqual(
    requirements.constraints.map(({ requirement }) => requirement.text),
    ['x-root<3', 'x-beta<9', 'x-alpha<9'],
  );
  assert.equal(nested.length, 8);
});

test('a fetched file names nothing of this machine, and learns nothing of it', async () => {
  const cases: [string, RegExp][] = [
    ['-r file:///etc/hostname', /names nothing of this machine/],
    ['-c FILE:///etc/hostname', /names nothing of this machine/],
    ['-r ftp://a.test/x.txt', /names nothing of this machine/],
    ['-f wheels', /names nothing of this machine/],
    ['-f /srv/wheels', /names nothing of this machine/],
    ['--find-links=file:///srv/wheels', /names nothing of this machine/],
    ['-i file:///srv/simple', /names nothing of this machine/],
    ['--extra-index-url /srv/simple', /names nothing of this machine/],
    ['x-url @ file:///srv/x_url-1.0-py3-none-any.whl', /names nothing of this machine/],
    ['file:///srv/x_url-1.0-py3-none-any.whl', /names nothing of this machine/],
    ['-r https://a.test/${TOKEN}', /not told what TOKEN holds/],
    ['-i https://${USER}:${PASSWORD}@a.test/simple', /not told what USER holds/],
    ['-r https://me:secret@a.test/x.txt', /credentials stand in the address/],
  ];
  for (const [line, expected] of cases) {
    const { done, asked } = read(`x-beta\n${line}\n`, {}, HERE);
    const failure = await failureOf(done);
    assert.equal(failure.code, 'INPUT_MALFORMED', line);
    assert.match(failure.message, expected, line);
    assert.match(failure.message, /^https:\/\/a\.test\/deep\/list\.txt:2/);
    assert.ok(!/x-alpha|secret/.test(failure.message), failure.message);
    assert.deepEqual(asked, [], line);
  }
  // An absolute path is one of the host.
  const { done, asked } = read('-r /etc/hostname', { 'https://a.test/etc/hostname': '' }, HERE);
  await done;
  assert.deepEqual(asked, ['https://a.test/etc/hostname']);
});

test('circles end, and a web of files without end is left', async () => {
  const circle = read(`-r ${HERE}`, {
    [HERE]: '-r next.txt\nx-alpha',
    'https://a.test/deep/next.txt': '-r list.txt\nx-beta',
  });
  assert.equal((await circle.done).requirements.requirements.length, 2);
  let count = 0;
  const endless = source.read({ path: 'asked.txt', text: `-r ${HERE}` }, (place) => {
    count += 1;
    return Promise.resolve({ path: place, address: place, text: `-r ${count}.txt` });
  });
  const failure = await failureOf(endless);
  assert.equal(failure.code, 'LIMIT_EXCEEDED');
  assert.ok(count <= 32, String(count));
});

test('a file that cannot be fetched is told with the line that names it, and what to do', async () => {
  const failure = await failureOf(read('x-beta\n-r https://a.test/gone.txt').done);
  assert.equal(failure.message, 'asked.txt:2: https://a.test/gone.txt');
  assert.equal(failure.hint, 'As it is.');
});

test('a login of variables goes to those who fetch, and stands nowhere else', async () => {
  const login = 'https://u:p%40ss@a.test/list.txt';
  const web = { [login]: 'x-alpha' };
  const { done } = read('-r https://${USER}:${PASSWORD}@a.test/list.txt', web);
  const { requirements } = await done;
  assert.deepEqual(requirements.logins, [login]);
});

test('the copy for a gateway names the copies of fetched files', async () => {
  const places: Record<string, string> = {
    'https://a.test/x-alpha.txt': 'fetched/a.test/x-alpha.txt',
    'https://a.test/deep/more.txt?v=1': '../b.test/2-more.txt',
  };
  const rewritten = async (text: string, address?: string) => {
    const file = { path: 'r.txt', text, ...(address === undefined ? {} : { address }) };
    const copy = await source.rewriteInput(file, 'http://g', (asked) => places[asked]);
    return copy?.text;
  };
  assert.equal(
    await rewritten(`--pre -r https://a.test/\${TOKEN}.txt # why
-chttps://a.test/x-alpha.txt
--constraint="https://a.test/x-alpha.txt"
-r \\
  https://a.test/x-alpha.txt
-r beside.txt
-r https://a.test/unknown.txt
`),
    `--pre -r fetched/a.test/x-alpha.txt # why
-c fetched/a.test/x-alpha.txt
--constraint=fetched/a.test/x-alpha.txt
-r \\
  fetched/a.test/x-alpha.txt
-r beside.txt
-r https://a.test/unknown.txt
`,
  );
  assert.equal(
    await rewritten('-i https://a.test/simple\n-r more.txt?v=1\n', HERE),
    '--index-url http://g/pypi/simple/\n-r ../b.test/2-more.txt\n',
  );
});
