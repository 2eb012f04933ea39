import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import { RoutingTable } from '../../src/network/routing-table.js';
import { Scores } from '../../src/network/scores.js';
import { DAY_MS, didOf, HOUR_MS, nodeOf, positions, START_MS } from '../network/kit.js';
import { temporaryStore } from './temporary.js';

test('nodes and scores are there in the next life, readable by another process meanwhile', async () => {
  const temporary = await temporaryStore();
  try {
    const scores = new Scores();
    scores.served(didOf(1), 1 << 20, START_MS);
    scores.failed(didOf(2), START_MS);
    const nodes = [nodeOf(1), nodeOf(2, { kind: 'heavy', load: 0.5, heardAtMs: START_MS + 1 })];
    const changes = scores.takeChanges();
    await temporary.current.nodeBook.save({ nodes, ...changes, sinceMs: 0 });
    const { nodeBook } = await temporary.reopen();
    assert.deepEqual(nodeBook.nodes(0), [nodes[1], nodes[0]]);
    assert.deepEqual(nodeBook.nodes(START_MS), [nodes[1]]);
    const again = new Scores(nodeBook.scores());
    assert.deepEqual(again.ranking(START_MS), scores.ranking(START_MS));
    const table = new RoutingTable(didOf(0), positions);
    table.restore(nodeBook.nodes(0), START_MS + HOUR_MS);
    assert.equal(table.size, 2);
  } finally {
    await temporary.dispose();
  }
});

test('a day old is forgotten, as are scores that are named, and there are no more than so many', async () => {
  const temporary = await temporaryStore();
  try {
    const { nodeBook } = temporary.current;
    const scores = new Scores();
    scores.served(didOf(1), 1, START_MS);
    scores.served(didOf(2), 1, START_MS);
    const { scores: rows } = scores.takeChanges();
    const nodes = Array.from({ length: BOUNDS.knownNodes + 5 }, (_, i) =>
      nodeOf(i, { heardAtMs: START_MS + i }),
    );
    await nodeBook.save({ nodes, scores: rows, forgottenScores: [], sinceMs: 0 });
    assert.equal(nodeBook.nodes(0).length, BOUNDS.knownNodes);
    assert.equal(nodeBook.nodes(0).at(-1)?.heardAtMs, START_MS + 5);
    const sinceMs = START_MS + DAY_MS;
    await nodeBook.save({ nodes: [], scores: [], forgottenScores: [didOf(1)], sinceMs });
    assert.equal(nodeBook.nodes(0).length, 0);
    assert.deepEqual(
      nodeBook.scores().map(({ did }) => did),
      [didOf(2)],
    );
  } finally {
    await temporary.dispose();
  }
});
