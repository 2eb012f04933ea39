import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Hint } from '../../../src/network/seen-versions.js';
import { positionOfDigest, type Position } from '../../../src/network/position.js';
import type { SwarmNode } from '../../../src/swarm/public/swarm-node.js';
import { tcpOf } from '../../../src/swarm/addresses.js';
import { systemClock } from '../nodes.js';
import { MemoryNodeBook, startNode, startNodes, until } from './hosts.js';

const SHA256 = 'ab'.repeat(32);

test('five nodes hear of each other by gossip, though each knew only the first', async (t) => {
  const hints: Hint[] = [];
  const nodes = await startNodes(t, 5, { onHint: (hint) => void hints.push(hint) });
  await until('all are known to all', () => nodes.every(({ table }) => table.size === 4));
  await until('all have answered', () =>
    nodes.every((node) =>
      node.nodes().every(({ answeredAtMs, roundTripMs }) => answeredAtMs > 0 && roundTripMs > 0),
    ),
  );
  const [, second, third] = nodes;
  // It may have answered a question before it was heard by gossip.
  await until('each has its own word', () =>
    nodes.every(
      ({ table }) =>
        table === third?.table || table.get(third?.host.did ?? '')?.freeBytes === 3_000,
    ),
  );

  await second?.tell({ type: 'version', ecosystem: 'npm', name: 'left-pad', version: '2.0.0' });
  await until('all others heard of the version', () => hints.length === 4);
  assert.ok(hints.every((hint) => hint.name === 'left-pad' && hint.type === 'version'));

  await third?.stop();
  await until('who leaves is forgotten', () =>
    nodes.every((node) => node === third || node.table.get(third?.host.did ?? '') === undefined),
  );
});

async function findIn(node: SwarmNode, key: Position): Promise<Set<string>> {
  const found = new Set<string>();
  await node.dhts.find(
    key,
    (owners) => owners.forEach(({ did }) => found.add(did)),
    AbortSignal.timeout(60_000),
  );
  return found;
}

test('what one node tells the DHT another finds, and only who knows the digest can ask', async (t) => {
  const nodes = await startNodes(t, 5);
  await until('the DHTs know somebody', () => nodes.every(({ dhts }) => dhts.sizes().light >= 2));
  const [first, last] = [nodes[1]!, nodes[4]!];
  const key = positionOfDigest('test', 'sha256', SHA256);
  assert.ok((await first.dhts.provide(key, AbortSignal.timeout(60_000))) > 0);
  assert.deepEqual([...(await findIn(last, key))], [first.host.did]);
  assert.equal((await findIn(last, positionOfDigest('other', 'sha256', SHA256))).size, 0);
});

test('light and heavy nodes keep DHTs of their own, and find in both', async (t) => {
  const heavy = await startNode(t, 1, { kind: 'heavy' });
  const peers = heavy.host.addresses();
  const [light, second] = await Promise.all([
    startNode(t, 2, { peers }),
    startNode(t, 3, { peers, kind: 'heavy' }),
  ]);
  const isFull = ({ dhts }: SwarmNode): boolean => dhts.sizes().heavy >= 1;
  await until('each knows others', () => [heavy, light, second].every(isFull));
  await until('the light one is known', () => heavy.dhts.sizes().light === 1);
  const key = positionOfDigest('test', 'sha256', SHA256);
  assert.ok((await heavy.dhts.provide(key, AbortSignal.timeout(60_000))) > 0);
  assert.ok((await findIn(light, key)).has(heavy.host.did));
});

test('nobody takes a record of who is alone', async (t) => {
  const alone = await startNode(t, 1);
  const key = positionOfDigest('test', 'sha256', SHA256);
  assert.equal(await alone.dhts.provide(key, AbortSignal.timeout(60_000)), 0);
});

test('two networks never mix, though each node was named one of the other', async (t) => {
  const here = await startNode(t, 1, { network: 'here' });
  const there = await startNode(t, 2, { network: 'there', peers: here.host.addresses() });
  const friend = await startNode(t, 3, {
    network: 'here',
    peers: [...here.host.addresses(), ...there.host.addresses()],
  });
  await until('friends meet', () => friend.table.size === 1 && here.table.size === 1);
  assert.deepEqual(
    friend.nodes().map(({ did }) => did),
    [here.host.did],
  );
  assert.equal(there.table.size, 0);
  assert.equal(there.host.connections().length, 0);
});

test('a node that starts again meets those that it remembers, and nobody had to be named', async (t) => {
  const [first] = await startNodes(t, 2);
  const book = new MemoryNodeBook();
  const before = await startNode(t, 3, { peers: first?.host.addresses() ?? [], book });
  await until('it knows both', () => before.table.size === 2);
  await before.stop();
  const after = await startNode(t, 3, { book });
  await until('it is connected again', () => after.host.connections().length === 2);
});

test('the first that answer are written down at once, also where they leave and the node stops within a minute', async (t) => {
  const other = await startNode(t, 145);
  const book = new SlowNodeBook();
  // A minute of this clock is longer than any test.
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() / 1_000 };
  const node = await startNode(t, 146, { peers: other.host.addresses(), book, clock });
  await until('it begins to be written down', () => book.begun === 1);
  // As where it says that it leaves.
  node.table.remove(other.host.did);
  const stopped = node.stop();
  book.letGo();
  await stopped;
  assert.equal(book.begun, 2);
  assert.deepEqual(
    book.nodes(0).map(({ did }) => did),
    [other.host.did],
  );
});

class SlowNodeBook extends MemoryNodeBook {
  begun = 0;
  letGo = (): void => undefined;
  readonly #gone = new Promise<void>((resolve) => (this.letGo = resolve));

  override async save(changes: Parameters<MemoryNodeBook['save']>[0]): Promise<void> {
    this.begun += 1;
    await this.#gone;
    await super.save(changes);
  }
}

test('a node whose line was gone for so long that it forgot everybody finds those again that it wrote down', async (t) => {
  const book = new MemoryNodeBook();
  // At a port that the other has again when its line is back.
  const gone = await startNode(t, 141);
  const listenPort = tcpOf(gone.host.listening()[0]!)!.port;
  const before = await startNode(t, 142, { peers: gone.host.addresses(), book });
  await until('they know each other', () => before.table.size === 1);
  await before.stop();
  await gone.stop();
  const node = await startNode(t, 142, { book });
  await until('it has tried in vain', () => node.table.size === 0);
  const back = await startNode(t, 141, { listenPort });
  await until('it is found', () => node.host.connectionOf(back.host.did) !== undefined, 90_000);
});

test('a liar is refused, forgotten and remembered as one', async (t) => {
  const [first, liar] = await startNodes(t, 2);
  assert.ok(first !== undefined && liar !== undefined);
  await until('they know each other', () => first.table.size === 1);
  first.blame(liar.host.did);
  await until('it is hung up on', () => first.host.connections().length === 0);
  assert.equal(first.table.size, 0);
  assert.equal(first.scores.scoreOf(liar.host.did, first.now()), 0);
  await assert.rejects(
    first.host.connect({ did: liar.host.did, addresses: liar.host.addresses() }),
  );
});
