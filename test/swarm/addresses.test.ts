import assert from 'node:assert/strict';
import { test } from 'node:test';
import { multiaddr } from '@multiformats/multiaddr';
import { formatAddress, parseAddress, resolveAddress, tcpOf } from '../../src/swarm/addresses.js';
import { didOfPeer, peerOfDid } from '../../src/swarm/did.js';
import { decodeRuns, encodeRuns } from '../../src/swarm/runs.js';
import { serviceTag } from '../../src/swarm/announcement.js';
import { checkChosen, Neighbourhood, readInterfaces } from '../../src/swarm/interfaces.js';
import { peerIdFromString } from '@libp2p/peer-id';
import fc from 'fast-check';

test('addresses are read in every form that users write', () => {
  for (const [text, formatted] of [
    ['packages.lan', 'packages.lan:8471'],
    ['packages.lan:9000', 'packages.lan:9000'],
    ['192.0.2.7', '192.0.2.7:8471'],
    ['192.0.2.7:1', '192.0.2.7:1'],
    ['fe80::1', '[fe80::1]:8471'],
    ['[fe80::1]', '[fe80::1]:8471'],
    ['[fe80::1]:9000', '[fe80::1]:9000'],
    ['/ip4/192.0.2.7/tcp/8471', '/ip4/192.0.2.7/tcp/8471'],
  ] as const) {
    assert.equal(formatAddress(parseAddress(text)), formatted);
  }
  for (const text of [
    '',
    'a b',
    'host:0',
    'host:70000',
    'host:',
    '[host]:1',
    '/ip4/x',
    'a/b',
    'u@h',
  ]) {
    assert.throws(() => parseAddress(text), { code: 'USAGE' }, text);
  }
});

test('names are looked up, numbers are not', async () => {
  const lookUp = (): Promise<string[]> => Promise.resolve(['192.0.2.1', 'fd00::1']);
  const resolved = await resolveAddress(parseAddress('packages.lan'), lookUp);
  assert.deepEqual(resolved.map(String), ['/ip4/192.0.2.1/tcp/8471', '/ip6/fd00::1/tcp/8471']);
  const refuse = (): Promise<string[]> => Promise.reject(new Error('not to be asked'));
  assert.equal(
    (await resolveAddress(parseAddress('10.0.0.1:5'), refuse)).join(),
    '/ip4/10.0.0.1/tcp/5',
  );
});

function at(cidr: string, internal = false): { address: string; cidr: string; internal: boolean } {
  return { address: cidr.split('/')[0] ?? '', cidr, internal };
}

test('nearby is loopback, private, or on a link of this machine', () => {
  const interfaces = readInterfaces({ eth0: [at('203.0.113.9/24')], down: undefined });
  const neighbourhood = new Neighbourhood(interfaces, []);
  const isNearby = (ip: string): boolean => neighbourhood.isNearby(ip);
  for (const ip of ['127.0.0.1', '10.1.2.3', '172.31.0.1', '192.168.4.4', '169.254.1.1', '::1']) {
    assert.ok(isNearby(ip), ip);
  }
  for (const ip of ['fd12::1', 'fe80::5', '203.0.113.77', '::ffff:10.0.0.1'])
    assert.ok(isNearby(ip), ip);
  for (const ip of [
    '8.8.8.8',
    '172.32.0.1',
    '203.0.114.1',
    '2001:db8::1',
    '::ffff:8.8.8.8',
    'x',
    '',
  ]) {
    assert.ok(!isNearby(ip), ip);
  }
});

test('virtual interfaces are not used unless they are chosen, and what is behind others is not met', () => {
  const interfaces = readInterfaces(
    {
      lo: [at('127.0.0.1/8', true)],
      eth0: [at('203.0.113.9/24'), at('fe80::1/64')],
      docker0: [at('172.17.0.1/16')],
      office: [at('10.8.0.2/24')],
      eth1: [at('192.168.7.1/24')],
    },
    (name) => name === 'office',
  );
  const names = (chosen: string[]): string[] =>
    new Neighbourhood(interfaces, chosen).used.map(({ name }) => name);
  assert.deepEqual(names([]), ['eth0', 'eth1']);
  assert.deepEqual(names(['docker0']), ['docker0']);
  const all = new Neighbourhood(interfaces, []);
  for (const ip of ['203.0.113.7', '192.168.7.9', '10.9.9.9', 'fe80::2'])
    assert.ok(all.mayMeet(ip, false), ip);
  for (const ip of ['172.17.0.5', '10.8.0.9', '127.0.0.1', '8.8.8.8'])
    assert.ok(!all.mayMeet(ip, false), ip);
  assert.ok(all.mayMeet('127.0.0.1', true));
  assert.ok(all.isNearby('172.17.0.5'), 'a container that comes by itself is let in');
  const one = new Neighbourhood(interfaces, ['eth0']);
  assert.ok(!one.isNearby('192.168.7.9') && !one.isNearby('10.8.0.9'));
  assert.ok(
    one.isNearby('192.168.8.9') && one.isNearby('203.0.113.7') && one.isNearby('192.168.7.1'),
  );
  assert.deepEqual(one.zones(), ['eth0']);
  assert.throws(() => checkChosen(interfaces, ['eth0', 'eth9']), {
    code: 'USAGE',
    message: /eth9/,
    hint: /eth0, docker0, office, eth1/,
  });
});

test('link-local addresses keep their zone, or get each one that they may be in', async () => {
  const zoned = parseAddress('[fe80::1%eth0]:9000');
  assert.equal(formatAddress(zoned), '[fe80::1%eth0]:9000');
  const no = (): Promise<string[]> => Promise.resolve([]);
  assert.deepEqual((await resolveAddress(zoned, no, ['eth1'])).map(String), [
    '/ip6zone/eth0/ip6/fe80::1/tcp/9000',
  ]);
  const bare = await resolveAddress(parseAddress('fe80::1'), no, ['eth0', 'eth1']);
  assert.deepEqual(bare.map(String), [
    '/ip6zone/eth0/ip6/fe80::1/tcp/8471',
    '/ip6zone/eth1/ip6/fe80::1/tcp/8471',
  ]);
  assert.deepEqual(tcpOf(bare[0]!), { ip: 'fe80::1', port: 8471 });
});

test('only plain TCP addresses are dialled', () => {
  assert.deepEqual(tcpOf(multiaddr('/ip4/10.0.0.1/tcp/5')), { ip: '10.0.0.1', port: 5 });
  assert.equal(tcpOf(multiaddr('/ip4/10.0.0.1/udp/5')), undefined);
  assert.equal(tcpOf(multiaddr('/dns4/example.com/tcp/5')), undefined);
  assert.equal(tcpOf(multiaddr('/ip4/10.0.0.1/tcp/5/ws')), undefined);
});

test('a peer id and its did:key are one key, there and back', () => {
  const peer = peerIdFromString('12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5');
  const did = didOfPeer(peer);
  assert.equal(did, 'did:key:z6Mkon3Necd6NkkyfoGoHxid2znGc59LU3K7mubaRcFbLfLX');
  assert.equal(peerOfDid(did)?.toString(), peer.toString());
  for (const wrong of [
    'did:web:x',
    'did:key:z',
    'did:key:z6Mk',
    `did:key:z${'1'.repeat(200)}`,
    '',
  ]) {
    assert.equal(peerOfDid(wrong), undefined);
  }
});

test('the mDNS tag is a valid service name and does not name the source', () => {
  const tag = serviceTag('did:key:z6MkExample');
  assert.match(tag, /^_x-[0-9a-f]{24}\._udp\.local$/);
  assert.notEqual(tag, serviceTag('did:key:z6MkOther'));
});

test('runs of leaves come back as they were, and malformed ones not at all', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.nat(400), { maxLength: 100 }), (leaves) => {
      const sorted = [...leaves].sort((a, b) => a - b);
      assert.deepEqual(decodeRuns(encodeRuns(leaves), 401, 100), sorted);
    }),
  );
  fc.assert(
    fc.property(fc.array(fc.nat(0xffffffff), { maxLength: 9 }), (numbers) => {
      const leaves = decodeRuns(numbers, 50, 20) ?? [];
      assert.ok(leaves.length <= 20 && leaves.every((leaf) => leaf < 50));
    }),
  );
});
