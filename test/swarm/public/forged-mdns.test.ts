import assert from 'node:assert/strict';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { test } from 'node:test';
import { multiaddr } from '@multiformats/multiaddr';
import { encodeAnnouncement, serviceTag } from '../../../src/swarm/announcement.js';
import { tcpOf } from '../../../src/swarm/addresses.js';
import type { OnPacket, OpenChannel } from '../../../src/swarm/multicast.js';
import { FirstPeers } from '../../../src/swarm/public/first-peers.js';
import { seededRandom } from '../../simulation/lan.js';
import { noise, systemClock } from '../nodes.js';
import { loopbackLink, startHost, until } from './hosts.js';

const FORGED = 1_500;
const TAG = serviceTag('x public network test');

test('forged mDNS leads nowhere but to the link, bounded, takes nobody’s place, and hides nobody', async (t) => {
  const victim = await startHost(t, 50);
  const honest = await startHost(t, 51);
  const named = await startHost(t, 52);
  const doors = createServer((socket: Socket) => socket.on('error', () => undefined).end('no'));
  let knocks = 0;
  doors.on('connection', () => (knocks += 1));
  await new Promise<void>((resolve) => doors.listen(0, '127.0.0.1', resolve));
  t.after(() => doors.close());
  const { port } = doors.address() as AddressInfo;

  let say: ((bytes: Uint8Array, from: string) => void) | undefined;
  const openChannel: OpenChannel = (network, family, onPacket: OnPacket) => {
    const channel = { network, family, send: () => undefined, close: () => undefined };
    say = (bytes, from) => onPacket(channel, bytes, from);
    return Promise.resolve(channel);
  };
  const first = new FirstPeers({
    host: victim,
    network: 'test',
    listenHosts: ['127.0.0.50'],
    peers: [],
    lookUp: () => Promise.resolve([]),
    multicast: { openChannel, surroundings: loopbackLink },
    rendezvous: undefined,
    clock: systemClock,
    random: seededRandom(1),
    warn: () => undefined,
  });
  first.start();
  t.after(() => first.stop());
  await until('it listens to the link', () => say !== undefined);
  for (let i = 0; i < FORGED; i++) {
    const elsewhere = ['10.1.2.3', '169.254.169.254', '203.0.113.7'][i % 3]!;
    const addresses = [
      { ip: elsewhere, port: 80 },
      // Somebody else's door, under the name of a node that is elsewhere.
      { ip: `127.${1 + (i % 40)}.0.1`, port },
      { ip: '127.0.0.1', port },
    ];
    say?.(encodeAnnouncement({ tag: TAG, peer: named.peer, addresses }), '127.0.0.9');
    say?.(noise(1 + (i % 9_000), i), '127.0.0.9');
  }
  const at = honest
    .listening()
    .map(tcpOf)
    .find((one) => one !== undefined)!;
  const truth = encodeAnnouncement({ tag: TAG, peer: honest.peer, addresses: [at] });
  const timer = setInterval(() => say?.(truth, at.ip), 500);
  const toldMs = performance.now();
  t.after(() => clearInterval(timer));
  await until('the honest node is met', () => victim.connectionOf(honest.did) !== undefined);
  assert.deepEqual(
    victim.connections().map(({ did }) => did),
    [honest.did],
    'nobody is taken for another',
  );
  for (const ip of ['10.1.2.3', '169.254.169.254'])
    assert.equal(victim.policy.mayDial(multiaddr(`/ip4/${ip}/tcp/80`)), false, ip);
  const tookMs = Math.round(performance.now() - toldMs);
  t.diagnostic(
    `${2 * FORGED} forged packets: ${knocks} knocks at a door on the link, met after ${tookMs} ms`,
  );
});
