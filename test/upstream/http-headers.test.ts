import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  printableAddress,
  redirectTarget,
  splitCredentials,
} from '../../src/upstream/http-address.js';
import {
  contentLengthOf,
  contentRangeOf,
  retryAfterMsOf,
  strongEtagOf,
} from '../../src/upstream/http-headers.js';

test('Content-Range', () => {
  const table: [string, ReturnType<typeof contentRangeOf>][] = [
    ['bytes 5-9/10', { start: 5, total: 10 }],
    ['bytes 5-9/*', { start: 5, total: undefined }],
    ['bytes */10', { start: undefined, total: 10 }],
    ['bytes 5-/10', undefined],
    ['items 5-9/10', undefined],
    ['bytes 5-9/99999999999999999999', undefined],
    ['', undefined],
  ];
  for (const [text, expected] of table) {
    assert.deepEqual(contentRangeOf({ 'content-range': text }), expected, text);
  }
});

test('Content-Length, Retry-After and ETag are taken only where they are well-formed', () => {
  const now = new Date(Date.UTC(2026, 0, 1));
  assert.equal(contentLengthOf({ 'content-length': '12' }), 12);
  assert.equal(contentLengthOf({ 'content-length': '-1' }), undefined);
  assert.equal(contentLengthOf({}), undefined);
  assert.equal(retryAfterMsOf({ 'retry-after': '2' }, now), 2000);
  assert.equal(retryAfterMsOf({ 'retry-after': 'Thu, 01 Jan 2026 00:00:03 GMT' }, now), 3000);
  assert.equal(retryAfterMsOf({ 'retry-after': 'Wed, 31 Dec 2025 00:00:00 GMT' }, now), 0);
  assert.equal(retryAfterMsOf({ 'retry-after': 'soon' }, now), undefined);
  assert.equal(strongEtagOf({ etag: '"a"' }), '"a"');
  assert.equal(strongEtagOf({ etag: 'W/"a"' }), undefined);
  assert.equal(strongEtagOf({ etag: '"a"\r\nx: "b"' }), undefined);
});

test('redirects: relative ones resolve, TLS is never left, credentials are not taken from a server', () => {
  const from = new URL('https://host/a/b?x');
  assert.equal(redirectTarget(from, 'c').href, 'https://host/a/c');
  assert.equal(redirectTarget(from, '//other/c').href, 'https://other/c');
  assert.equal(redirectTarget(from, 'https://me:pw@other/c#f').href, 'https://other/c');
  assert.throws(() => redirectTarget(from, 'http://host/'), /from https down to http:\/\/host\//);
  assert.equal(redirectTarget(new URL('http://h/'), 'https://h/').href, 'https://h/');
});

test('credentials are taken out of an address, and none of it is printed', () => {
  const address = new URL('https://us%C3%A9r:p%3Aw@host:444/x?sig=1#frag');
  const { url, authorization } = splitCredentials(address);
  assert.equal(url.href, 'https://host:444/x?sig=1');
  assert.equal(authorization, `Basic ${Buffer.from('usér:p:w').toString('base64')}`);
  assert.equal(printableAddress(address), 'https://host:444/x?…');
  assert.equal(splitCredentials(new URL('https://host/')).authorization, undefined);
});
