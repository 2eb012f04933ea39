import assert from 'node:assert/strict';
import { sha256, sha512 } from '../../src/domain/digest.js';
import { PIECE_SIZE_BYTES, treeRoot } from '../../src/domain/piece.js';
import type { ReadableBlobs } from '../../src/ports/store.js';
import { hasCode, leavesOf, readAll, sampleBytes } from './store.js';
import { checksOf } from './checks.js';

/** Somewhere that blobs can be read from, and a way to get some there. */
export interface BlobsUnderTest {
  blobs: ReadableBlobs;
  add(bytes: Uint8Array): Promise<void>;
  /** Changes one byte of a blob where it lies; its length stays. */
  damage(sha256: string, at: number): Promise<void>;
  dispose(): Promise<void>;
}

const LENGTHS = [1, PIECE_SIZE_BYTES, PIECE_SIZE_BYTES + 1, 3 * PIECE_SIZE_BYTES + 17];

/** What everybody promises who is read by digest. */
export function readableBlobsContract(name: string, make: () => Promise<BlobsUnderTest>): void {
  const check = checksOf(name, make);
  check('blobs of every length are known by both digests, and come back', async (under) => {
    const { blobs, add } = under;
    for (const length of LENGTHS) {
      const bytes = sampleBytes(length, length);
      await add(bytes);
      const expected = {
        sha256: sha256(bytes),
        sha512: sha512(bytes),
        lengthBytes: length,
        pieceRoot: hex(treeRoot(leavesOf(bytes))),
      };
      assert.deepEqual(blobs.stat(expected.sha256), expected);
      assert.deepEqual(blobs.findBySha512(expected.sha512), expected);
      assert.ok((await readAll(blobs.open(expected.sha256))).equals(bytes));
      assert.deepEqual(blobs.leaves(expected.sha256)?.map(hex), leavesOf(bytes).map(hex));
    }
  });

  check('a range is exactly those bytes', async ({ blobs, add }) => {
    const bytes = sampleBytes(3 * PIECE_SIZE_BYTES + 17, 'range');
    await add(bytes);
    const edges = [0, 1, PIECE_SIZE_BYTES - 1, PIECE_SIZE_BYTES, 2 * PIECE_SIZE_BYTES + 5];
    for (const start of edges) {
      for (const end of [...edges, bytes.length, bytes.length + 9]) {
        const got = await readAll(blobs.open(sha256(bytes), { start, end }));
        assert.ok(got.equals(bytes.subarray(start, Math.max(start, end))), `${start} to ${end}`);
      }
    }
  });

  check('what is not there is not there', async ({ blobs }) => {
    const none = sha256('nothing');
    assert.equal(blobs.stat(none), undefined);
    assert.equal(blobs.stat('../x'), undefined);
    assert.equal(blobs.findBySha512(sha512('nothing')), undefined);
    assert.equal(blobs.findBySha512(''), undefined);
    assert.equal(blobs.leaves(none), undefined);
    await assert.rejects(readAll(blobs.open(none)), hasCode('STORE_DAMAGED'));
  });

  check(
    'of a blob that rotted the right pieces leave, no wrong one, and then it is gone',
    async (under) => {
      const { blobs, add, damage } = under;
      const bytes = sampleBytes(3 * PIECE_SIZE_BYTES + 17, 'rot');
      const name = sha256(bytes);
      await add(bytes);
      await damage(name, 2 * PIECE_SIZE_BYTES + 5);
      const got: Uint8Array[] = [];
      await assert.rejects(async () => {
        for await (const piece of blobs.open(name)) got.push(piece);
      }, hasCode('STORE_DAMAGED'));
      const left = Buffer.concat(got);
      assert.equal(left.length, 2 * PIECE_SIZE_BYTES);
      assert.ok(left.equals(bytes.subarray(0, left.length)));
      assert.equal(blobs.stat(name), undefined);
    },
  );
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
