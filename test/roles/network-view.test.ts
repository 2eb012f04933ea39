import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeLines, viewOfBook, viewOfNode } from '../../src/roles/network-view.js';
import { MemoryNodeBook, startNode, until } from '../swarm/public/hosts.js';

test('a node names its network, alone too; what was known last is of no network by name', async (t) => {
  const book = new MemoryNodeBook();
  assert.deepEqual(nodeLines(viewOfBook(book, 0, 0), 0), []);
  const node = await startNode(t, 147, { network: 'office', book });
  assert.deepEqual(nodeLines(viewOfNode(node), node.now()), [
    'public swarm "office": no node is known yet',
  ]);
  const other = await startNode(t, 148, { network: 'office', peers: node.host.addresses() });
  await until('it is known', () => node.table.size === 1);
  const [head, ...table] = nodeLines(viewOfNode(node), node.now());
  assert.equal(head, 'public swarm "office": 1 node known, 1 connected');
  assert.match(table.at(-1) ?? '', new RegExp(other.host.did.slice(-8)));
  await until('it is written down', () => book.nodes(0).length === 1);
  const [last] = nodeLines(viewOfBook(book, node.now(), 0), node.now());
  assert.equal(last, 'public swarm, as it was last seen: 1 node');
});
