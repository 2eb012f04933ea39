import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../../../src/domain/bounds.js';
import { PublicHost } from '../../../src/swarm/public/public-host.js';
import { systemClock } from '../nodes.js';
import { loopbackLink, seedOf } from './hosts.js';

/** `X_SYBILS=200` for the figures of docs/swarm.md. */
const NAMES = Number(process.env['X_SYBILS'] ?? 2 * BOUNDS.swarmConnectionsOfAddress);

/** Whoever is on this machine has no such bound, so this is about another address of it. */
const own = Object.values(networkInterfaces())
  .flatMap((one) => one ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;
const skip = own === undefined ? 'this machine has no address but loopback' : false;

test('many names at one address hold few connections of a node', { skip }, async (t) => {
  const start = async (number: number): Promise<PublicHost> => {
    const host = await PublicHost.start(
      { seed: seedOf(number), listenPort: 0, listenHosts: [own ?? ''], network: 'test' },
      { surroundings: loopbackLink, clock: systemClock },
    );
    t.after(() => host.stop());
    return host;
  };
  const victim = await start(60);
  const door = multiaddr(victim.listening().map(String)[0]);
  for (let i = 0; i < NAMES; i++) {
    const one = await start(5_000 + i);
    one.policy.allow([door]);
    await one.connectTo(door, AbortSignal.timeout(30_000)).catch(() => undefined);
  }
  const held = victim.connections().length;
  assert.ok(held > 0, 'they do come in');
  assert.ok(held <= BOUNDS.swarmConnectionsOfAddress, `${held} connections`);
  t.diagnostic(`${NAMES} names at one address: ${held} connections`);
});
