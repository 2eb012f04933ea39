import assert from 'node:assert/strict';
import { test } from 'node:test';
import { addressForOthers } from '../../src/roles/gateway-tellings.js';

const LAN = {
  name: 'eth0',
  isLoopback: false,
  isVirtual: false,
  addresses: [
    { ip: 'fe80::1', cidr: 'fe80::1/64' },
    { ip: '10.0.0.5', cidr: '10.0.0.5/24' },
  ],
};
const CONTAINERS = { ...LAN, name: 'docker0', isVirtual: true };

test('others are told the name that they call a gateway by, or an address at which they reach it', () => {
  const of = (bind: string, ...names: string[]): string =>
    addressForOthers('https://127.0.0.1:8470', { bind, names }, [CONTAINERS, LAN]);
  assert.equal(of('0.0.0.0', 'depot.lan', 'depot'), 'https://depot.lan:8470');
  assert.equal(of('0.0.0.0'), 'https://10.0.0.5:8470');
  assert.equal(of('127.0.0.1', 'depot.lan'), 'https://127.0.0.1:8470', 'nobody else reaches it');
  const bound = addressForOthers('http://10.0.0.7:80', { bind: '10.0.0.7', names: [] }, [LAN]);
  assert.equal(bound, 'http://10.0.0.7:80');
});
