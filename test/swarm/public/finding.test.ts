import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Owner } from '../../../src/network/events.js';
import { positionOfDigest, type Position } from '../../../src/network/position.js';
import { didOf } from '../../network/kit.js';
import {
  digestsOf,
  findAll,
  introduce,
  NETWORK,
  startFinding,
  type FindingNode,
  type FindingOptions,
} from './kit.js';

async function withNodes(
  count: number,
  run: (nodes: FindingNode[]) => Promise<void>,
  options: FindingOptions = {},
): Promise<void> {
  const nodes: FindingNode[] = [];
  try {
    for (let number = 1; number <= count; number++) nodes.push(await startFinding(number, options));
    await run(nodes);
  } finally {
    for (const node of nodes) await node.stop();
  }
}

/** Each knows the one before it, and looks around. */
async function acquaint(nodes: readonly FindingNode[]): Promise<void> {
  for (const [i, node] of nodes.entries()) {
    const before = nodes[i - 1];
    if (before === undefined) continue;
    introduce(node, before);
    await node.finder.refresh(256, AbortSignal.timeout(30_000));
  }
}

test('what one of eight holds is found by each of the others, who each knew one', async () => {
  await withNodes(8, async (nodes) => {
    await acquaint(nodes);
    const holder = nodes[4]!;
    const artifacts = Array.from({ length: 30 }, (_, i) => digestsOf(`artifact ${i}`));
    holder.artifacts.add(...artifacts);
    holder.publisher.held(artifacts);
    for (let turn = 0; turn < 8 && holder.publisher.counts.published < 60; turn++)
      await holder.publisher.publish();
    assert.deepEqual(holder.publisher.counts, { keys: 60, published: 60 });
    for (const node of nodes) {
      if (node === holder) continue;
      const found = await findAll(node, artifacts[nodes.indexOf(node)]!);
      assert.deepEqual(
        found.map(({ did }) => did),
        [holder.host.did],
      );
      assert.deepEqual(found[0]!.addresses, holder.host.addresses());
      // By either digest, and the second time without a question.
      const { sha512 } = artifacts[20]!;
      assert.equal((await findAll(node, { sha512 }))[0]?.did, holder.host.did);
      assert.equal(node.finder.known({ sha512 })[0]?.did, holder.host.did);
    }
    assert.deepEqual(await findAll(nodes[0]!, digestsOf('nobody has it')), []);
    const met = nodes.filter(({ table }) => table.size >= 5);
    assert.equal(met.length, 8, 'walks make nodes known to each other');
    assert.ok(
      nodes.every(({ table }) => table.nodes().every(({ roundTripMs }) => roundTripMs < 9_000)),
    );
  });
});

test('one walk an artifact, however many wait for it; it ends when nobody does', async () => {
  await withNodes(3, async (nodes) => {
    await acquaint(nodes);
    const [, holder, asker] = nodes as [FindingNode, FindingNode, FindingNode];
    const digests = digestsOf('one');
    holder.artifacts.add(digests);
    holder.publisher.held([digests]);
    await holder.publisher.publish();
    const searches = Array.from({ length: 50 }, () => findAll(asker, digests));
    assert.equal(asker.walks.running, 1);
    for (const found of await Promise.all(searches)) assert.equal(found[0]?.did, holder.host.did);
    assert.equal(asker.walks.running, 0);
    const controller = new AbortController();
    const silent = asker.finder.find(digestsOf('two'), () => undefined, controller.signal);
    assert.equal(asker.walks.running, 1);
    controller.abort();
    await silent;
    await wait(0);
    assert.equal(asker.walks.running, 0);
  });
});

test('private ones are never told of, also when they become so later; what is dropped is taken back', async () => {
  await withNodes(3, async (nodes) => {
    await acquaint(nodes);
    const [a, holder, c] = nodes as [FindingNode, FindingNode, FindingNode];
    const [kept, secret] = [digestsOf('kept'), digestsOf('secret')];
    holder.artifacts.add(kept, secret);
    holder.publisher.start();
    holder.artifacts.withhold(secret);
    await holder.publisher.publish();
    const keyOf = (hex: string | undefined) => positionOfDigest(NETWORK, 'sha256', hex!);
    const owners = (node: FindingNode, hex: string | undefined) =>
      node.records.owners(keyOf(hex), 16, Date.now()).map(({ did }) => did);
    for (const node of [a, c]) {
      assert.deepEqual(owners(node, kept.sha256), [holder.host.did]);
      assert.deepEqual(owners(node, secret.sha256), []);
    }
    assert.equal(holder.publisher.counts.keys, 2);
    holder.artifacts.remove(kept);
    while (owners(a, kept.sha256).length + owners(c, kept.sha256).length > 0) await wait(10);
    assert.equal(holder.publisher.counts.keys, 0);
  });
});

test('who holds it says so itself, first, before any record is out; and never of what is private', async () => {
  await withNodes(3, async (nodes) => {
    const [holder, asker, other] = nodes as [FindingNode, FindingNode, FindingNode];
    const [kept, secret] = [digestsOf('kept'), digestsOf('secret')];
    holder.artifacts.add(kept, secret);
    holder.publisher.start();
    holder.artifacts.withhold(secret);
    // Connected, and nothing is in the table yet: as it is when a fetch begins early.
    await asker.host.connect({ did: holder.host.did, addresses: holder.host.addresses() });
    assert.equal(asker.table.size, 0);
    for (const digests of [kept, { sha512: kept.sha512 }]) {
      const found = await findAll(asker, digests);
      assert.deepEqual(
        found.map(({ did, addresses }) => ({ did, addresses })),
        [{ did: holder.host.did, addresses: holder.host.addresses() }],
      );
    }
    assert.deepEqual(await findAll(asker, secret), []);
    assert.equal(holder.publisher.counts.published, 0, 'no record had to be left anywhere');
    holder.records.add(
      positionOfDigest(NETWORK, 'sha256', kept.sha256!),
      { did: other.host.did, addresses: other.host.addresses(), group: 'another' },
      Date.now(),
    );
    introduce(other, holder);
    assert.equal((await findAll(other, kept))[0]?.did, holder.host.did);
    holder.artifacts.remove(kept);
    asker.finder.forget(kept, holder.host.did);
    assert.deepEqual(await findAll(asker, kept), [
      { did: other.host.did, addresses: other.host.addresses(), group: '127.9.0.3' },
    ]);
  });
});

test('sixty artifacts are looked for at once at one node: it answers for each, and stays known', async () => {
  await withNodes(2, async (nodes) => {
    const [holder, asker] = nodes as [FindingNode, FindingNode];
    const all = Array.from({ length: 60 }, (_, i) => digestsOf(`artifact ${i}`));
    holder.artifacts.add(...all);
    holder.publisher.held(all);
    introduce(asker, holder);
    const found = await Promise.all(all.map((digests) => findAll(asker, digests)));
    assert.ok(found.every((owners) => owners[0]?.did === holder.host.did));
    assert.equal(asker.table.size, 1);
  });
});

test('networks do not mix: neither questions nor records of one are taken in another', async () => {
  const here = await startFinding(1);
  const there = await startFinding(2, { network: 'another' });
  try {
    introduce(there, here);
    const digests = digestsOf('one');
    there.artifacts.add(digests);
    there.publisher.held([digests]);
    await there.publisher.publish();
    assert.equal(there.publisher.counts.published, 0);
    assert.equal(here.records.size, 0);
    assert.equal(here.table.size, 0, 'who is of another network is not known here');
    assert.equal(there.table.size, 0, 'and is forgotten there');
  } finally {
    await here.stop();
    await there.stop();
  }
});

test('a directory is asked beside the walk: its owners are told, few of one network, and passed on to nobody', async () => {
  const provided: Position[] = [];
  const dids = [101, 102, 103].map(didOf);
  const asker = await startFinding(1, {
    directory: {
      provide: (key) => {
        provided.push(key);
        return provided.length === 1 ? Promise.reject(new Error('no')) : Promise.resolve(3);
      },
      find: async (_, onFound) => {
        const named = (did: string, last: number) => ({
          did,
          addresses: [`/ip4/192.0.2.${last}/tcp/8471`, '/ip4/198.51.100.1/tcp/1'],
          group: 'whatever it says',
        });
        onFound([named('did:key:nonsense', 1)]);
        for (let i = 0; i < 40; i++) onFound([named(dids[i % 3]!, i)]);
        // It hangs: who asked is not held up.
        await new Promise(() => undefined);
      },
    },
  });
  try {
    const found: Owner[] = [];
    const stop = new AbortController();
    const search = asker.finder.find(
      digestsOf('one'),
      (owners) => {
        found.push(...owners);
        if (found.length === 3) setTimeout(() => stop.abort(), 50);
      },
      stop.signal,
    );
    await search;
    assert.equal(found.length, 3);
    assert.ok(
      found.every(({ addresses, group }) => addresses.length === 1 && group === '192.0.2.0/24'),
    );
    assert.deepEqual(asker.finder.known(digestsOf('one')), []);
    asker.artifacts.add(digestsOf('held'));
    asker.publisher.held([digestsOf('held')]);
    // What it did not take is told it again in the next turn, and only that.
    for (let turn = 0; turn < 3; turn++) await asker.publisher.publish();
    assert.equal(provided.length, 3);
    assert.deepEqual(provided[0], provided[2]);
  } finally {
    await asker.stop();
  }
});

test('who says that it has what it has not is forgotten, and nobody else', async () => {
  await withNodes(4, async (nodes) => {
    await acquaint(nodes);
    const digests = digestsOf('one');
    for (const owner of nodes.slice(1, 3)) {
      owner.artifacts.add(digests);
      owner.publisher.held([digests]);
      await owner.publisher.publish();
    }
    const asker = nodes[3]!;
    assert.equal((await findAll(asker, digests)).length, 2);
    asker.finder.forget(digests, nodes[1]!.host.did);
    assert.deepEqual(
      asker.finder.known(digests).map(({ did }) => did),
      [nodes[2]!.host.did],
    );
  });
});
