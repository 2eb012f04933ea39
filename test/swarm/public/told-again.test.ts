import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Digests } from '../../../src/domain/digest.js';
import { keysOf } from '../../../src/network/position.js';
import { NETWORK_POLICY as POLICY } from '../../../src/network/policy.js';
import type { ToldBook } from '../../../src/ports/told-book.js';
import { HOUR_MS } from '../../network/kit.js';
import { MemoryToldBook } from '../../network/memory-told-book.js';
import { temporaryStore } from '../../store/temporary.js';
import { digestsOf, introduce, NETWORK, startFinding } from './kit.js';
import type { FindingNode, FindingOptions } from './kit.js';

const ARTIFACTS = Array.from({ length: 20 }, (_, i) => digestsOf(`artifact ${i}`));
const ALL = 2 * ARTIFACTS.length;
const HOLDER = 1;

/** Nodes that others leave records with, and one that lives again and again over one book. */
class Scene {
  readonly others: FindingNode[] = [];
  /** The same door in each life, unless another is asked for. */
  #port = 0;

  async begin(count: number): Promise<void> {
    for (let i = 0; i < count; i++) this.others.push(await startFinding(HOLDER + 1 + i));
  }

  /**
   * One life: it holds these, has two turns, and ends after `meanwhile`.
   * @returns how many places the others were told of, for whom records of earlier lives are gone.
   */
  async live(
    options: FindingOptions & { number?: number; held?: readonly Digests[] },
    meanwhile: (node: FindingNode) => Promise<void> = () => Promise.resolve(),
  ): Promise<number> {
    const { number = HOLDER, held = ARTIFACTS, ...rest } = options;
    const node = await startFinding(number, { port: this.#port, settleMs: 0, ...rest });
    const [, port] = /\/tcp\/(\d+)$/.exec(node.host.addresses()[0]!)!;
    this.#port ||= Number(port);
    for (const other of this.others) {
      for (const key of ARTIFACTS.flatMap((digests) => keysOf(NETWORK, digests)))
        other.records.withdraw(key, node.host.did);
      introduce(node, other);
    }
    try {
      node.artifacts.add(...held);
      await node.finder.refresh(256, AbortSignal.timeout(30_000));
      node.publisher.start();
      for (let turn = 0; turn < 2; turn++) await node.publisher.publish();
      const told = this.knownOf(node.host.did, ARTIFACTS);
      await meanwhile(node);
      return told;
    } finally {
      await node.stop();
    }
  }

  knownOf(did: string, artifacts: readonly Digests[]): number {
    const keys = artifacts.flatMap((digests) => keysOf(NETWORK, digests));
    return keys.filter((key) =>
      this.others.some(({ records }) =>
        records.owners(key, 16, Date.now()).some((owner) => owner.did === did),
      ),
    ).length;
  }
}

async function scene(count: number, run: (scene: Scene) => Promise<void>): Promise<void> {
  const made = new Scene();
  try {
    await made.begin(count);
    await run(made);
  } finally {
    for (const node of made.others) await node.stop();
  }
}

const later = (ms: number) => (): number => Date.now() + ms;

test('who starts again tells what is due and nothing else, over the catalog of a real store', async () => {
  const temporary = await temporaryStore();
  const book = async (): Promise<{ toldBook: ToldBook }> => ({
    toldBook: (await temporary.reopen()).toldBook,
  });
  try {
    await scene(4, async (scene) => {
      assert.equal(await scene.live(await book()), ALL);
      const copies: number[] = [];
      const again = await scene.live(await book(), async ({ publisher, artifacts, host }) => {
        assert.deepEqual(publisher.counts, { keys: ALL, published: ALL });
        const fresh = digestsOf('came later');
        copies.push(publisher.copies(ARTIFACTS[0]!));
        artifacts.add(fresh);
        await publisher.publish();
        assert.equal(scene.knownOf(host.did, [fresh]), 2);
      });
      assert.equal(again, 0);
      assert.deepEqual(copies, [1]);
      const now = later(POLICY.republishMs);
      assert.equal(await scene.live({ ...(await book()), now }), ALL, 'it is due now');
      assert.equal(await scene.live({ ...(await book()), now }), 0);
      const back = later(-HOUR_MS);
      assert.equal(await scene.live({ ...(await book()), now: back }), 0, 'the clock was set back');
      assert.equal(await scene.live(await book()), 0);
      const due = later(POLICY.republishMs - HOUR_MS);
      assert.equal(await scene.live({ ...(await book()), now: due }), ALL, 'it counts from then');
    });
  } finally {
    await temporary.dispose();
  }
});

test('another key, or another address once that is certain, tells all of it anew', async () => {
  await scene(4, async (scene) => {
    const toldBook = new MemoryToldBook();
    assert.equal(await scene.live({ toldBook }), ALL);
    assert.equal(await scene.live({ toldBook, port: 0, settleMs: HOUR_MS }), 0, 'not certain yet');
    assert.equal(await scene.live({ toldBook, port: 0 }), ALL, 'it has moved');
    // Where it was told of last it is not any more.
    assert.equal(await scene.live({ toldBook }), ALL);
    assert.equal(await scene.live({ toldBook }), 0);
    assert.equal(await scene.live({ toldBook, number: 9, port: 0 }), ALL, 'another key');
  });
});

test('what hardly anybody took is told anew', async () => {
  await scene(POLICY.rememberedTakers - 1, async (scene) => {
    const toldBook = new MemoryToldBook();
    assert.equal(await scene.live({ toldBook }), ALL);
    assert.equal(await scene.live({ toldBook }), ALL);
  });
});

test('what went and came back is told anew: within a life, between two, and over one without it', async () => {
  await scene(4, async (scene) => {
    const toldBook = new MemoryToldBook();
    const [one, two, ...rest] = ARTIFACTS as [Digests, Digests, ...Digests[]];
    const first = await scene.live({ toldBook }, async ({ artifacts, publisher, host }) => {
      artifacts.remove(one);
      while (scene.knownOf(host.did, [one]) > 0) await wait(10);
      artifacts.add(one);
      await publisher.publish();
      assert.equal(scene.knownOf(host.did, [one]), 2);
      artifacts.remove(two);
      while (scene.knownOf(host.did, [two]) > 0) await wait(10);
    });
    assert.equal(first, ALL);
    assert.equal(await scene.live({ toldBook }), 2, 'it was taken back in the life before');
    assert.equal(await scene.live({ toldBook, held: rest }), 0);
    assert.equal(await scene.live({ toldBook }), 4, 'nobody watched when they went');
  });
});

/** It dies, or its disk is full, before anything is written. */
class LostBook extends MemoryToldBook {
  isBroken = true;

  override save(changes: Parameters<ToldBook['save']>[0]): Promise<void> {
    return this.isBroken ? Promise.reject(new Error('no room')) : super.save(changes);
  }
}

test('what was told and not written down is told twice; nothing is taken back that is remembered', async () => {
  await scene(4, async (scene) => {
    const toldBook = new LostBook();
    const warnings: string[] = [];
    const warn = (message: string) => void warnings.push(message);
    assert.equal(await scene.live({ toldBook, warn }), ALL);
    assert.equal(warnings.length, 1);
    toldBook.isBroken = false;
    assert.equal(await scene.live({ toldBook }), ALL);
    toldBook.isBroken = true;
    await scene.live({ toldBook, warn, now: later(POLICY.republishMs) }, async (node) => {
      node.artifacts.remove(ARTIFACTS[0]!);
      await wait(200);
      assert.equal(scene.knownOf(node.host.did, [ARTIFACTS[0]!]), 2);
    });
    assert.equal(warnings.length, 2);
  });
});
