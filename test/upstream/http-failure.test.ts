import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BOUNDS } from '../../src/domain/bounds.js';
import type { Random } from '../../src/ports/random.js';
import {
  delayBeforeRetryMs,
  failureOfStatus,
  failureOfThrown,
} from '../../src/upstream/http-failure.js';

function systemError(code: string, cause?: Error): Error {
  return Object.assign(new Error(`it said ${code}`, { cause }), { code });
}

test('every status ends, and only 429 and 5xx are worth another attempt', () => {
  for (let status = 400; status < 600; status++) {
    const { attempts, error } = failureOfStatus('http://h/', status, 'Reason', undefined);
    assert.equal(attempts > 1, status === 429 || status >= 500, String(status));
    assert.equal(error.code === 'PACKAGE_NOT_FOUND', status === 404 || status === 410);
    assert.equal(error.message, `GET http://h/: ${status} Reason`);
  }
});

test('which failures of the connection are tried again, and which mark the host', () => {
  const table: [string, number, boolean][] = [
    ['ECONNREFUSED', BOUNDS.requestAttempts, true],
    ['EHOSTUNREACH', BOUNDS.requestAttempts, true],
    ['EAI_AGAIN', BOUNDS.requestAttempts, true],
    ['ENOTFOUND', 1, true],
    ['UND_ERR_CONNECT_TIMEOUT', BOUNDS.connectTimeouts, true],
    ['ECONNRESET', BOUNDS.requestAttempts, false],
    ['UND_ERR_SOCKET', BOUNDS.requestAttempts, false],
    ['UND_ERR_HEADERS_TIMEOUT', BOUNDS.requestAttempts, false],
    ['CERT_HAS_EXPIRED', 1, false],
    ['SELF_SIGNED_CERT_IN_CHAIN', 1, false],
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', 1, false],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 1, false],
  ];
  for (const [code, attempts, hostDown] of table) {
    for (const thrown of [
      systemError(code),
      new Error('fetch failed', { cause: systemError(code) }),
    ]) {
      const failure = failureOfThrown('http://h/', thrown);
      assert.deepEqual([failure.attempts, failure.hostDown], [attempts, hostDown], code);
      assert.equal(failure.error.code, 'UPSTREAM_UNREACHABLE');
      assert.equal(failure.error.message, `GET http://h/: it said ${code}`);
    }
  }
});

test('an error of several addresses is told by its first', () => {
  const thrown = new AggregateError([systemError('ECONNREFUSED'), systemError('ENETUNREACH')], '');
  assert.match(failureOfThrown('http://h/', thrown).error.message, /it said ECONNREFUSED/);
});

test('waits grow, keep within their ceiling, honour Retry-After and end', () => {
  fc.assert(
    fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (share) => {
      const random: Random = {
        bytes: (length) => new Uint8Array(length),
        integer: (below) => Math.floor(share * below),
      };
      const failure = failureOfStatus('http://h/', 503, '', undefined);
      for (let made = 1; made < BOUNDS.requestAttempts; made++) {
        const ceiling = BOUNDS.requestBackoffMs * 2 ** (made - 1);
        const delay = delayBeforeRetryMs(failure, made, random) ?? -1;
        assert.ok(delay >= ceiling / 2 && delay <= ceiling, `${delay} of ${ceiling}`);
      }
      assert.equal(delayBeforeRetryMs(failure, BOUNDS.requestAttempts, random), undefined);
      const asked = failureOfStatus('http://h/', 503, '', 30_000);
      assert.equal(delayBeforeRetryMs(asked, 1, random), 30_000);
    }),
  );
});
