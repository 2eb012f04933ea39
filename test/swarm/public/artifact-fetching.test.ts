import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sha256, sha512, type Digests } from '../../../src/domain/digest.js';
import type { FallBack, OfficialSource } from '../../../src/ports/public-swarm.js';
import { noise } from '../nodes.js';
import { ownerOf, startHolder, startSeeker, type Holder, type Seeker } from './artifact-kit.js';

const never = new AbortController().signal;

/** An official source that nobody should ask. */
const nobodys: OfficialSource = {
  open: () => Promise.reject(new Error('the official source was asked')),
};

interface Served extends OfficialSource {
  offsets: number[];
  /** Bytes that were asked for, all times together. */
  askedBytes: number;
}

function officialOf(bytes: Uint8Array, { ranges = true } = {}): Served {
  const offsets: number[] = [];
  const served: Served = {
    offsets,
    askedBytes: 0,
    open: (offset, _, end = bytes.length) => {
      offsets.push(offset);
      const [from, until] = ranges ? [offset, end] : [0, bytes.length];
      served.askedBytes += until - from;
      const stream = (async function* () {
        for (let at = from; at < until; at += 60_000) {
          await Promise.resolve();
          yield bytes.subarray(at, Math.min(at + 60_000, until));
        }
      })();
      return Promise.resolve({ offset: from, lengthBytes: bytes.length, stream });
    },
  };
  return served;
}

async function scene(
  holders: number,
  work: (seeker: Seeker, holders: Holder[]) => Promise<void>,
): Promise<void> {
  const started = await Promise.all(Array.from({ length: holders }, (_, i) => startHolder(10 + i)));
  const seeker = await startSeeker(5);
  try {
    await work(seeker, started);
  } finally {
    await seeker.stop();
    await Promise.all(started.map((holder) => holder.stop()));
  }
}

async function heldBy(holders: readonly Holder[], bytes: Uint8Array): Promise<Digests> {
  for (const holder of holders) await holder.hold(bytes);
  return { sha256: sha256(bytes), sha512: sha512(bytes) };
}

async function storedBytes({ open }: Seeker, digest: string): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of open.store.open(digest)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Temporary files of the seeker's process. */
function leftovers({ folder }: Seeker): string[] {
  const writers = join(folder, 'writers');
  return readdirSync(writers, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.lock'))
    .map(({ name }) => name);
}

for (const [what, lengthBytes, isSized] of [
  ['one piece of known length', 1_000, true],
  ['one piece of unknown length', 200_000, false],
  ['many pieces', 5_000_000, true],
  ['many pieces of unknown length', 3_000_001, false],
] as const) {
  test(`${what}: it comes from the swarm, is verified, and is in the store`, () =>
    scene(3, async (seeker, holders) => {
      const bytes = noise(lengthBytes, 7);
      const digests = await heldBy(holders, bytes);
      seeker.finder.found = holders.map(({ host }) => ownerOf(host));
      const progress: number[] = [];
      const brought = await seeker.fetching.fetch(
        {
          digests,
          sizeBytes: isSized ? lengthBytes : undefined,
          official: nobodys,
          onProgress: (bytesHere) => progress.push(bytesHere),
        },
        never,
      );
      assert.deepEqual([...(brought?.bytes ?? [])], [['swarm', lengthBytes]]);
      assert.equal(progress.at(-1), lengthBytes);
      assert.deepEqual(await storedBytes(seeker, digests.sha256 ?? ''), Buffer.from(bytes));
      assert.deepEqual(leftovers(seeker), []);
      const served = holders.map(({ host }) => seeker.scores.servedBytes(host.did, Date.now()));
      assert.ok(served.reduce((a, b) => a + b) > lengthBytes * 0.99, 'their scores say so');
      const given = holders.map(({ scores }) => scores.ranking(Date.now())[0]?.receivedBytes ?? 0);
      assert.ok(given.reduce((a, b) => a + b) >= lengthBytes * 0.99, 'and theirs too');
      // The tree may be told as well, and the end of it twice.
      if (lengthBytes > 4_000_000) assert.ok(given.filter((one) => one > 0).length > 1);
    }));
}

test('by sha512 alone', () =>
  scene(1, async (seeker, holders) => {
    const bytes = noise(700_000, 3);
    const { sha512: digest } = await heldBy(holders, bytes);
    seeker.finder.owners = holders.map(({ host }) => ownerOf(host));
    assert.equal(
      await seeker.fetching.bring({ digests: { sha512: digest }, sizeBytes: undefined }, never),
      true,
    );
    assert.equal(seeker.open.store.findBySha512(digest ?? '')?.sha256, sha256(bytes));
  }));

test('nobody has it: the caller is told at once, and nothing of the official source is read', () =>
  scene(0, async (seeker) => {
    const fellBack: FallBack[] = [];
    const wanted = { digests: { sha256: sha256('x') }, sizeBytes: 1, official: nobodys };
    const brought = await seeker.fetching.fetch(
      { ...wanted, onFallBack: (reason) => fellBack.push(reason) },
      never,
    );
    assert.equal(brought, undefined);
    assert.deepEqual(fellBack, ['nobody']);
    assert.equal(await seeker.fetching.bring(wanted, never), false);
  }));

test('who says to have it and does not is forgotten for it, and not blamed', () =>
  scene(2, async (seeker, [empty, holder]) => {
    const bytes = noise(900_000, 4);
    const digests = await heldBy([holder!], bytes);
    seeker.finder.owners = [ownerOf(empty!.host), ownerOf(holder!.host)];
    const wanted = { digests, sizeBytes: bytes.length, official: officialOf(bytes) };
    const brought = await seeker.fetching.fetch(wanted, never);
    assert.equal(brought?.blob.sha256, digests.sha256);
    assert.deepEqual([...seeker.host.refused], []);
    assert.ok(
      seeker.finder.forgotten.every((did) => did === empty!.host.did),
      'only the one that has nothing',
    );
  }));

for (const ranges of [true, false]) {
  test(`all holders go in the middle: it ends with the official source, ${ranges ? 'by ranges' : 'which does none'}`, () =>
    scene(2, async (seeker, holders) => {
      const bytes = noise(24_000_000, 9);
      const digests = await heldBy(holders, bytes);
      seeker.finder.owners = holders.map(({ host }) => ownerOf(host));
      const official = officialOf(bytes, { ranges });
      const fellBack: FallBack[] = [];
      let isKilled = false;
      const brought = await seeker.fetching.fetch(
        {
          digests,
          sizeBytes: bytes.length,
          official,
          onProgress: (here) => {
            if (here < 2_000_000 || isKilled) return;
            isKilled = true;
            for (const { host } of holders) void host.stop();
          },
          onFallBack: (reason) => fellBack.push(reason),
        },
        never,
      );
      assert.equal(brought?.blob.sha256, digests.sha256);
      assert.equal(fellBack.length, 1);
      assert.ok((brought?.bytes.get('swarm') ?? 0) >= 1_000_000, 'what came is not thrown away');
      assert.ok((brought?.bytes.get('upstream') ?? 0) > 0);
      assert.deepEqual(await storedBytes(seeker, digests.sha256 ?? ''), Buffer.from(bytes));
      assert.ok(official.offsets.length > 0);
      if (!ranges) return;
      assert.ok(official.offsets[0]! > 0, 'only the rest is asked for');
      const { askedBytes } = official;
      assert.ok(askedBytes < 2 * bytes.length, `${askedBytes} for ${bytes.length} bytes`);
    }));
}

test('a fetch that is given up leaves nothing, and what was on its way is nowhere to be found', () =>
  scene(1, async (seeker, holders) => {
    const bytes = noise(30_000_000, 2);
    const digests = await heldBy(holders, bytes);
    seeker.finder.owners = holders.map(({ host }) => ownerOf(host));
    const stop = new AbortController();
    const fetched = seeker.fetching.fetch(
      {
        digests,
        sizeBytes: bytes.length,
        official: nobodys,
        onProgress: (here) => {
          if (here < 4_000_000) return;
          assert.equal(seeker.open.store.stat(digests.sha256 ?? ''), undefined);
          assert.equal(seeker.open.store.findBySha512(digests.sha512 ?? ''), undefined);
          assert.deepEqual(seeker.open.store.partials(), []);
          stop.abort(new Error('given up'));
        },
      },
      stop.signal,
    );
    await assert.rejects(fetched, /given up/);
    assert.equal(seeker.fetching.size, 0);
    for (let tries = 0; leftovers(seeker).length > 0 && tries < 200; tries++)
      await new Promise((done) => setTimeout(done, 10));
    assert.deepEqual(leftovers(seeker), []);
    assert.equal(seeker.open.store.stat(digests.sha256 ?? ''), undefined);
  }));

test('two hundred artifacts at once', () =>
  scene(3, async (seeker, holders) => {
    const all = await Promise.all(
      Array.from({ length: 200 }, async (_, i) => {
        const bytes = noise(1 + ((i * 7_919) % 400_000), i + 1);
        return { digests: await heldBy([holders[i % 3]!], bytes), lengthBytes: bytes.length };
      }),
    );
    seeker.finder.owners = holders.map(({ host }) => ownerOf(host));
    const brought = await Promise.all(
      all.map(({ digests, lengthBytes: sizeBytes }) =>
        seeker.fetching.fetch({ digests, sizeBytes, official: nobodys }, never),
      ),
    );
    assert.ok(brought.every((one, i) => one?.blob.sha256 === all[i]?.digests.sha256));
    assert.equal(seeker.fetching.size, 0);
  }));

test('a marked file that was changed is not held any more, and nothing wrong leaves', () =>
  scene(1, async (seeker, [holder]) => {
    const { writeFileSync } = await import('node:fs');
    const bytes = noise(3_000_000, 5);
    const path = join(holder!.folder, 'a-package.whl');
    writeFileSync(path, bytes);
    const verdict = await holder!.open.marked.mark({
      path,
      ecosystem: 'pypi',
      accepts: () => true,
      expected: {},
      withSha512: false,
    });
    assert.equal(verdict.kind, 'marked');
    const digests = { sha256: sha256(bytes) };
    holder!.artifacts.listed.add(digests.sha256);
    seeker.finder.owners = [ownerOf(holder!.host)];
    const changed = Buffer.from(readFileSync(path));
    changed[1_500_000] = (changed[1_500_000] ?? 0) ^ 1;
    writeFileSync(path, changed);
    const wanted = { digests, sizeBytes: bytes.length, official: officialOf(bytes) };
    const brought = await seeker.fetching.fetch(wanted, never);
    assert.equal(brought?.blob.sha256, digests.sha256);
    assert.deepEqual([...seeker.host.refused], [], 'it said so, and did not lie');
    assert.equal(holder!.open.marked.stat(digests.sha256), undefined);
  }));
