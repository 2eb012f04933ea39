import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { sha256, sha512 } from '../../src/domain/digest.js';
import { PIECE_SIZE_BYTES } from '../../src/domain/piece.js';
import { openStore } from '../../src/store/open-store.js';
import { hasCode, leavesOf, piecesOf, readAll, sampleBytes } from '../contract/store.js';
import { temporaryStore } from './temporary.js';

/** Files that are neither the catalog's nor a lock, with their lengths. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !/^catalog|\.lock$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

const LENGTHS = [0, 1, 1_000, 262_143, 262_144, 262_145, 1_000_000, 9_000_001];

test('pieces in any order, with and without their tree, become the blob that they are', async () => {
  const temporary = await temporaryStore();
  try {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...LENGTHS),
        fc.boolean(),
        fc.boolean(),
        fc.array(fc.nat(), { minLength: 40, maxLength: 40 }),
        async (lengthBytes, hasTree, hasSha512, order) => {
          const { store } = temporary.current;
          const bytes = sampleBytes(lengthBytes, `${lengthBytes}`);
          const digests = {
            sha256: sha256(bytes),
            ...(hasSha512 ? { sha512: sha512(bytes) } : {}),
          };
          const leaves = hasTree ? leavesOf(bytes) : undefined;
          const quarantine = store.quarantine({ digests, lengthBytes }, leaves);
          const pieces = piecesOf(bytes).map((piece, index) => ({ piece, index }));
          const shuffled = pieces.toSorted((a, b) => (order[a.index] ?? 0) - (order[b.index] ?? 0));
          await Promise.all(
            shuffled.map(({ piece, index }) => quarantine.write(index * PIECE_SIZE_BYTES, piece)),
          );
          assert.equal(store.stat(digests.sha256), undefined, 'nobody sees it before');
          const blob = await quarantine.admit();
          assert.equal(blob.lengthBytes, lengthBytes);
          assert.deepEqual(await readAll(store.open(digests.sha256)), bytes);
          assert.deepEqual(
            store.leaves(digests.sha256)?.map((leaf) => Buffer.from(leaf)),
            leavesOf(bytes).map((leaf) => Buffer.from(leaf)),
          );
          if (hasSha512) assert.equal(store.findBySha512(sha512(bytes))?.sha256, digests.sha256);
          await store.remove(digests.sha256);
        },
      ),
      { numRuns: 40 },
    );
    await temporary.reopen();
    assert.deepEqual(
      filesOf(temporary.folder).filter((path) => !path.includes('packs')),
      [],
    );
  } finally {
    await temporary.dispose();
  }
});

test('a body in order and of unknown length is hashed as it comes', async () => {
  const temporary = await temporaryStore();
  try {
    const bytes = sampleBytes(7_000_000, 'body');
    const quarantine = temporary.current.store.quarantine({
      digests: { sha512: sha512(bytes) },
      lengthBytes: undefined,
    });
    for (let at = 0; at < bytes.length; at += 99_999)
      await quarantine.write(at, bytes.subarray(at, at + 99_999));
    const { sha256: digest } = await quarantine.admit();
    assert.equal(digest, sha256(bytes));
    assert.deepEqual(await readAll(temporary.current.store.open(digest)), bytes);
  } finally {
    await temporary.dispose();
  }
});

for (const lengthBytes of [1_000, 3_000_000]) {
  for (const [what, spoil] of Object.entries({
    'one bit of it': (bytes: Uint8Array) => {
      const spoilt = Uint8Array.from(bytes);
      spoilt[500] = (spoilt[500] ?? 0) ^ 1;
      return spoilt;
    },
    'its end': (bytes: Uint8Array) => bytes.subarray(0, -1),
  })) {
    test(`${lengthBytes} bytes: where ${what} is wrong nothing of it is kept`, async () => {
      const temporary = await temporaryStore();
      try {
        const { store } = temporary.current;
        const bytes = sampleBytes(lengthBytes, 'right');
        const wrong = spoil(bytes);
        const digests = { sha256: sha256(bytes) };
        for (const known of [lengthBytes, undefined]) {
          const quarantine = store.quarantine({ digests, lengthBytes: known });
          await quarantine.write(0, wrong);
          await assert.rejects(quarantine.admit(), hasCode('DIGEST_MISMATCH'));
        }
        const onlySha512 = store.quarantine({
          digests: { sha512: sha512(bytes) },
          lengthBytes: undefined,
        });
        await onlySha512.write(0, wrong);
        await assert.rejects(onlySha512.admit(), hasCode('DIGEST_MISMATCH'));
        assert.deepEqual([...store.held()], []);
        assert.deepEqual(filesOf(temporary.folder), []);
      } finally {
        await temporary.dispose();
      }
    });
  }
}

test('a piece that is missing is one', async () => {
  const temporary = await temporaryStore();
  try {
    const bytes = sampleBytes(1_000_000, 'a gap');
    const quarantine = temporary.current.store.quarantine(
      { digests: { sha256: sha256(bytes) }, lengthBytes: bytes.length },
      leavesOf(bytes),
    );
    for (const index of [0, 1, 3])
      await quarantine.write(index * PIECE_SIZE_BYTES, piecesOf(bytes)[index]!);
    await assert.rejects(quarantine.admit(), hasCode('DIGEST_MISMATCH'));
    assert.deepEqual(filesOf(temporary.folder), []);
  } finally {
    await temporary.dispose();
  }
});

test('what is discarded in the middle of its writing leaves nothing', async () => {
  const temporary = await temporaryStore();
  try {
    const bytes = sampleBytes(4_000_000, 'discarded');
    const quarantine = temporary.current.store.quarantine({
      digests: { sha256: sha256(bytes) },
      lengthBytes: undefined,
    });
    const writing = quarantine.write(0, bytes);
    await quarantine.discard();
    await writing;
    await quarantine.write(bytes.length, bytes);
    assert.deepEqual(filesOf(temporary.folder), []);
  } finally {
    await temporary.dispose();
  }
});

test('a process that is killed leaves nothing of it to the next', async () => {
  const temporary = await temporaryStore();
  try {
    await temporary.current.close();
    const child = fileURLToPath(new URL('child-quarantine.js', import.meta.url));
    const worker = spawn(process.execPath, [child, temporary.folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(worker.stdout, 'data');
    const lying = filesOf(temporary.folder);
    assert.ok(
      lying.some((path) => statSync(path).size > 1_000_000),
      'it was at it',
    );
    assert.ok(lying.every((path) => !path.includes('blobs')));
    worker.kill('SIGKILL');
    await once(worker, 'exit');
    temporary.current = await openStore({ folder: temporary.folder });
    assert.deepEqual([...temporary.current.store.held()], []);
    assert.deepEqual(temporary.current.store.partials(), []);
    assert.deepEqual(filesOf(temporary.folder), []);
  } finally {
    await temporary.dispose();
  }
});
