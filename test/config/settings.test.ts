import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DEFAULTS, mergeSettings } from '../../src/config/settings.js';
import { XError } from '../../src/domain/errors.js';

test('nothing given: the defaults', () => {
  assert.deepEqual(mergeSettings({ env: {}, flags: {} }), DEFAULTS);
});

test('flags beat the environment, which beats the file, which beats the defaults', () => {
  const file = {
    path: 'x.toml',
    text: 'listen = 1000\nport = 1001\nbind = "0.0.0.0"\npeers = ["a"]',
  };
  const settings = mergeSettings({
    file,
    env: { X_LISTEN: '2000', X_PORT: '2001', X_MDNS: 'off' },
    flags: { listen: 3000 },
  });
  assert.deepEqual(settings, {
    data: undefined,
    listen: 3000,
    port: 2001,
    bind: '0.0.0.0',
    mdns: false,
    names: [],
    allow: [],
    rateLimit: 0,
    tls: false,
    tlsCertificate: undefined,
    tlsKey: undefined,
    accessLog: undefined,
    peers: ['a'],
    interfaces: [],
    up: [],
    down: [],
    trustIndexes: [],
  });
});

test('every bad field is named at once, with its place', () => {
  const file = { path: 'x.toml', text: 'listen = 99999\ncolour = "red"' };
  assert.throws(
    () => mergeSettings({ file, env: { X_PORT: 'eighty', X_MDNS: 'perhaps' }, flags: {} }),
    (error: unknown) => {
      assert.ok(error instanceof XError);
      assert.equal(error.exitCode, 2);
      for (const part of [
        'x.toml: unknown setting "colour"',
        'x.toml: listen',
        'X_PORT',
        'X_MDNS',
      ]) {
        assert.ok(error.message.includes(part), `${part} in:\n${error.message}`);
      }
      return true;
    },
  );
});

test('a broken file is named with line and column', () => {
  assert.throws(
    () => mergeSettings({ file: { path: 'x.toml', text: 'listen = \n' }, env: {}, flags: {} }),
    /x\.toml:1:\d+/,
  );
});
