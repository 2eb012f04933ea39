import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { addressGroup, groupOfMultiaddr } from '../../src/network/address-group.js';

test('a group is a /24, a /48, or one address of a local network', () => {
  const cases: [string, string | undefined][] = [
    ['203.0.113.9', '203.0.113.0/24'],
    ['203.0.113.200', '203.0.113.0/24'],
    ['2001:db8:1:2::9', '2001:db8:1::/48'],
    ['2001:DB8:0001:ffff::', '2001:db8:1::/48'],
    ['::ffff:203.0.113.9', '203.0.113.0/24'],
    ['::ffff:cb00:7109', '203.0.113.0/24'],
    ['10.1.2.3', '10.1.2.3'],
    ['192.168.0.7', '192.168.0.7'],
    ['fe80::1%eth0', 'fe80:0:0:0:0:0:0:1'],
    ['fd00::2', 'fd00:0:0:0:0:0:0:2'],
    ['::1', '0:0:0:0:0:0:0:1'],
    ['not an address', undefined],
    ['203.0.113', undefined],
    ['', undefined],
  ];
  for (const [ip, group] of cases) assert.equal(addressGroup(ip), group, ip);
});

test('a multiaddr is in the group of the host that it names first', () => {
  assert.equal(groupOfMultiaddr('/ip4/203.0.113.9/tcp/8471'), '203.0.113.0/24');
  assert.equal(groupOfMultiaddr('/ip6/2001:db8:1::9/tcp/1/p2p/abc'), '2001:db8:1::/48');
  assert.equal(groupOfMultiaddr('/ip6zone/eth0/ip6/fe80::9/tcp/1'), 'fe80:0:0:0:0:0:0:9');
  assert.equal(
    groupOfMultiaddr('/ip4/203.0.113.9/tcp/1/p2p/relay/p2p-circuit/p2p/other'),
    '203.0.113.0/24',
  );
  for (const text of ['', '/', '/dns4/depot.lan/tcp/1', 'ip4/1.2.3.4', '/ip4/999.1.1.1/tcp/1'])
    assert.equal(groupOfMultiaddr(text), undefined, text);
});

test('one /48 is one group however its addresses are spelled, and its neighbour another', () => {
  fc.assert(
    fc.property(fc.ipV6(), (ip) => {
      const group = addressGroup(ip);
      assert.ok(group !== undefined, ip);
      assert.equal(addressGroup(ip.toUpperCase()), group);
    }),
    { numRuns: 500 },
  );
  assert.notEqual(addressGroup('2001:db8:1::1'), addressGroup('2001:db8:2::1'));
});

test('whatever text comes, it is a group or none', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 60 }), (text) => {
      const group = groupOfMultiaddr(`/ip4/${text}/tcp/1`);
      assert.ok(group === undefined || group.length < 50);
    }),
    { numRuns: 2_000 },
  );
});
