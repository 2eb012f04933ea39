import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../../../src/domain/bounds.js';
import { tcpOf } from '../../../src/swarm/addresses.js';
import { PublicHost } from '../../../src/swarm/public/public-host.js';
import { systemClock } from '../nodes.js';
import { loopbackLink, seedOf, until } from './hosts.js';

/** `X_SYBILS=200` for the figures of docs/swarm.md. */
const NAMES = Number(process.env['X_SYBILS'] ?? 2 * BOUNDS.swarmConnectionsOfAddress);

/** Whoever is on this machine has no such bound, so this is about another address of it. */
const own = Object.values(networkInterfaces())
  .flatMap((one) => one ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
const skip = own === undefined ? 'this machine has no address but loopback' : false;

async function start(
  t: TestContext,
  number: number,
  listenHosts = [own ?? ''],
): Promise<PublicHost> {
  const host = await PublicHost.start(
    { seed: seedOf(number), listenPort: 0, listenHosts, network: 'test' },
    { surroundings: loopbackLink, clock: systemClock },
  );
  t.after(() => host.stop());
  return host;
}

test(
  'who opens connections by the hundred and says nothing keeps nobody out',
  { skip },
  async (t) => {
    const victim = await start(t, 61, [own ?? '', '127.0.0.61']);
    const doors = victim.listening().map((one) => multiaddr(String(one)));
    const [outer, inner] = [own ?? '', '127.0.0.61'].map((ip) =>
      doors.find((one) => String(one).includes(`/${ip}/`)),
    );
    assert.ok(outer !== undefined && inner !== undefined);
    const { ip, port } = tcpOf(outer) ?? { ip: '', port: 0 };
    const silent = new Set<Socket>();
    t.after(() => silent.forEach((socket) => socket.destroy()));
    const open = (): void => {
      const socket = connect(port, ip);
      silent.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => silent.delete(socket));
    };
    const flood = setInterval(open, 10);
    t.after(() => clearInterval(flood));
    // libp2p takes 32 of one address in a second, and lets 64 be under way.
    await systemClock.sleep(4_000);
    const honest = await start(t, 62, ['127.0.0.62']);
    honest.policy.allow([inner]);
    const from = await honest.connectTo(inner, AbortSignal.timeout(30_000));
    assert.equal(from.isOpen, true);
    clearInterval(flood);
    await until('the last of them is gone', () => silent.size === 0);
  },
);

test('many names at one address hold few connections of a node', { skip }, async (t) => {
  const victim = await start(t, 60);
  const door = multiaddr(victim.listening().map(String)[0]);
  for (let i = 0; i < NAMES; i++) {
    const one = await start(t, 5_000 + i);
    one.policy.allow([door]);
    await one.connectTo(door, AbortSignal.timeout(30_000)).catch(() => undefined);
  }
  const held = victim.connections().length;
  assert.ok(held > 0, 'they do come in');
  assert.ok(held <= BOUNDS.swarmConnectionsOfAddress, `${held} connections`);
  t.diagnostic(`${NAMES} names at one address: ${held} connections`);
});
