import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { localDirectFiles } from '../../src/archive/direct-file.js';
import { sha256 } from '../../src/domain/digest.js';
import { blocksAtPages } from '../../src/domain/page-memory.js';
import { PIECE_SIZE_BYTES } from '../../src/domain/piece.js';
import type { DirectFiles } from '../../src/ports/direct-files.js';
import type { Store } from '../../src/ports/store.js';
import { runFrom } from '../../src/store/direct-run.js';
import { leavesOf, piecesOf, sampleBytes } from '../contract/store.js';
import { temporaryStore } from './temporary.js';

/** Twenty whole pieces and a short one. */
const LENGTH = 20 * PIECE_SIZE_BYTES + 1_000;
const bytes = sampleBytes(LENGTH, 'past the cache');
const name = sha256(bytes);

/** How often a file was opened to be written past the cache. */
function counted(real: DirectFiles): DirectFiles & { opened: number } {
  const counting = {
    ...real,
    opened: 0,
    openToWrite: async (path: string) => {
      const file = await real.openToWrite(path);
      if (file !== undefined) counting.opened += 1;
      return file;
    },
  };
  return counting;
}

/** Says that it can, and then every write is refused. */
function refusing(): DirectFiles {
  const real = localDirectFiles();
  return {
    ...real,
    openToWrite: async (path) => {
      const file = await real.openToWrite(path);
      if (file !== undefined) {
        file.writev = () => Promise.reject(Object.assign(new Error('no'), { code: 'EINVAL' }));
      }
      return file;
    },
  };
}

/** Pieces as they lie in a client's memory: shared, at pages. */
function atPages(): Uint8Array[] {
  const blocks = blocksAtPages(21, PIECE_SIZE_BYTES, { shared: true });
  return piecesOf(bytes).map((piece, at) => {
    const block = (blocks[at] as Uint8Array).subarray(0, piece.length);
    block.set(piece);
    return block;
  });
}

async function contentOf(store: Store): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of store.stream(name)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

test('in whatever order and company pieces come, what is held is what came', async () => {
  const shared = atPages();
  const plain = piecesOf(bytes);
  const orders = fc.record({
    order: fc.shuffledSubarray([...plain.keys()], { minLength: 21 }),
    inOrder: fc.boolean(),
    groups: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 21, maxLength: 21 }),
    isShared: fc.array(fc.boolean(), { minLength: 21, maxLength: 21 }),
    withSha512: fc.boolean(),
    direct: fc.constantFrom(localDirectFiles, refusing, () => undefined),
  });
  await fc.assert(
    fc.asyncProperty(orders, async ({ order, inOrder, groups, isShared, withSha512, direct }) => {
      const temporary = await temporaryStore({ direct: direct() });
      try {
        const { store } = temporary.current;
        const expected = withSha512
          ? { sha512: createHash('sha512').update(bytes).digest('hex') }
          : {};
        const partial = store.partial(name, LENGTH, leavesOf(bytes), expected);
        const sequence = inOrder ? [...plain.keys()] : order;
        for (let at = 0, group = 0; at < sequence.length; group += 1) {
          const some = sequence.slice(at, at + (groups[group] ?? 1));
          const pieceOf = (index: number): Uint8Array =>
            (isShared[group] === true ? shared : plain)[index] as Uint8Array;
          await Promise.all(some.map((index) => partial.write(index, [pieceOf(index)])));
          at += some.length;
        }
        const stored = await store.complete(name, expected);
        assert.equal(stored.lengthBytes, LENGTH);
        assert.ok((await contentOf(store)).equals(bytes));
        assert.equal(await store.verify(name), true);
      } finally {
        await temporary.dispose();
      }
    }),
    { numRuns: 30 },
  );
});

test('a run in order goes past the cache, single pieces do not', async (context) => {
  const direct = counted(localDirectFiles());
  const temporary = await temporaryStore({ direct });
  try {
    const pieces = atPages();
    const partial = temporary.current.store.partial(name, LENGTH, leavesOf(bytes));
    await partial.write(0, pieces.slice(0, 2));
    assert.equal(direct.opened, 0);
    await partial.write(2, pieces.slice(2, 12));
    if (direct.opened === 0) {
      context.skip('the file system of the temporary folder knows no writes past the page cache');
      return;
    }
    assert.equal(direct.opened, 1);
    await partial.write(14, pieces.slice(14, 20));
    assert.equal(direct.opened, 1, 'what does not follow waits for what is before it');
  } finally {
    await temporary.dispose();
  }
});

test('many short blobs at once are found again, each where it was put', async () => {
  for (const direct of [localDirectFiles(), refusing(), undefined]) {
    const temporary = await temporaryStore({ direct });
    try {
      const bodies = Array.from({ length: 400 }, (_, i) => sampleBytes(1 + i * 37, `short ${i}`));
      for (const some of [bodies.slice(0, 7), bodies.slice(7, 300), bodies.slice(300)]) {
        await Promise.all(some.map((body) => temporary.current.store.putBytes(body)));
      }
      const { store } = await temporary.reopen();
      for (const body of bodies) {
        assert.ok(Buffer.from(await store.read(sha256(body), body.length)).equals(body));
      }
    } finally {
      await temporary.dispose();
    }
  }
});

test('a run ends where memory is not shared, not at a page, or no whole block', () => {
  const [first, second, third] = blocksAtPages(3, PIECE_SIZE_BYTES, { shared: true }) as [
    Uint8Array,
    Uint8Array,
    Uint8Array,
  ];
  const partsOf = (pieces: readonly Uint8Array[]): number =>
    runFrom(5, [{ first: 5, pieces }]).parts.length;
  assert.equal(partsOf([first, second, third]), 3);
  assert.equal(partsOf([first, Buffer.alloc(PIECE_SIZE_BYTES), third]), 1);
  assert.equal(partsOf([first, second.subarray(1), third]), 1);
  assert.equal(partsOf([first, second.subarray(0, 5_000), third]), 1);
  const { parts, rest } = runFrom(5, [
    { first: 7, pieces: [third] },
    { first: 9, pieces: [second] },
    { first: 5, pieces: [first, second] },
  ]);
  assert.equal(parts.length, 3);
  assert.deepEqual(
    rest.map((one) => one.first),
    [9],
  );
});
