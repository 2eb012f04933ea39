import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseAccessRules } from '../../src/gateway/access-rules.js';

test('by default this machine and private networks, and nobody else', () => {
  const mayUse = parseAccessRules([]);
  for (const address of [
    '127.0.0.1',
    '127.9.9.9',
    '10.200.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '169.254.3.4',
    '::1',
    'fd12::1',
    'fe80::1%eth0',
    '::ffff:10.0.0.1',
  ]) {
    assert.equal(mayUse(address), true, address);
  }
  for (const address of [
    '8.8.8.8',
    '172.32.0.1',
    '11.0.0.1',
    '2001:db8::1',
    '::ffff:8.8.8.8',
    '',
    'x',
  ]) {
    assert.equal(mayUse(address), false, address);
  }
});

test('networks replace the default; this machine stays in', () => {
  const mayUse = parseAccessRules(['10.1.0.0/16', 'fd00:1::/32', '192.0.2.7']);
  const judged = [
    '10.1.2.3',
    '10.2.0.1',
    'fd00:1::9',
    'fd00:2::9',
    '192.0.2.7',
    '192.0.2.8',
    '127.0.0.1',
  ].map(mayUse);
  assert.deepEqual(judged, [true, false, true, false, true, false, true]);
  assert.equal(parseAccessRules(['any'])('8.8.8.8'), true);
  assert.equal(parseAccessRules(['private', '8.8.8.0/24'])('8.8.8.8'), true);
});

test('every rule that is none is named at once', () => {
  assert.throws(
    () => parseAccessRules(['10.0.0.0/33', 'everybody', '10.0.0.0/8/8', '::1/x', '10.0.0.1']),
    {
      code: 'USAGE',
      message: 'no address or network: "10.0.0.0/33", "everybody", "10.0.0.0/8/8", "::1/x"',
    },
  );
});
