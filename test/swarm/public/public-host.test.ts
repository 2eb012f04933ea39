import assert from 'node:assert/strict';
import { test } from 'node:test';
import { multiaddr } from '@multiformats/multiaddr';
import { describeNodeHost } from '../../contract/node-host.js';
import { startHost, until } from './hosts.js';

describeNodeHost('libp2p', async (t, count) =>
  Promise.all(Array.from({ length: count }, (_, i) => startHost(t, i + 1))),
);

test('with a host of another network no connection comes to be', async (t) => {
  const here = await startHost(t, 1);
  const there = await startHost(t, 2, { network: 'other' });
  await assert.rejects(here.connect({ did: there.did, addresses: there.addresses() }));
  const [address] = there.addresses();
  await assert.rejects(here.connectTo(multiaddr(address), AbortSignal.timeout(30_000)));
  assert.equal(here.connections().length + there.connections().length, 0);
});

test('a host that stops leaves nothing behind', async (t) => {
  const [a, b] = [await startHost(t, 1), await startHost(t, 2)];
  await a.connect({ did: b.did, addresses: b.addresses() });
  await a.stop();
  await b.stop();
  const left = (): string[] =>
    process.getActiveResourcesInfo().filter((name) => /TCP|UDP/.test(name));
  await until('no socket is left', () => left().length === 0);
});
