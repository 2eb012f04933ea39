import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { BOUNDS } from '../../src/domain/bounds.js';
import { sha256, sha512 } from '../../src/domain/digest.js';
import { XError, type ErrorCode } from '../../src/domain/errors.js';
import { PIECE_SIZE_BYTES, TreeHasher, treeRoot } from '../../src/domain/piece.js';
import type { Store } from '../../src/ports/store.js';
import { checksOf } from './checks.js';

/** An open store over a fresh place, that can be closed and opened again as by the next process. */
export interface StoreUnderTest {
  store: Store;
  reopen(): Promise<Store>;
  dispose(): Promise<void>;
}

/** Bytes that differ everywhere and are the same for the same seed. */
export function sampleBytes(lengthBytes: number, seed: string | number): Buffer {
  return createHash('shake256', { outputLength: lengthBytes }).update(String(seed)).digest();
}

export function leavesOf(bytes: Uint8Array): Uint8Array[] {
  const tree = new TreeHasher();
  tree.update(bytes);
  return tree.finish();
}

export function piecesOf(bytes: Uint8Array): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += PIECE_SIZE_BYTES) {
    pieces.push(bytes.subarray(at, at + PIECE_SIZE_BYTES));
  }
  return pieces;
}

export async function* inChunks(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    await Promise.resolve();
    yield bytes.subarray(at, at + chunkBytes);
  }
}

export async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function hasCode(code: ErrorCode, ...words: string[]): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof XError, String(error));
    assert.equal(error.code, code, error.message);
    for (const word of words) assert.ok(error.message.includes(word), error.message);
    return true;
  };
}

const LENGTHS = [
  0,
  1,
  BOUNDS.packBlobBytes,
  BOUNDS.packBlobBytes + 1,
  PIECE_SIZE_BYTES,
  PIECE_SIZE_BYTES + 1,
  3 * PIECE_SIZE_BYTES + 17,
];

/** What every Store promises. */
export function storeContract(name: string, make: () => Promise<StoreUnderTest>): void {
  const check = checksOf(name, make);
  putsAndReads(check);
  refusals(check);
  resumables(check);
  partials(check);
  arrivals(check);
}

type Check = (what: string, body: (under: StoreUnderTest) => Promise<void>) => void;

/** A source that goes on when it is told to. */
function stepped(bytes: Uint8Array, chunkBytes: number) {
  let allowed = 0;
  let wake = (): void => undefined;
  async function* source(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += chunkBytes) {
      while (at + chunkBytes > allowed && allowed < bytes.length) {
        await new Promise<void>((resolve) => (wake = resolve));
      }
      // The memory is the source's again: whoever reads along must not see what it becomes.
      const chunk = Buffer.from(bytes.subarray(at, at + chunkBytes));
      yield chunk;
      chunk.fill(0);
    }
  }
  return {
    source: source(),
    allow: (count: number) => {
      allowed = count;
      wake();
    },
  };
}

function arrivals(check: Check): void {
  const LENGTH = 5 * (1 << 20) + 17;

  check('what arrives is read along from any place, by many, and is stored', async ({ store }) => {
    const bytes = sampleBytes(LENGTH, 'arrives');
    const { source, allow } = stepped(bytes, 100_003);
    const arrival = store.receive(source, {
      digests: { sha256: sha256(bytes) },
      maxBytes: LENGTH,
    });
    const starts = [0, 1, 1 << 20, 3 << 20, LENGTH - 1];
    const early = starts.map((start) => readAll(arrival.follow(start)));
    let seen = 0;
    allow(200_006);
    for await (const chunk of arrival.follow(0)) {
      assert.ok(bytes.subarray(seen, seen + chunk.length).equals(chunk));
      seen += chunk.length;
      assert.equal(store.stat(sha256(bytes)), undefined, 'not whole yet');
      allow(seen + 300_009);
      if (seen > 4 << 20) break;
    }
    const late = starts.map((start) => readAll(arrival.follow(start)));
    allow(LENGTH);
    assert.equal((await arrival.stored).sha256, sha256(bytes));
    const after = starts.map((start) => readAll(arrival.follow(start)));
    for (const read of [early, late, after]) {
      for (const [at, got] of (await Promise.all(read)).entries()) {
        assert.ok(got.equals(bytes.subarray(starts[at])), `from ${starts[at]}`);
      }
    }
    assert.ok((await readAll(store.open(sha256(bytes)))).equals(bytes));
  });

  check(
    'of what arrives wrong nothing is kept, and nobody reads it to its end',
    async ({ store }) => {
      for (const length of [1_000, LENGTH]) {
        const bytes = sampleBytes(length, 'wrong');
        const arrival = store.receive(inChunks(bytes, 64 << 10), {
          digests: { sha256: sha256('another') },
          maxBytes: LENGTH,
        });
        await assert.rejects(readAll(arrival.follow(0)), hasCode('DIGEST_MISMATCH'));
        await assert.rejects(arrival.stored, hasCode('DIGEST_MISMATCH'));
        await assert.rejects(readAll(arrival.follow(0)), hasCode('DIGEST_MISMATCH'));
        assert.deepEqual(store.totals(), { blobs: 0, bytes: 0 });
      }
    },
  );

  check('a source that breaks breaks those who follow', async ({ store }) => {
    async function* breaking(): AsyncGenerator<Uint8Array> {
      yield sampleBytes(2 << 20, 'breaks');
      await Promise.resolve();
      throw new XError('UPSTREAM_UNREACHABLE', 'the line broke');
    }
    const arrival = store.receive(breaking(), { maxBytes: LENGTH });
    await assert.rejects(readAll(arrival.follow(0)), hasCode('UPSTREAM_UNREACHABLE'));
    assert.deepEqual(store.totals(), { blobs: 0, bytes: 0 });
  });
}

function putsAndReads(check: Check): void {
  check('bodies of every length come back, also after a restart', async ({ store, reopen }) => {
    for (const length of LENGTHS) {
      const bytes = sampleBytes(length, length);
      const stored = await store.put(inChunks(bytes, 10_007), { maxBytes: 1 << 20 });
      assert.deepEqual(stored, {
        sha256: sha256(bytes),
        sha512: sha512(bytes),
        lengthBytes: length,
        pieceRoot: Buffer.from(treeRoot(leavesOf(bytes))).toString('hex'),
      });
    }
    const next = await reopen();
    for (const length of LENGTHS) {
      const bytes = sampleBytes(length, length);
      const stat = next.stat(sha256(bytes));
      assert.equal(stat?.lengthBytes, length);
      assert.deepEqual(next.findBySha512(sha512(bytes)), stat);
      assert.ok((await readAll(next.open(sha256(bytes)))).equals(bytes));
      assert.ok(Buffer.from(await next.read(sha256(bytes), 1 << 20)).equals(bytes));
      assert.deepEqual(next.leaves(sha256(bytes))?.map(hex), leavesOf(bytes).map(hex));
      assert.equal(await next.verify(sha256(bytes)), true);
    }
    const bytes = LENGTHS.reduce((sum, length) => sum + length, 0);
    assert.deepEqual(next.totals(), { blobs: LENGTHS.length, bytes });
  });

  check(
    'blobs of one piece are read together, in any order, beside one that is not held',
    async ({ store }) => {
      const lengths = [
        ...LENGTHS.filter((length) => length <= PIECE_SIZE_BYTES),
        700,
        5_000,
        90_000,
      ];
      const blobs = [...lengths, ...lengths].map((length, at) =>
        sampleBytes(length, `small ${at}`),
      );
      for (const bytes of blobs) await store.putBytes(bytes);
      const asked = [...blobs.slice(5), sampleBytes(9, 'not held'), ...blobs.slice(0, 8)];
      const read = await store.readSmall(asked.map((bytes) => sha256(bytes)));
      assert.equal(read.length, asked.length);
      for (const [at, bytes] of asked.entries()) {
        const isHeld = at !== blobs.length - 5;
        assert.deepEqual(read[at] && Buffer.from(read[at]), isHeld ? bytes : undefined, `${at}`);
      }
      assert.deepEqual(await store.readSmall([]), []);
    },
  );

  check('putBytes stores what put stores', async ({ store }) => {
    for (const length of LENGTHS) {
      const bytes = sampleBytes(length, length);
      const stored = await store.putBytes(bytes, { sha512: sha512(bytes) });
      assert.deepEqual(await store.put(inChunks(bytes, 999), { maxBytes: 1 << 20 }), stored);
      assert.deepEqual(store.stat(stored.sha256), stored);
    }
  });

  check('a range is exactly those bytes', async ({ store }) => {
    const bytes = sampleBytes(3 * PIECE_SIZE_BYTES + 17, 'range');
    const { sha256: name } = await store.putBytes(bytes);
    const edges = [0, 1, PIECE_SIZE_BYTES - 1, PIECE_SIZE_BYTES, 2 * PIECE_SIZE_BYTES + 5];
    for (const start of edges) {
      for (const end of [...edges, bytes.length, bytes.length + 9]) {
        const got = await readAll(store.open(name, { start, end }));
        assert.ok(got.equals(bytes.subarray(start, Math.max(start, end))));
      }
    }
  });

  check('many small blobs at once', async ({ store, reopen }) => {
    const all = Array.from({ length: 500 }, (_, at) => sampleBytes(at * 7, at));
    await store.putVerifiedSmall(all.map((bytes) => ({ bytes, sha256: sha256(bytes) })));
    const next = await reopen();
    for (const bytes of all) {
      assert.ok(Buffer.from(await next.read(sha256(bytes), 1 << 20)).equals(bytes));
    }
  });

  check('removed is gone, and can be put again', async ({ store, reopen }) => {
    for (const length of [100, BOUNDS.packBlobBytes + 100]) {
      const bytes = sampleBytes(length, 'removed');
      const { sha256: name } = await store.putBytes(bytes);
      await store.remove(name);
      assert.equal(store.stat(name), undefined);
      assert.equal(store.findBySha512(sha512(bytes)), undefined);
      assert.equal(store.leaves(name), undefined);
      await assert.rejects(readAll(store.open(name)), hasCode('STORE_DAMAGED', 'not held'));
      await store.putBytes(bytes);
      assert.ok((await readAll(store.open(name))).equals(bytes));
    }
    const next = await reopen();
    assert.equal(next.totals().blobs, 2);
  });

  check('what no bundle names is listed as unreferenced', async ({ store }) => {
    const names = [];
    for (let at = 0; at < 5; at += 1) {
      names.push((await store.putBytes(sampleBytes(50, at))).sha256);
    }
    assert.deepEqual(
      [...store.unreferenced()].map((blob) => blob.sha256),
      names.toSorted(),
    );
    for (const blob of store.unreferenced()) await store.remove(blob.sha256);
    assert.deepEqual([...store.unreferenced()], []);
  });
}

function refusals(check: Check): void {
  const bytes = sampleBytes(300_000, 'refused');
  const refused = async (
    store: Store,
    expected: Parameters<Store['put']>[1],
    code: ErrorCode,
    ...words: string[]
  ): Promise<void> => {
    await assert.rejects(store.put(inChunks(bytes, 65_536), expected), hasCode(code, ...words));
    assert.equal(store.stat(sha256(bytes)), undefined);
    assert.equal(store.totals().blobs, 0);
  };

  check('a digest that does not hold is named with what came instead', async ({ store }) => {
    const wrong = sha256('other');
    await refused(
      store,
      { digests: { sha256: wrong }, maxBytes: 1 << 20 },
      'DIGEST_MISMATCH',
      wrong,
      sha256(bytes),
    );
    const digests = { sha256: sha256(bytes), sha512: sha512('other') };
    await refused(store, { digests, maxBytes: 1 << 20 }, 'DIGEST_MISMATCH', sha512('other'));
    await assert.rejects(store.putBytes(bytes, { sha256: wrong }), hasCode('DIGEST_MISMATCH'));
    await assert.rejects(
      store.putVerifiedSmall([{ bytes: bytes.subarray(0, 9), sha256: wrong }]),
      hasCode('DIGEST_MISMATCH'),
    );
    assert.equal(store.totals().blobs, 0);
  });

  check('a body past its bound or its length is refused', async ({ store }) => {
    await refused(store, { maxBytes: 299_999 }, 'LIMIT_EXCEEDED', '299999');
    await refused(store, { lengthBytes: 299_999, maxBytes: 1 << 20 }, 'DIGEST_MISMATCH', '299999');
    await refused(store, { lengthBytes: 300_001, maxBytes: 1 << 20 }, 'DIGEST_MISMATCH', '300001');
  });

  check('what the source throws comes through, and leaves nothing', async ({ store }) => {
    const failure = new Error('the line broke');
    async function* broken(): AsyncGenerator<Uint8Array> {
      for await (const chunk of inChunks(sampleBytes(3 << 20, 'broken'), 65_536)) yield chunk;
      throw failure;
    }
    await assert.rejects(store.put(broken(), { maxBytes: 4 << 20 }), (error) => error === failure);
    assert.equal(store.totals().blobs, 0);
  });

  check('a whole read is bounded', async ({ store }) => {
    const { sha256: name } = await store.putBytes(bytes);
    await assert.rejects(store.read(name, 1_000), hasCode('LIMIT_EXCEEDED'));
  });
}

function resumables(check: Check): void {
  const bytes = sampleBytes(5 << 20, 'resumed');
  const expected = { digests: { sha512: sha512(bytes) }, lengthBytes: bytes.length, maxBytes: 1e9 };

  /** A server of `body` that breaks off after `breakAt` bytes, and notes where it was asked from. */
  function server(body: Uint8Array, breakAt: number, ranges = true) {
    const offsets: number[] = [];
    const fetch = async (asked: number) => {
      await Promise.resolve();
      offsets.push(asked);
      const offset = ranges ? asked : 0;
      async function* stream(): AsyncGenerator<Uint8Array> {
        yield* inChunks(body.subarray(offset, breakAt), 65_536);
        if (breakAt < body.length) throw new Error('the line broke');
      }
      return { offset, stream: stream() };
    };
    return { offsets, fetch };
  }

  check('a download goes on where it broke, also after a restart', async ({ store, reopen }) => {
    const first = server(bytes, 3_000_000);
    await assert.rejects(store.putResumable('k', first.fetch, expected), /the line broke/);
    const next = await reopen();
    const second = server(bytes, bytes.length);
    await next.putResumable('k', second.fetch, expected);
    assert.deepEqual(first.offsets, [0]);
    assert.equal(second.offsets.length, 1);
    assert.ok((second.offsets[0] ?? 0) > 2_900_000, String(second.offsets[0]));
    assert.ok((await readAll(next.open(sha256(bytes)))).equals(bytes));
  });

  check('a stream that ends early is INCOMPLETE and continued', async ({ store }) => {
    const short = { offset: 0, stream: inChunks(bytes.subarray(0, 2 << 20), 65_536) };
    await assert.rejects(
      store.putResumable('k', () => Promise.resolve(short), expected),
      hasCode('INCOMPLETE', String(2 << 20), String(bytes.length)),
    );
    const rest = server(bytes, bytes.length);
    await store.putResumable('k', rest.fetch, expected);
    assert.deepEqual(rest.offsets, [2 << 20]);
  });

  check('a server without ranges starts over', async ({ store }) => {
    await assert.rejects(store.putResumable('k', server(bytes, 3_000_000).fetch, expected));
    const second = server(bytes, bytes.length, false);
    await store.putResumable('k', second.fetch, expected);
    assert.ok((await readAll(store.open(sha256(bytes)))).equals(bytes));
  });

  check('the half of another file is noticed, and all is fetched once more', async ({ store }) => {
    const other = sampleBytes(bytes.length, 'other');
    await assert.rejects(store.putResumable('k', server(other, 3_000_000).fetch, expected));
    const second = server(bytes, bytes.length);
    await store.putResumable('k', second.fetch, expected);
    assert.equal(second.offsets.at(-1), 0);
    assert.ok((await readAll(store.open(sha256(bytes)))).equals(bytes));
  });

  check('wrong bytes are a mismatch and are not kept for later', async ({ store }) => {
    const other = sampleBytes(bytes.length, 'other');
    const wrong = server(other, other.length);
    await assert.rejects(
      store.putResumable('k', wrong.fetch, expected),
      hasCode('DIGEST_MISMATCH', sha512(bytes), sha512(other)),
    );
    assert.deepEqual(wrong.offsets, [0]);
    const right = server(bytes, bytes.length);
    await store.putResumable('k', right.fetch, expected);
    assert.deepEqual(right.offsets, [0]);
  });

  check('without a digest nothing is continued', async ({ store }) => {
    const loose = { maxBytes: 1e9 };
    await assert.rejects(store.putResumable('k', server(bytes, 3_000_000).fetch, loose));
    const second = server(bytes, bytes.length);
    await store.putResumable('k', second.fetch, loose);
    assert.deepEqual(second.offsets, [0]);
  });

  check('the same download twice at once ends in one blob', async ({ store }) => {
    const both = [0, 1].map(() =>
      store.putResumable('k', server(bytes, bytes.length).fetch, expected),
    );
    const [a, b] = await Promise.all(both);
    assert.deepEqual(a, b);
    assert.ok((await readAll(store.open(sha256(bytes)))).equals(bytes));
  });
}

function partials(check: Check): void {
  const bytes = sampleBytes(9 * PIECE_SIZE_BYTES + 5, 'pieces');
  const name = sha256(bytes);
  const pieces = piecesOf(bytes);

  check('pieces in any order make a blob, held across restarts', async ({ store, reopen }) => {
    const partial = store.partial(name, bytes.length, leavesOf(bytes));
    assert.equal(partial.heldCount(), 0);
    await partial.write(4, pieces.slice(4, 7));
    await Promise.all([partial.write(9, pieces.slice(9)), partial.write(0, pieces.slice(0, 2))]);
    assert.equal(store.stat(name), undefined);
    await assert.rejects(store.complete(name), hasCode('INCOMPLETE', '4 of 10'));

    const next = await reopen();
    assert.deepEqual(next.partials(), [{ sha256: name, lengthBytes: bytes.length, heldPieces: 6 }]);
    assert.deepEqual(next.leaves(name)?.map(hex), leavesOf(bytes).map(hex));
    const again = next.partial(name, bytes.length, leavesOf(bytes));
    assert.deepEqual(
      pieces.map((_, at) => again.holds(at)),
      [true, true, false, false, true, true, true, false, false, true],
    );
    for (const at of [0, 5, 9]) assert.ok(Buffer.from(await again.read(at)).equals(pieces[at]!));
    await again.write(2, pieces.slice(2, 4));
    await again.write(7, pieces.slice(7, 9));
    const stored = await next.complete(name, { sha512: sha512(bytes) });
    assert.equal(stored.sha512, sha512(bytes));
    assert.deepEqual(next.stat(name), stored);
    assert.deepEqual(next.partials(), []);
    assert.ok((await readAll(next.open(name))).equals(bytes));
    assert.deepEqual(await next.complete(name), stored, 'complete twice is the same');
  });

  check('blobs of one piece and of none', async ({ store, reopen }) => {
    for (const length of [0, 1, 4_096, BOUNDS.packBlobBytes + 1, PIECE_SIZE_BYTES]) {
      const small = sampleBytes(length, length);
      const partial = store.partial(sha256(small), length, leavesOf(small));
      assert.equal(partial.holds(0), false);
      if (length > 0) {
        await partial.write(0, [small]);
        assert.ok(partial.holds(0));
        assert.ok(Buffer.from(await partial.read(0)).equals(small));
      }
      await store.complete(sha256(small));
    }
    const next = await reopen();
    assert.equal(next.totals().blobs, 5);
    assert.ok((await readAll(next.open(sha256(sampleBytes(4_096, 4_096))))).length === 4_096);
  });

  check('a tree that hashes to another file is a mismatch, and forgotten', async ({ store }) => {
    for (const wrong of [sampleBytes(3 * PIECE_SIZE_BYTES, 'w'), sampleBytes(77, 'w')]) {
      const claimed = sha256(`not ${String(wrong.length)}`);
      const partial = store.partial(claimed, wrong.length, leavesOf(wrong));
      await partial.write(0, piecesOf(wrong));
      await assert.rejects(
        store.complete(claimed),
        hasCode('DIGEST_MISMATCH', claimed, sha256(wrong)),
      );
      assert.equal(store.stat(claimed), undefined);
      assert.deepEqual(store.partials(), []);
      await assert.rejects(store.complete(claimed), hasCode('INCOMPLETE'));
    }
  });

  check('a wrong sha512 keeps a blob from being whole', async ({ store }) => {
    const partial = store.partial(name, bytes.length, leavesOf(bytes));
    await partial.write(0, pieces);
    await assert.rejects(
      store.complete(name, { sha512: sha512('x') }),
      hasCode('DIGEST_MISMATCH', sha512('x')),
    );
    assert.equal(store.stat(name), undefined);
  });

  check('begun again under another tree, equal pieces stay held', async ({ store, reopen }) => {
    const partial = store.partial(name, bytes.length, leavesOf(bytes));
    await partial.write(0, pieces);
    const leaves = leavesOf(bytes);
    leaves[3] = Buffer.alloc(32, 7);
    const other = store.partial(name, bytes.length, leaves);
    assert.equal(other.heldCount(), 9);
    assert.equal(other.holds(3), false);
    await assert.rejects(partial.write(3, [pieces[3]!]), hasCode('INCOMPLETE'));
    const next = await reopen();
    const back = next.partial(name, bytes.length, leavesOf(bytes));
    assert.equal(back.heldCount(), 9);
    await back.write(3, [pieces[3]!]);
    await next.complete(name);
    assert.ok((await readAll(next.open(name))).equals(bytes));
  });

  check('a whole blob answers as one that holds every piece', async ({ store }) => {
    await store.putBytes(bytes);
    const held = store.partial(name, bytes.length, leavesOf(bytes));
    assert.equal(held.heldCount(), pieces.length);
    await held.write(0, pieces);
    assert.ok(Buffer.from(await held.read(9)).equals(pieces[9]!));
    assert.equal((await store.complete(name)).sha256, name);
  });

  check('a removed partial begins at nothing', async ({ store, reopen }) => {
    await store.partial(name, bytes.length, leavesOf(bytes)).write(0, pieces.slice(0, 5));
    await store.remove(name);
    assert.equal(store.partial(name, bytes.length, leavesOf(bytes)).heldCount(), 0);
    const next = await reopen();
    assert.deepEqual(next.partials(), []);
  });
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
