import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { sha256, sha512 } from '../../../src/domain/digest.js';
import { XError } from '../../../src/domain/errors.js';
import type { PlannedArtifact } from '../../../src/domain/plan.js';
import { fetchArtifacts } from '../../../src/operations/fetch-artifacts.js';
import { ScheduleLimit } from '../../../src/platform/schedule-limit.js';
import type { ProgressEvent } from '../../../src/ports/progress.js';
import type { PublicSwarm } from '../../../src/ports/public-swarm.js';
import type { Upstream, UpstreamRequest } from '../../../src/ports/upstream.js';
import { seededRandom } from '../../simulation/lan.js';
import { noise, systemClock } from '../nodes.js';
import { ownerOf, startHolder, startSeeker, type Holder, type Seeker } from './artifact-kit.js';

/** A registry in memory, which counts what is asked of it. */
class Registry implements Upstream {
  readonly asked: string[] = [];
  /** Addresses that it does not answer for, however long one waits. */
  readonly silent = new Set<string>();
  readonly #bodies = new Map<string, Uint8Array>();

  add(bytes: Uint8Array, over: Partial<PlannedArtifact> = {}): PlannedArtifact {
    const name = `a${this.#bodies.size}`;
    const url = `http://registry.test/${name}`;
    this.#bodies.set(url, bytes);
    return {
      purl: `pkg:pypi/${name}@1`,
      ecosystem: 'pypi',
      name,
      version: '1',
      filename: `${name}.whl`,
      path: `pypi/${name}/${name}.whl`,
      sizeBytes: bytes.length,
      digests: { sha256: sha256(bytes) },
      url,
      proof: 'index-hash',
      requiredBy: [],
      requires: [],
      targets: [],
      private: false,
      detail: {},
      ...over,
    };
  }

  async open({ url, offset = 0, signal }: UpstreamRequest) {
    this.asked.push(url);
    if (this.silent.has(url))
      await wait(600_000, undefined, { ref: false, ...(signal && { signal }) });
    const bytes = this.#bodies.get(url);
    if (bytes === undefined) throw new XError('PACKAGE_NOT_FOUND', url);
    const stream = (async function* () {
      for (let at = offset; at < bytes.length; at += 100_000) {
        await Promise.resolve();
        yield bytes.subarray(at, at + 100_000);
      }
    })();
    const about = { lengthBytes: bytes.length, contentType: undefined, etag: undefined };
    return { url, offset, ...about, stream };
  }

  read(): Promise<never> {
    return Promise.reject(new Error('no page is asked for'));
  }
}

async function scene(
  work: (scene: {
    registry: Registry;
    holders: Holder[];
    seeker: Seeker;
    fetch: (
      artifacts: PlannedArtifact[],
      swarm?: PublicSwarm,
    ) => Promise<Awaited<ReturnType<typeof fetchArtifacts>> & { events: ProgressEvent[] }>;
  }) => Promise<void>,
  holding: () => Parameters<typeof startHolder>[1] = () => ({}),
): Promise<void> {
  const holders = await Promise.all([21, 22, 23].map((seed) => startHolder(seed, holding())));
  // A busy machine is no reason to call a holder silent: here time passes slowly.
  const startedMs = Date.now() - performance.now() / 50;
  const seeker = await startSeeker(20, { now: () => startedMs + performance.now() / 50 });
  const registry = new Registry();
  try {
    seeker.finder.found = holders.map(({ host }) => ownerOf(host));
    await work({
      registry,
      holders,
      seeker,
      fetch: async (artifacts, swarm) => {
        const events: ProgressEvent[] = [];
        const { store, marked } = seeker.open;
        const fetched = await fetchArtifacts(
          {
            store,
            marked,
            upstream: registry,
            swarm,
            clock: systemClock,
            random: seededRandom(1),
            report: (event) => events.push(event),
          },
          artifacts,
        );
        return { ...fetched, events };
      },
    });
  } finally {
    await seeker.stop();
    await Promise.all(holders.map((holder) => holder.stop()));
  }
}

/** Each gives so many bytes a second. */
function ofRate(bytesPerSecond: number): () => { upload: ScheduleLimit } {
  const schedule = { otherwise: bytesPerSecond, windows: [] };
  return () => ({ upload: new ScheduleLimit(schedule, systemClock) });
}

test('what the swarm has comes from there, the rest from the registry, and the sums say so', () =>
  scene(async ({ registry, holders, seeker, fetch }) => {
    const artifacts: PlannedArtifact[] = [];
    let inSwarm = 0;
    for (let i = 0; i < 30; i++) {
      const bytes = noise(10_000 + i * 40_000, i + 1);
      const isNpm = i % 3 === 0;
      const artifact = registry.add(
        bytes,
        isNpm ? { ecosystem: 'npm', sizeBytes: undefined, digests: { sha512: sha512(bytes) } } : {},
      );
      artifacts.push(artifact);
      if (i < 3) continue;
      inSwarm += bytes.length;
      registry.silent.add(artifact.url);
      for (const holder of holders) await holder.hold(bytes);
    }
    const fetched = await fetch(artifacts, seeker.fetching);
    assert.equal(fetched.artifacts.length, 30);
    assert.deepEqual(
      artifacts.map(({ path }) => fetched.origins.get(path)).filter((one) => one === 'swarm')
        .length,
      27,
    );
    assert.equal(fetched.bytesSwarm, inSwarm);
    const last = fetched.events.filter(({ event }) => event === 'progress').at(-1);
    assert.equal(last?.event === 'progress' && last.fromSwarm, inSwarm);
    assert.equal(
      last?.event === 'progress' && last.bytes,
      last?.event === 'progress' && last.total,
    );
  }));

test('what is private, or on this network, is never asked of strangers', () =>
  scene(async ({ registry, seeker, fetch }) => {
    const secret = registry.add(noise(100_000, 1), { private: true });
    await fetch([secret], seeker.fetching);
    assert.equal(seeker.finder.finds, 0);
    assert.deepEqual(registry.asked, [secret.url]);
  }));

test('a swarm without anybody in it is not asked', () =>
  scene(async ({ registry, seeker, fetch }) => {
    const artifact = registry.add(noise(100_000, 1));
    const alone: PublicSwarm = {
      isAlone: () => true,
      expect: () => assert.fail('asked'),
      bring: () => Promise.reject(new Error('asked')),
      fetch: () => Promise.reject(new Error('asked')),
    };
    const fetched = await fetch([artifact], alone);
    assert.equal(fetched.origins.get(artifact.path), 'upstream');
    assert.equal(seeker.finder.finds, 0);
  }));

test('all holders are killed in the middle: it ends through the registry, and one line says so', () =>
  scene(async ({ registry, holders, seeker, fetch }) => {
    // All of it would take them half a minute: they are gone long before.
    const artifacts: PlannedArtifact[] = [];
    for (let i = 0; i < 12; i++) {
      // The first is here long before the others.
      const bytes = noise(i === 0 ? 300_000 : 5_000_000, i + 1);
      artifacts.push(registry.add(bytes));
      for (const holder of holders) await holder.hold(bytes);
    }
    const killed = (async () => {
      while (seeker.scores.ranking(Date.now()).length === 0) await wait(1);
      await Promise.all(holders.map(({ host }) => host.stop()));
    })();
    const fetched = await fetch(artifacts, seeker.fetching);
    await killed;
    assert.equal(fetched.artifacts.length, 12);
    for (const { sha256: digest } of fetched.artifacts)
      assert.ok(await seeker.open.store.verify(digest));
    assert.ok(registry.asked.length > 0, 'the registry was needed');
    const lines = fetched.events.filter(({ event }) => event === 'warning');
    assert.equal(lines.length, 1, JSON.stringify(lines));
  }, ofRate(600_000)));
