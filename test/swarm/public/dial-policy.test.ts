import assert from 'node:assert/strict';
import { test } from 'node:test';
import { multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../../../src/domain/bounds.js';
import { isGlobalUnicast } from '../../../src/swarm/addresses.js';
import { Neighbourhood } from '../../../src/swarm/interfaces.js';
import { DialPolicy } from '../../../src/swarm/public/dial-policy.js';

const RELAY = '12D3KooWPwKTFQbWSN3bJN1PHa6kSD8xZkzXdBAhmGuVS9H9pNwz';
const office = new Neighbourhood(
  [
    {
      name: 'lo',
      isLoopback: true,
      isVirtual: false,
      addresses: [{ ip: '127.0.0.1', cidr: '127.0.0.1/8' }],
    },
    {
      name: 'eth0',
      isLoopback: false,
      isVirtual: false,
      addresses: [
        { ip: '192.168.7.2', cidr: '192.168.7.2/24' },
        { ip: 'fd00:7::2', cidr: 'fd00:7::2/64' },
      ],
    },
    {
      name: 'docker0',
      isLoopback: false,
      isVirtual: true,
      addresses: [{ ip: '172.17.0.1', cidr: '172.17.0.1/16' }],
    },
  ],
  [],
);

function mayDial(address: string, named: string[] = []): boolean {
  const policy = new DialPolicy(() => office);
  policy.allow(named.map((one) => multiaddr(one)));
  return policy.mayDial(multiaddr(address));
}

test("a stranger's word leads to the internet and onto the link, and nowhere else", () => {
  for (const address of [
    '/ip4/8.8.4.4/tcp/443',
    '/ip6/2a00:1450:4001::1/tcp/8471',
    '/ip4/192.168.7.9/tcp/8471',
    '/ip6/fd00:7::9/tcp/8471',
    `/ip4/8.8.4.4/tcp/8471/p2p/${RELAY}/p2p-circuit`,
  ])
    assert.equal(mayDial(address), true, address);
  for (const address of [
    '/ip4/127.0.0.1/tcp/8471',
    '/ip6/::1/tcp/8471',
    '/ip4/0.0.0.0/tcp/8471',
    // Its own router's page, and other services of the network.
    '/ip4/192.168.7.1/tcp/80',
    '/ip4/192.168.8.9/tcp/8471',
    '/ip4/10.0.0.1/tcp/8471',
    '/ip4/172.17.0.2/tcp/8471',
    '/ip4/169.254.169.254/tcp/8471',
    '/ip4/100.64.0.1/tcp/8471',
    '/ip4/224.0.0.251/tcp/5353',
    '/ip4/255.255.255.255/tcp/8471',
    '/ip6/fe80::1/tcp/8471',
    '/ip6zone/eth0/ip6/fe80::1/tcp/8471',
    '/ip6/fd00:8::1/tcp/8471',
    '/ip6/::ffff:10.0.0.1/tcp/8471',
    '/ip6/::ffff:7f00:1/tcp/8471',
    '/ip6/2002:0a00:0001::1/tcp/8471',
    '/ip6/64:ff9b::a00:1/tcp/8471',
    '/ip6/ff02::fb/tcp/8471',
    '/ip4/8.8.4.4/udp/8471',
    '/dns4/localhost/tcp/8471',
    `/ip4/127.0.0.1/tcp/8471/p2p/${RELAY}/p2p-circuit`,
    `/ip4/10.0.0.1/tcp/8471/p2p/${RELAY}/p2p-circuit`,
    `/p2p/${RELAY}/p2p-circuit`,
  ])
    assert.equal(mayDial(address), false, address);
});

test('what the user named is dialled wherever it is, and nothing beside it', () => {
  const named = ['/ip4/10.9.9.9/tcp/8471'];
  assert.equal(mayDial('/ip4/10.9.9.9/tcp/8471', named), true);
  assert.equal(mayDial('/ip4/10.9.9.9/tcp/8472', named), false);
  assert.equal(mayDial('/ip4/10.9.9.8/tcp/8471', named), false);
});

test('of what a node states a few are tried, direct ones first, and nonsense is passed over', () => {
  const policy = new DialPolicy(() => office);
  const relayed = `/ip4/8.8.4.4/tcp/1/p2p/${RELAY}/p2p-circuit`;
  const many = Array.from({ length: 50 }, (_, i) => `/ip4/8.8.4.${i + 1}/tcp/8471`);
  const chosen = policy.dialable([
    'nonsense',
    `/ip4/8.8.8.8/${'x'.repeat(9_999)}`,
    relayed,
    ...many,
  ]);
  assert.ok(chosen.length <= BOUNDS.swarmDialAddresses);
  assert.ok(!chosen.slice(0, -1).some((address) => address.toString().includes('p2p-circuit')));
  assert.deepEqual(policy.dialable([relayed, '/ip4/8.8.8.8/tcp/2']).map(String), [
    '/ip4/8.8.8.8/tcp/2',
    relayed,
  ]);
});

test('neither loopback nor another link is stated', () => {
  const policy = new DialPolicy(() => office);
  const states = (address: string): boolean => policy.mayState(multiaddr(address));
  assert.equal(states('/ip4/127.0.0.1/tcp/8471'), false);
  assert.equal(states('/ip4/172.17.0.1/tcp/8471'), false);
  assert.equal(states('/ip4/10.0.0.1/tcp/8471'), false);
  assert.equal(states('/ip4/192.168.7.2/tcp/8471'), true);
  assert.equal(states('/ip4/8.8.4.4/tcp/8471'), true);
});

test('only 2000::/3 without what hides IPv4 is global', () => {
  assert.equal(isGlobalUnicast('2600::1'), true);
  assert.equal(isGlobalUnicast('2001:0:1::1'), false);
  assert.equal(isGlobalUnicast('::ffff:8.8.8.8'), false);
  assert.equal(isGlobalUnicast('1.1.1.1'), true);
  assert.equal(isGlobalUnicast('not an address'), false);
});
