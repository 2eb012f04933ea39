import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import { pull, startNode, storeBundle, type TestNode } from '../swarm/nodes.js';

const CLIENTS = 60;

test(`${CLIENTS} clients of one source all finish, and each holds a bounded number of links`, async (t) => {
  const nodes: TestNode[] = [];
  t.after(() => Promise.all(nodes.map((node) => node.stop())));
  for (let seed = 1; seed <= CLIENTS + 1; seed += 1) nodes.push(await startNode(seed));
  const [source, ...clients] = nodes as [TestNode, ...TestNode[]];
  const lengths = new Array<number>(40).fill(50_000);
  const manifest = await storeBundle(source.open.store, lengths);
  await source.swarm.share(manifest, { masters: [] });
  let most = 0;
  const pulls = await Promise.all(
    clients.map((client) => pull(client, manifest, { masters: [source.address] })),
  );
  const looking = setInterval(() => {
    for (const client of clients) most = Math.max(most, client.swarm.peers().length);
  }, 50);
  await Promise.all(pulls.map(({ share }) => share.complete(AbortSignal.timeout(240_000))));
  clearInterval(looking);
  const links = clients.map((client) => client.swarm.peers().length);
  const sent = pulls.reduce((sum, { fromMaster }) => sum + fromMaster, 0) / 2_000_000;
  t.diagnostic(`links ${Math.min(...links)} to ${most}; ${sent.toFixed(2)} copies left the source`);
  assert.ok(most <= BOUNDS.neighbours + 1, `${most} links`);
});
