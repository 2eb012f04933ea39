import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { seededRandom } from '../../simulation/virtual-time.js';
import { fuzz } from './fuzz.js';
import { gossipTarget, libp2pTargets } from './fuzz-libp2p.js';
import { publicTargets, siblingTargets, type FuzzTarget } from './fuzz-targets.js';

/** After what nobody uses any more is gone. */
function heldBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  collect();
  return process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
}

const MIB = 1 << 20;
/** What a protocol's fuzzing may leave behind at most, however long it lasted: filled caches and buckets. */
const LEFT_BYTES = 32 * MIB;

/** Of a hundred messages; where each takes a stream of its own fewer are sent. */
const SHARES: Record<string, number> = {
  '/x/lookup/1': 15,
  '/x/index/1': 5,
  '/x/artifact/1': 20,
  '/x/bundle/1': 15,
  '/x/piece/1': 20,
  '/meshsub/1.2.0': 10,
  '/x/kad-light/1': 5,
};
/** Words that gossip passes on, which are wrong in themselves. */
const GOSSIP_SHARE = 10;

/** So many broken messages over all protocols; each goes on serving, and memory does not grow with them. */
export async function fuzzAll(t: TestContext, messages: number, seed: number): Promise<void> {
  const random = seededRandom(seed);
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', onUnhandled);
  process.on('uncaughtException', onUnhandled);
  t.after(() => {
    process.off('unhandledRejection', onUnhandled);
    process.off('uncaughtException', onUnhandled);
  });
  t.diagnostic(`seed ${seed}`);
  const targets: FuzzTarget[] = [
    ...(await publicTargets(t)),
    ...(await siblingTargets(t)),
    ...(await libp2pTargets(t)),
  ];
  for (const { protocol, serves } of targets) {
    const share = SHARES[protocol.name] ?? assert.fail(protocol.name);
    const perProtocol = Math.ceil((messages * share) / 100);
    // A tenth first, so that what is filled once is full.
    await fuzz(protocol, Math.ceil(perProtocol / 10), random);
    const before = heldBytes();
    const { sent, streams, ended, refused } = await fuzz(protocol, perProtocol, random);
    await serves();
    const grown = heldBytes() - before;
    t.diagnostic(
      `${protocol.name}: ${sent} messages over ${streams} streams, ${ended} ended early, ${refused} more refused, ${(grown / MIB).toFixed(1)} MiB more held`,
    );
    assert.ok(grown < LEFT_BYTES, `${protocol.name}: ${grown} bytes more`);
  }
  await fuzzGossip(t, Math.ceil((messages * GOSSIP_SHARE) / 100), random);
  assert.deepEqual(unhandled, []);
}

async function fuzzGossip(
  t: TestContext,
  messages: number,
  random: ReturnType<typeof seededRandom>,
): Promise<void> {
  const { node, publish, samples, reaches } = await gossipTarget(t);
  const before = heldBytes();
  for (let i = 0; i < messages; i++) {
    const sample = samples[random.integer(samples.length)] ?? new Uint8Array();
    const bytes = Uint8Array.from(sample);
    const times = random.integer(5);
    for (let edit = 0; edit < times; edit++)
      bytes[random.integer(bytes.length)] = random.integer(256);
    await publish(random.integer(10) === 0 ? random.bytes(random.integer(5_000)) : bytes);
    // The other side has its turn: it is this process.
    if (i % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await reaches();
  const grown = heldBytes() - before;
  const tally = [...node.gossipTally].map(([word, count]) => `${count} ${word}`).join(', ');
  t.diagnostic(`gossip: ${messages} messages, ${tally}; ${(grown / MIB).toFixed(1)} MiB more held`);
  assert.ok((node.gossipTally.get('accept') ?? 0) <= 20, 'of one author hardly any are taken');
  assert.ok(grown < LEFT_BYTES, `gossip: ${grown} bytes more`);
}
