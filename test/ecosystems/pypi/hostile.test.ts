import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metadataOf, tarGzOf, zipOf } from '../../../fixtures/upstream/pypi-archives.js';
import { BOUNDS } from '../../../src/domain/bounds.js';
import { readTarSdist, readWheelMetadata } from '../../../src/ecosystems/pypi/archive-metadata.js';
import { parseCoreMetadata } from '../../../src/ecosystems/pypi/core-metadata.js';
import {
  parseFilename,
  type SdistName,
  type WheelName,
} from '../../../src/ecosystems/pypi/filename.js';
import { parseIndexPage, parseRootPage } from '../../../src/ecosystems/pypi/index-page.js';
import type { RandomReader } from '../../../src/ecosystems/pypi/zip.js';
import { failureOf } from './fixture-source.js';

const wheel = parseFilename('x_evil-1.0-py3-none-any.whl') as WheelName;
const sdist = parseFilename('x_evil-1.0.tar.gz') as SdistName;
const METADATA = metadataOf({ name: 'x-evil', version: '1.0' });

function readerOf(bytes: Buffer): RandomReader {
  return {
    lengthBytes: bytes.length,
    read: (start, end) => Promise.resolve(bytes.subarray(start, end)),
  };
}

test('wheels without METADATA, with two, cut off, or no zip at all', async () => {
  const path = 'x_evil-1.0.dist-info/METADATA';
  const cases = [
    zipOf([['x/__init__.py', '']]),
    zipOf([
      [path, METADATA],
      ['x-evil-1.0.dist-info/METADATA', METADATA],
    ]),
    zipOf([[`../${path}`, METADATA]]),
    zipOf([[path, METADATA]]).subarray(0, -30),
    Buffer.from('no zip'),
    Buffer.alloc(0),
  ];
  for (const bytes of cases) {
    const failure = await failureOf(readWheelMetadata(readerOf(bytes), wheel, 'evil'));
    assert.equal(failure.code, 'UPSTREAM_MALFORMED');
  }
});

test('METADATA that opens into too much, or into more than it says', async () => {
  const path = 'x_evil-1.0.dist-info/METADATA';
  const bomb = zipOf([[path, Buffer.alloc(BOUNDS.wheelMetadataBytes + 1)]]);
  const tooLong = await failureOf(readWheelMetadata(readerOf(bomb), wheel, 'evil'));
  assert.equal(tooLong.code, 'LIMIT_EXCEEDED');
  const lying = zipOf([[path, Buffer.alloc(1 << 20)]]);
  const at = lying.indexOf(Buffer.from('PK\x01\x02', 'latin1'));
  lying.writeUInt32LE(10, at + 24);
  const caught = await failureOf(readWheelMetadata(readerOf(lying), wheel, 'evil'));
  assert.equal(caught.code, 'UPSTREAM_MALFORMED');
});

test('a damaged byte anywhere in a wheel is an XError or no change', async () => {
  const whole = zipOf([['x_evil-1.0.dist-info/METADATA', METADATA]]);
  for (let at = 0; at < whole.length; at++) {
    const damaged = Buffer.from(whole);
    damaged[at] = (damaged[at] ?? 0) ^ 0xff;
    try {
      const read = await readWheelMetadata(readerOf(damaged), wheel, 'evil');
      assert.equal(Buffer.from(read).toString(), METADATA);
    } catch (thrown) {
      assert.equal((thrown as Error).name, 'XError', `byte ${at}: ${String(thrown)}`);
    }
  }
});

test('sdists that are no tar, or hide PKG-INFO elsewhere', async () => {
  async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
    yield await Promise.resolve(bytes);
  }
  const failure = await failureOf(readTarSdist(once(Buffer.from('x')), sdist, 'evil'));
  assert.equal(failure.code, 'UPSTREAM_MALFORMED');
  const hidden = tarGzOf([
    ['../PKG-INFO', METADATA],
    ['x/y/PKG-INFO', METADATA],
  ]);
  assert.equal((await readTarSdist(once(hidden), sdist, 'evil')).pkgInfo, undefined);
});

test('core metadata that is nonsense', async () => {
  for (const text of [
    '',
    'nonsense',
    'Metadata-Version: 9\nName: x\nVersion: 1\n',
    `${METADATA.trim()}`.replace('1.0', '?'),
  ]) {
    const failure = await failureOf((async () => parseCoreMetadata(Buffer.from(text), 'evil'))());
    assert.equal(failure.code, 'UPSTREAM_MALFORMED');
  }
});

test('index pages that are nonsense', async () => {
  const page = (text: string, type: string) =>
    (async () => parseIndexPage(Buffer.from(text), type, 'https://a.test/simple/x/'))();
  const json = 'application/vnd.pypi.simple.v1+json';
  for (const text of [
    '{',
    '[]',
    '{"meta":{"api-version":"2.0"},"files":[]}',
    '{"meta":{"api-version":"1.0"}}',
  ]) {
    assert.equal((await failureOf(page(text, json))).code, 'UPSTREAM_MALFORMED');
  }
  const html =
    '<a href="../../../etc/passwd">x</a><a href="x-1.0.tar.gz#sha256=zz">y</a><a>z</a><a href="http://[">q</a>';
  const { files } = await page(html, 'text/html');
  assert.deepEqual(
    files.map(({ filename, digests }) => [filename, digests]),
    [['x-1.0.tar.gz', {}]],
  );
  assert.equal(parseFilename('..%2fx-1.0-py3-none-any.whl'), undefined);
});

test('a page from the network names no file of this machine; a local page does', () => {
  const name = 'x_evil-1.0-py3-none-any.whl';
  const html = Buffer.from(`<a href="file:///srv/${name}">x</a><a href="${name}">y</a>`);
  const json = Buffer.from(
    JSON.stringify({
      meta: { 'api-version': '1.0' },
      files: [{ filename: name, url: `file:///srv/${name}`, hashes: {} }],
    }),
  );
  const based = Buffer.from(`<base href="file:///srv/"><a href="${name}">y</a>`);
  const urlsOf = (bytes: Buffer, url: string): string[] =>
    parseIndexPage(bytes, undefined, url).files.map((file) => file.url);
  assert.deepEqual(urlsOf(html, 'https://a.test/x/'), [`https://a.test/x/${name}`]);
  assert.deepEqual(urlsOf(json, 'https://a.test/x/'), []);
  assert.deepEqual(urlsOf(based, 'https://a.test/x/'), []);
  assert.deepEqual(urlsOf(html, 'file:///a/x/index.html'), [
    `file:///srv/${name}`,
    `file:///a/x/${name}`,
  ]);
});

test('tags without an end, and quotes without one, hide no link that follows far enough', () => {
  const link = '<A class="a>b" href=x-1.0.tar.gz>x</A>';
  const count = (text: string): number =>
    parseIndexPage(Buffer.from(text), 'text/html', 'https://a.test/simple/x/').files.length;
  assert.equal(count(`<abbr><a title="it's">q</a>${link}`), 1);
  assert.equal(count(`<a title=">q</a> ${link.replaceAll('"', "'")}`), 1);
  assert.equal(count(`<a ${' '.repeat(70_000)}${link}`), 1);
  // Read in one go; quadratic, these would hold the process for minutes.
  for (const piece of ['<a ', '<base ', '<a "', `<a '">`, '<a href=', '<']) {
    assert.equal(count(piece.repeat(400_000)), 0);
  }
});

test('a root page whose projects are nonsense names those that are not', () => {
  const page = '{"projects":[null,1,"x",{"name":2},{"name":"x-alpha"}]}';
  assert.deepEqual(parseRootPage(Buffer.from(page)), ['x-alpha']);
});
