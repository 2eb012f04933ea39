import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS } from '../../../src/domain/bounds.js';
import { NETWORK_POLICY as POLICY } from '../../../src/network/policy.js';
import type { Position } from '../../../src/network/position.js';
import { FrameStream } from '../../../src/swarm/frames.js';
import {
  decodeRequest,
  encodeAnswer,
  LOOKUP_PROTOCOL,
} from '../../../src/swarm/public/lookup-messages.js';
import { networkId } from '../../../src/network/position.js';
import { LoopbackHost } from './loopback-host.js';
import {
  digestsOf,
  findAll,
  introduce,
  NETWORK,
  startFinding,
  type FindingNode,
  type FindingOptions,
} from './kit.js';

interface Answerer {
  host: LoopbackHost;
  /** How many keys each request had. */
  asked: number[];
  stop(): Promise<void>;
}

/** A node that has everything, and answers so many keys of a request. */
async function startAnswerer(number: number, answers: number): Promise<Answerer> {
  const host = await LoopbackHost.start(number);
  const asked: number[] = [];
  const word = (keys: readonly Position[]) =>
    keys.map(() => ({
      owners: [{ did: host.did, addresses: host.addresses(), group: '' }],
      closer: [],
    }));
  await host.handle(
    LOOKUP_PROTOCOL,
    (stream) => {
      const frames = new FrameStream(stream, {
        onFrame: (frame) => {
          const keys = decodeRequest(frame, networkId(NETWORK))?.ask.keys ?? [];
          asked.push(keys.length);
          const [first, ...more] = word(keys.slice(0, answers));
          frames.send(encodeAnswer({ ...first!, more, refused: new Set<number>(), kind: 'light' }));
          void frames.close();
        },
        onEnd: () => undefined,
      });
    },
    { inbound: 64, outbound: 64 },
  );
  return { host, asked, stop: () => host.stop() };
}

async function withAsker(
  answers: number,
  run: (asker: FindingNode, answerer: Answerer) => Promise<void>,
  options: FindingOptions = {},
): Promise<void> {
  const answerer = await startAnswerer(1, answers);
  const asker = await startFinding(2, options);
  try {
    introduce(asker, answerer);
    await run(asker, answerer);
  } finally {
    await asker.stop();
    await answerer.stop();
  }
}

const all = Array.from({ length: 150 }, (_, i) => digestsOf(`artifact ${i}`));

test('a plan is looked for before its turn, in a few messages, and asked for no second time', () =>
  withAsker(BOUNDS.lookupKeys, async (asker, { asked, host }) => {
    const stop = new AbortController();
    const expecting = asker.finder.expect(all, stop.signal);
    // Some are wanted meanwhile, the others when they were found.
    const first = await Promise.all(all.slice(0, 10).map((digests) => findAll(asker, digests)));
    while (asker.walks.running > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const rest = await Promise.all(all.slice(10).map((digests) => findAll(asker, digests)));
    assert.ok([...first, ...rest].every((owners) => owners[0]?.did === host.did));
    assert.equal(
      asked.reduce((sum, keys) => sum + keys, 0),
      all.length,
      'each was asked for once',
    );
    assert.ok(asked.length <= 12, `${asked.join(', ')} keys in the messages`);
    assert.ok(asked.every((keys) => keys <= BOUNDS.lookupKeys));
    // Who looks for one again wants more than is known.
    assert.equal((await findAll(asker, all[0]!))[0]?.did, host.did);
    assert.equal(
      asked.reduce((sum, keys) => sum + keys, 0),
      all.length + 1,
    );
    stop.abort();
    await expecting;
    assert.equal(asker.walks.running, 0);
  }));

test('a node that knows one key a question answers all of them, one after another, and stays known', () =>
  withAsker(1, async (asker, { asked, host }) => {
    const found = await Promise.all(all.slice(0, 20).map((digests) => findAll(asker, digests)));
    assert.ok(found.every((owners) => owners[0]?.did === host.did));
    assert.equal(asker.table.size, 1);
    const together = asked.filter((keys) => keys > 1).length;
    assert.ok(together >= 1 && together <= 2, asked.join());
    assert.ok(asked.length <= 22, asked.join());
  }));

test('a node that answers other questions than it was asked is not believed', () =>
  withAsker(2, async (asker) => {
    const found = await Promise.all(all.slice(0, 20).map((digests) => findAll(asker, digests)));
    assert.ok(found.every((owners) => owners.length === 0));
  }));

test('a silent node is one failure, however many questions it left', async () => {
  const silent = await LoopbackHost.start(1);
  const asker = await startFinding(2);
  try {
    await silent.handle(LOOKUP_PROTOCOL, () => undefined, { inbound: 64, outbound: 64 });
    const [did, addresses] = [silent.did, silent.addresses()];
    asker.table.answered({ did, addresses, group: '127.9.0.1', kind: 'light' }, 10, Date.now());
    const searches = Promise.all(all.slice(0, 40).map((digests) => findAll(asker, digests)));
    assert.ok((await searches).every((owners) => owners.length === 0));
    assert.equal(asker.table.size, 1);
  } finally {
    await asker.stop();
    await silent.stop();
  }
});

test('a directory is asked only for what the walk does not find', () => {
  const keys: Position[] = [];
  const directory = {
    provide: () => Promise.resolve(1),
    find: (key: Position) => {
      keys.push(key);
      return Promise.resolve();
    },
  };
  return withAsker(
    BOUNDS.lookupKeys,
    async (asker, { host }) => {
      const startedMs = performance.now();
      assert.equal((await findAll(asker, all[0]!))[0]?.did, host.did);
      // A walk that took longer than that has asked it.
      const isSlow = performance.now() - startedMs >= POLICY.directoryAfterMs;
      if (!isSlow) assert.deepEqual(keys, []);
      keys.length = 0;
      asker.table.remove(host.did);
      await host.stop();
      assert.deepEqual(await findAll(asker, all[1]!), []);
      assert.equal(keys.length, 1);
    },
    { directory },
  );
});

test('what comes while a machine fetches is told of when it is done', async () => {
  let isBusy = true;
  const other = await startFinding(1);
  const holder = await startFinding(2, { turnMs: 20, isBusy: () => isBusy });
  try {
    introduce(holder, other);
    holder.artifacts.add(all[0]!);
    holder.publisher.start();
    await new Promise((resolve) => setTimeout(resolve, 500));
    assert.deepEqual(holder.publisher.counts, { keys: 2, published: 0 });
    isBusy = false;
    while (holder.publisher.counts.published < 2)
      await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(other.finder.known(all[0]!)[0]?.did, holder.host.did);
  } finally {
    await holder.stop();
    await other.stop();
  }
});
