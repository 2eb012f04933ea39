import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { metadataOf, zipOf } from '../../../fixtures/upstream/pypi-archives.js';
import { XError } from '../../../src/domain/errors.js';
import { BOUNDS } from '../../../src/domain/bounds.js';
import { readWheelMetadata } from '../../../src/ecosystems/pypi/archive-metadata.js';
import { parseCoreMetadata } from '../../../src/ecosystems/pypi/core-metadata.js';
import { Distributions } from '../../../src/ecosystems/pypi/distributions.js';
import { parseFilename, type WheelName } from '../../../src/ecosystems/pypi/filename.js';
import { fileOf, parseIndexPage } from '../../../src/ecosystems/pypi/index-page.js';
import type { InputFile } from '../../../src/ports/ecosystem.js';
import { createUpstream } from '../../../src/upstream/open-upstream.js';
import { failureOf, fixtureSource } from './fixture-source.js';

const source = fixtureSource();
const nothing = (path: string): Promise<InputFile> =>
  Promise.reject(new XError('INPUT_NOT_FOUND', `there is no file ${path}`));

/** A line that pip refuses too, or that names what no bundle can carry, and what is said of it. */
const LINES: readonly (readonly [string, RegExp])[] = [
  ['x-alpha[', /expected the name of an extra/],
  ['x-alpha[a', /expected a comma or \]/],
  ['x-alpha[a,]', /expected the name of an extra/],
  ['x-alpha[a b]', /expected a comma or \]/],
  ['x-alpha[-a]', /expected the name of an extra/],
  ['x-alpha >=', /not a version specifier/],
  ['x-alpha = 2', /expected/],
  ['x-alpha => 2', /expected/],
  ['x-alpha >=1,<', /expected/],
  ['x-alpha >=1 <2', /expected/],
  ['x-alpha ==1.*.*', /not a version specifier/],
  ['x-alpha >=1.*', /not a version specifier/],
  ['x-alpha ~=1', /not a version specifier/],
  ['x-alpha ==one', /not a version specifier/],
  ['x-alpha (>=1', /expected/],
  ['x-alpha 1.0', /expected/],
  ['x-alpha x-beta', /expected/],
  ['-x-alpha', /unknown option/],
  ['x-alpha-', /expected/],
  ['x\u0301-alpha', /expected/],
  ['==1.0', /expected a package name/],
  ['; python_version > "3"', /expected a package name/],
  ['x-alpha ;', /expected/],
  ['x-alpha ; python_version', /expected a comparison/],
  ['x-alpha ; python_version > ', /expected/],
  ['x-alpha ; python_version > 3.8', /expected|unknown marker variable/],
  ['x-alpha ; python_version > "3', /expected|quote/],
  ['x-alpha ; pythonversion > "3"', /unknown marker variable/],
  ['x-alpha ; (python_version > "3"', /expected/],
  ['x-alpha ; python_version > "3" and', /expected/],
  ['x-alpha ; "3" > "2" or or "1" < "2"', /unknown marker variable/],
  [`x-alpha ; ${'('.repeat(5000)}`, /nested|deep|expected/],
  ['x-alpha @', /expected an address/],
  ['x-alpha @ not-an-address', /not an http, https or file address/],
  ['x-alpha @ ftp://a.test/x_alpha-1.0-py3-none-any.whl', /not an http, https or file address/],
  ['x-alpha @ https://a.test/archive', /does not end in the name of a wheel or an sdist/],
  ['https://a.test/x.whl', /does not end in the name of a wheel or an sdist/],
  ['https://a.test/%ff.whl', /does not end in the name of a wheel or an sdist/],
  ['x-alpha @ git+https://a.test/x.git', /version control/],
  ['git+ssh://a.test/x.git', /version control/],
  ['./wheels/x_alpha-1.0-py3-none-any.whl', /of this machine alone/],
  ['x_alpha-1.0-py3-none-any.whl', /of this machine alone/],
  ['C:\\wheels\\x', /of this machine alone/],
  ['wheels/', /of this machine alone/],
  ['x_alpha-1.0.tar.bz2', /of this machine alone/],
  ['x-alpha @ ../x_alpha-1.0-py3-none-any.whl', /of this machine alone/],
  ['-r file://elsewhere/more.txt', /read from this machine or fetched/],
  ['x-alpha[' + 'a,'.repeat(20_000), /name of an extra: x-alpha\[(?:a,)+… \(40008 characters\)$/],
  ['-e .', /editable/],
  ['--editable=git+https://a.test/x.git#egg=x', /editable/],
  ['--frobnicate', /unknown option/],
  ['--index-url', /needs a value/],
  ['--find-links=', /needs a value/],
  ['--extra-index-url https://me:secret@a.test/simple', /credentials/],
  ['x-alpha --no-deps', /unknown option/],
  ['x-alpha --hash=sha256:abc', /hash/],
  ['x-alpha --hash=md5:d41d8cd98f00b204e9800998ecf8427e', /hash/],
  ['x-alpha --hash=sha256', /hash/],
  ['x-alpha --hash', /hash/],
  ['-r', /needs a value/],
  ['-r ftp://a.test/more.txt', /fetched over http and https/],
  ['-c https://me:secret@a.test/limits.txt', /credentials stand in the address of a\.test/],
  ['-r https://', /not an address/],
  ['pkg:pypi/', /./],
  ['x-alpha >=' + '1'.repeat(5000), /./],
  ['x'.repeat(70_000), /too long|expected/],
];

test(`${LINES.length} lines that cannot be carried, each with its place and what is wrong`, async (t) => {
  for (const [line, expected] of LINES) {
    const text = `x-beta\n\n${line}\n`;
    const failure = await failureOf(source.read({ path: 'asked.txt', text }, nothing));
    assert.equal(failure.code, 'INPUT_MALFORMED', line);
    assert.match(failure.message, /^asked\.txt:3/, line);
    assert.match(failure.message, expected, line);
    assert.ok(!failure.message.includes('secret'), 'no message shows a password');
  }
  const all = LINES.map(([line]) => line).join('\n');
  const together = await failureOf(source.read({ path: 'asked.txt', text: all }, nothing));
  assert.ok(together.message.split('\n').length > 15, 'all are told at once');
  t.diagnostic(`${LINES.length} lines`);
});

test('a line of white space and a page of too many files are left in no time', async () => {
  const text = `x-beta${' '.repeat(4_000_000)}# and no more\n`;
  const read = await source.read({ path: 'asked.txt', text }, nothing);
  assert.equal((read.requirements as { requirements: unknown[] }).requirements.length, 1);
  const link = '<a href="x-1.0.tar.gz">x</a>';
  const url = 'https://a.test/simple/x/';
  const many = async (count: number, type: string): Promise<unknown> => {
    const entries = '{"url":"x-1.0.tar.gz","filename":"x-1.0.tar.gz","hashes":{}},'.repeat(count);
    const json = `{"meta":{"api-version":"1.0"},"files":[${entries.slice(0, -1)}]}`;
    const page = type === JSON_TYPE ? json : link.repeat(count);
    return Promise.resolve().then(() => parseIndexPage(Buffer.from(page), type, url));
  };
  for (const type of [JSON_TYPE, 'text/html']) {
    const failure = await failureOf(many(BOUNDS.indexPageFiles + 1, type));
    assert.equal(failure.code, 'LIMIT_EXCEEDED');
    await many(1_000, type);
  }
});

test('a requirement that nobody would read to its end is not shown to its end', async () => {
  const long = METADATA.replace('\n\n', `\nRequires-Dist: ${'x'.repeat(1_000_000)}\n\n`);
  const failure = await failureOf((async () => parseCoreMetadata(Buffer.from(long), 'evil'))());
  assert.ok(failure.message.length < 500, failure.message);
});

test('files that name each other end, and those that name too many do', async () => {
  const files: Record<string, string> = {
    'a.txt': '-r b.txt\nx-alpha',
    'b.txt': '-r a.txt\nx-beta',
  };
  const read = await source.read({ path: 'a.txt', text: files['a.txt'] ?? '' }, (path) =>
    Promise.resolve({ path, text: files[path] ?? '' }),
  );
  const names = (read.requirements as { requirements: { requirement: { name: string } }[] })
    .requirements;
  assert.deepEqual(
    new Set(names.map(({ requirement }) => requirement.name)),
    new Set(['x-alpha', 'x-beta']),
  );
  const endless = source.read({ path: '0.txt', text: '-r 1.txt' }, (path) =>
    Promise.resolve({ path, text: `-r ${Number.parseInt(path, 10) + 1}.txt` }),
  );
  assert.equal((await failureOf(endless)).code, 'LIMIT_EXCEEDED');
});

const JSON_TYPE = 'application/vnd.pypi.simple.v1+json';

test('index pages that cannot be read, and links on them that lead astray', async () => {
  const page = (text: string, type: string) =>
    (async () => parseIndexPage(Buffer.from(text), type, 'https://a.test/simple/x/'))();
  const files = (list: string): string => `{"meta":{"api-version":"1.0"},"files":${list}}`;
  const broken = ['{', '[]', 'null', '"x"', '{}', files('{}'), files('"x"'), files('null'),
    '{"meta":{"api-version":"2.0"},"files":[]}', '{"meta":{"api-version":1},"files":[]}']; // prettier-ignore
  for (const text of broken) {
    assert.equal((await failureOf(page(text, JSON_TYPE))).code, 'UPSTREAM_MALFORMED', text);
  }
  const passedOver = [
    '<a href="../../../../etc/passwd">x</a>',
    '<a href="file:///srv/x-1.0.tar.gz">x</a>',
    '<a href="..%2fx-1.0.tar.gz">x</a>',
    '<a href="http://[/x-1.0.tar.gz">x</a>',
    '<a href="javascript:x-1.0.tar.gz">x</a>',
    '<a>x-1.0.tar.gz</a>',
    '<a href="x-not-a-version.tar.gz">x</a>',
    `<a href="x-1.0-py3-none-${'a.'.repeat(120)}any.whl">x</a>`,
    '\u0000\u0001\u0002',
    '<!DOCTYPE html>',
  ];
  for (const text of passedOver) {
    assert.deepEqual((await page(text, 'text/html')).files, [], text);
  }
  const odd = files(
    '[null,1,"x",{},{"url":1},{"url":"http://["},{"url":"x","filename":"../x-1.0.tar.gz"},' +
      '{"url":"x-1.0.tar.gz","filename":"x-1.0.tar.gz","hashes":"none","size":-1e999,"yanked":{},"requires-python":7}]',
  );
  const [only, ...others] = (await page(odd.replace('-1e999', '1.5'), JSON_TYPE)).files;
  assert.deepEqual(
    [only?.filename, only?.sizeBytes, only?.digests, others.length],
    ['x-1.0.tar.gz', undefined, {}, 0],
  );
});

const METADATA = metadataOf({ name: 'x-evil', version: '1.0' });

test('METADATA that is none', async () => {
  const texts = ['', '\n', 'nonsense', 'Name: x-evil', 'Metadata-Version: 2.1\nName: x-evil',
    'Metadata-Version: 2.1\nVersion: 1', 'Metadata-Version: 9.0\nName: x\nVersion: 1',
    'Metadata-Version: two\nName: x\nVersion: 1', METADATA.replace('1.0', 'one'),
    METADATA.replace('\n\n', '\nRequires-Dist: ==1\n\n'), METADATA.replace('\n\n', '\nRequires-Dist: x >= y\n\n'),
    METADATA.replace('\n\n', '\nRequires-Dist: x ; nonsense\n\n'), '\u0000'.repeat(1000)]; // prettier-ignore
  for (const text of texts) {
    const failure = await failureOf((async () => parseCoreMetadata(Buffer.from(text), 'evil'))());
    assert.equal(failure.code, 'UPSTREAM_MALFORMED', JSON.stringify(text.slice(0, 80)));
    assert.match(failure.message, /^evil/);
  }
});

const WHEEL = 'x_evil-1.0-py3-none-any.whl';
const wheel = parseFilename(WHEEL) as WheelName;
const PATH = 'x_evil-1.0.dist-info/METADATA';

/** What reading a wheel ends with, and how much of it was read. */
async function readOf(bytes: Buffer): Promise<{ failure: XError; readBytes: number }> {
  let readBytes = 0;
  const reader = {
    lengthBytes: bytes.length,
    read: (start: number, end: number) => {
      readBytes += end - start;
      return Promise.resolve(bytes.subarray(start, end));
    },
  };
  return { failure: await failureOf(readWheelMetadata(reader, wheel, 'evil')), readBytes };
}

/** A zip whose directory claims another size of its first file, and in it of the compressed bytes. */
function claiming(zip: Buffer, sizeBytes: number, compressedBytes?: number): Buffer {
  const changed = Buffer.from(zip);
  const at = changed.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
  changed.writeUInt32LE(sizeBytes, at + 24);
  if (compressedBytes !== undefined) changed.writeUInt32LE(compressedBytes, at + 20);
  return changed;
}

test('wheels that are bombs, lie about their sizes, or hide their METADATA', async () => {
  const honest = zipOf([[PATH, METADATA]]);
  const gigabyte = 2 ** 30;
  for (const bomb of [claiming(honest, gigabyte), claiming(honest, gigabyte, gigabyte)]) {
    const { failure, readBytes } = await readOf(bomb);
    assert.equal(failure.code, 'LIMIT_EXCEEDED');
    assert.match(failure.message, /1073741824 bytes/);
    assert.ok(readBytes < 64 << 10, 'nothing of it is opened');
  }
  // A megabyte that opens into a gigabyte, said to be small: opened no further than it is said to be.
  const bomb = claiming(zipOf([[PATH, Buffer.alloc(4 << 20)]]), 1000);
  assert.equal((await readOf(bomb)).failure.code, 'UPSTREAM_MALFORMED');
  const hidden: Buffer[] = [
    zipOf([]),
    zipOf([[`../${PATH}`, METADATA]]),
    zipOf([[`/${PATH}`, METADATA]]),
    zipOf([[`a/${PATH}`, METADATA]]),
    zipOf([[PATH.replace('/', '\\'), METADATA]]),
    zipOf([['x_other-1.0.dist-info/METADATA', METADATA]]),
    zipOf([
      [PATH, METADATA],
      ['X_Evil-1.0.dist-info/METADATA', METADATA],
    ]),
    honest.subarray(0, honest.length - 10),
    honest.subarray(20),
    Buffer.from('<html>404</html>'),
    Buffer.alloc(70_000),
    Buffer.alloc(0),
  ];
  for (const [at, bytes] of hidden.entries()) {
    assert.equal((await readOf(bytes)).failure.code, 'UPSTREAM_MALFORMED', `wheel ${at}`);
  }
});

test('a server that never stops sending METADATA is left', async () => {
  let sentBytes = 0;
  const server = createServer((_, response) => {
    const more = (): void => {
      let isOpen = true;
      while (isOpen && !response.destroyed) {
        sentBytes += 1 << 16;
        isOpen = response.write(Buffer.alloc(1 << 16, 'x'));
      }
    };
    response.writeHead(200, { 'content-type': 'text/plain' });
    response.on('drain', more);
    more();
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/${WHEEL}`;
  const upstream = createUpstream({
    clock: {
      now: () => new Date(),
      monotonicMs: () => performance.now(),
      sleep: () => Promise.resolve(),
    },
    random: { bytes: (length) => new Uint8Array(length), integer: () => 0 },
    proxy: { httpProxy: undefined, httpsProxy: undefined, noProxy: undefined },
  });
  try {
    const file = fileOf(new URL(address), { coreMetadata: { sha256: undefined } });
    assert.ok(file !== undefined);
    const failure = await failureOf(
      new Distributions(upstream, undefined).describe({ ...file, index: undefined }),
    );
    assert.equal(failure.code, 'LIMIT_EXCEEDED');
    assert.ok(sentBytes < 128 << 20, `${sentBytes} bytes were taken`);
  } finally {
    await upstream.close();
    server.closeAllConnections();
    server.close();
  }
});
