import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { test, type TestContext } from 'node:test';
import DHT from 'bittorrent-dht';
import { Candidates } from '../../../src/swarm/public/candidates.js';
import { BOUNDS } from '../../../src/domain/bounds.js';
import { rendezvousKey } from '../../../src/swarm/public/rendezvous-node.js';
import { startNode, until } from './hosts.js';

/** A BitTorrent DHT of this test's own, on loopback; returns where to enter it. */
async function startDht(
  t: TestContext,
  count: number,
): Promise<{ nodes: DHT[]; bootstrap: string[] }> {
  const nodes: DHT[] = [];
  const bootstrap: string[] = [];
  for (let i = 0; i < count; i += 1) {
    const dht = new DHT({ bootstrap: bootstrap.length === 0 ? false : bootstrap.slice(0, 1) });
    dht.on('warning', () => undefined);
    await new Promise<void>((resolve) => {
      dht.on('listening', () => resolve());
      dht.listen(0, '127.0.0.1');
    });
    nodes.push(dht);
    bootstrap.push(`127.0.0.1:${dht.address().port}`);
  }
  t.after(() => Promise.all(nodes.map((dht) => new Promise<void>((done) => dht.destroy(done)))));
  return { nodes, bootstrap };
}

test('a node that knows nobody finds the others of its network through a BitTorrent DHT', async (t) => {
  const { bootstrap } = await startDht(t, 3);
  const rendezvous = { bootstrap, host: '127.0.0.1' };
  // The DHT knows 127.0.0.1 as the address of all, so that is where they listen.
  const listenHosts = ['127.0.0.1'];
  const [first, second, other] = await Promise.all([
    startNode(t, 1, { rendezvous, listenHosts }),
    startNode(t, 2, { rendezvous, listenHosts }),
    startNode(t, 3, { rendezvous, listenHosts, network: 'other' }),
  ]);
  await until('they are connected', () =>
    [first, second].every(({ host }) => host.connections().length > 0),
  );
  assert.ok(first.host.connectionOf(second.host.did) !== undefined);
  assert.equal(other.host.connections().length, 0);
});

test('lies in the BitTorrent DHT lead nowhere, and do not hide who is there', async (t) => {
  const { nodes, bootstrap } = await startDht(t, 3);
  const rendezvous = { bootstrap, host: '127.0.0.1' };
  const listenHosts = ['127.0.0.1'];
  // Ports at which nobody is, and one that is no node's, announced as the network's.
  const stranger = createSocket('udp4');
  stranger.bind(0, '127.0.0.1');
  t.after(() => stranger.close());
  const key = rendezvousKey('test');
  for (let port = 20_000; port < 20_030; port += 1)
    await new Promise<void>((done) => nodes[1]!.announce(key, port, () => done()));
  // Messages that make no sense, to every node of the DHT.
  for (const { port } of nodes.map((dht) => dht.address()))
    for (const message of [
      '',
      'd1:y1:qe',
      'd1:ad6:target4:abcde1:q9:find_node1:t2:aa1:y1:qe',
      'i1e',
    ])
      stranger.send(message, port, '127.0.0.1');
  const [first, second] = await Promise.all([
    startNode(t, 1, { rendezvous, listenHosts }),
    startNode(t, 2, { rendezvous, listenHosts }),
  ]);
  await until(
    'they are connected all the same',
    () => [first, second].every(({ host }) => host.connections().length > 0),
    120_000,
  );
});

test('of what anybody names little waits, of one network less, and nothing is tried twice soon', () => {
  const candidates = new Candidates();
  const add = (address: string, group: string, now = 0): boolean =>
    candidates.add({ address, group, way: 'anybody', teller: '' }, now);
  /** The next, however soon after the last; its dial ends at once. */
  let now = 0;
  const next = (): string | undefined => {
    now += 1_000;
    const candidate = candidates.next(now);
    if (candidate !== undefined) candidates.ended(candidate.way);
    return candidate?.address;
  };
  for (let i = 0; i < 1_000; i += 1) add(`a${i}`, 'crowd');
  assert.equal(candidates.size, BOUNDS.swarmCandidatesOfGroup);
  assert.equal(add('b', 'alone'), true);
  assert.equal(add('b', 'alone'), false, 'it waits already');
  assert.equal(next(), 'a0');
  assert.equal(next(), 'b', 'the crowd does not hold it up');
  assert.equal(next(), 'a1');
  assert.equal(add('b', 'alone', now), false, 'it was tried a moment ago');
  assert.equal(add('b', 'alone', now + BOUNDS.swarmCandidatePauseMs), true);
  for (let i = 0; i < 10_000; i += 1) add(`c${i}`, `group ${i}`);
  assert.equal(candidates.size, BOUNDS.swarmCandidates);
  while (next() !== undefined);
  assert.equal(candidates.size, 0);
});
