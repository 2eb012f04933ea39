import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { sha512 } from '../../../src/domain/digest.js';
import { NamedArtifacts } from '../../../src/network/named-artifacts.js';
import { positionOfDigest } from '../../../src/network/position.js';
import { ProviderRecords } from '../../../src/network/records.js';
import { Demand } from '../../../src/network/retention.js';
import type { Digests } from '../../../src/domain/digest.js';
import type { Store } from '../../../src/ports/store.js';
import { KeepCopies, type KeepCopiesDeps } from '../../../src/swarm/public/keep-copies.js';
import { BOUNDS } from '../../../src/domain/bounds.js';
import { contactOf, NETWORK, START_MS } from '../../network/kit.js';
import { seededRandom } from '../../simulation/virtual-time.js';
import { temporaryStore } from '../../store/temporary.js';
import { noise } from '../nodes.js';
import { digestsOf, HeldArtifacts } from './kit.js';

const PLENTY = 100 * 2 ** 30;

interface Kept {
  keep: KeepCopies;
  store: Store;
  artifacts: HeldArtifacts;
  records: ProviderRecords;
  demand: Demand;
  named: NamedArtifacts;
  copies: Map<string, number>;
  brought: Digests[];
}

async function keeping(t: TestContext, changes: Partial<KeepCopiesDeps>): Promise<Kept> {
  const temporary = await temporaryStore();
  t.after(() => temporary.dispose());
  const { store } = temporary.current;
  const artifacts = new HeldArtifacts();
  const [records, demand, named] = [new ProviderRecords(), new Demand(), new NamedArtifacts()];
  const copies = new Map<string, number>();
  const brought: Digests[] = [];
  const keep = new KeepCopies({
    network: NETWORK,
    store,
    artifacts,
    records,
    demand,
    copies: ({ sha256 }) => copies.get(sha256!) ?? 1,
    named,
    providers: {
      bring: ({ digests }) => {
        brought.push(digests);
        return Promise.resolve(true);
      },
    },
    quotaBytes: PLENTY,
    freeBytes: () => Promise.resolve(PLENTY),
    random: seededRandom(1),
    now: () => START_MS,
    ...changes,
  });
  return { keep, store, artifacts, records, demand, named, copies, brought };
}

test('over the quota goes what is asked for least and what others have, last what is the last copy', async (t) => {
  const { keep, store, artifacts, copies } = await keeping(t, { quotaBytes: 350_000 });
  const put = async (seed: number): Promise<{ sha256: string }> =>
    store.putBytes(noise(100_000, seed));
  const [wanted, plenty, rare, own] = [await put(1), await put(2), await put(3), await put(4)];
  artifacts.add(wanted, plenty, rare);
  for (const { sha256 } of [wanted, plenty]) copies.set(sha256, 8);
  for (let i = 0; i < 5; i++) keep.used(wanted);
  const first = await keep.keepQuota();
  assert.deepEqual(first, { files: 1, bytes: 100_000 });
  assert.equal(store.stat(plenty.sha256), undefined);
  assert.deepEqual(await keep.keepQuota(), { files: 0, bytes: 0 });
  await put(5);
  await keep.keepQuota();
  // Private, and nobody else's concern: it is fetched again from where it came.
  assert.equal(store.stat(own.sha256), undefined);
  assert.ok(store.stat(rare.sha256) && store.stat(wanted.sha256));
});

test('the quota is less where the disk is nearly full', async (t) => {
  const { keep, store } = await keeping(t, {
    freeBytes: () => Promise.resolve(BOUNDS.freeDiskBytes - 150_000),
  });
  for (let seed = 1; seed <= 3; seed++) await store.putBytes(noise(100_000, seed));
  await keep.keepQuota();
  assert.equal(store.totals().blobs, 1);
});

test('fetched is only what a public index names, records say to be rare, and is not here', async (t) => {
  const { keep, artifacts, records, named, brought } = await keeping(t, {});
  const name = (digests: Digests): void =>
    named.note({ digests, sizeBytes: 1_000, packageId: undefined });
  const say = ({ sha256, sha512: other }: Digests, owners: number): void => {
    for (let owner = 1; owner <= owners; owner++)
      records.add(
        other === undefined
          ? positionOfDigest(NETWORK, 'sha256', sha256!)
          : positionOfDigest(NETWORK, 'sha512', other),
        contactOf(owner),
        START_MS,
      );
  };
  const sha512Only = { sha512: sha512('npm') };
  const [rare, plenty, here, hearsay, gone] = ['rare', 'plenty', 'here', 'hearsay', 'gone'].map(
    (text) => ({ sha256: digestsOf(text).sha256 }),
  ) as [Digests, Digests, Digests, Digests, Digests];
  for (const digests of [rare, plenty, here, gone, sha512Only]) name(digests);
  say(rare, 1);
  say(sha512Only, 1);
  say(plenty, 3);
  say(here, 1);
  say(hearsay, 1);
  artifacts.add(here);
  // Each node takes only its part of what is missing: in a few turns it took it.
  for (let turn = 0; turn < 20; turn++) await keep.replicate(new AbortController().signal);
  const names = new Set(brought.map(({ sha256, sha512: other }) => sha256 ?? other));
  assert.deepEqual(names, new Set([rare.sha256, sha512Only.sha512]));
});

test('nothing is fetched into a full store, or after it was told to stop', async (t) => {
  const full = await keeping(t, { quotaBytes: 1_000 });
  const digests = { sha256: digestsOf('rare').sha256 };
  for (const { named, records } of [full]) {
    named.note({ digests, sizeBytes: 2_000, packageId: undefined });
    records.add(positionOfDigest(NETWORK, 'sha256', digests.sha256!), contactOf(1), START_MS);
  }
  for (let turn = 0; turn < 20; turn++) await full.keep.replicate(new AbortController().signal);
  assert.deepEqual(full.brought, []);
});
