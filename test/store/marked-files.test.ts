import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmod, mkdir, rename, rm, symlink, truncate, utimes, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { sha256 } from '../../src/domain/digest.js';
import { PIECE_SIZE_BYTES } from '../../src/domain/piece.js';
import { hasCode, readAll, sampleBytes } from '../contract/store.js';
import { markedWorld, type MarkedWorld } from './marked-world.js';

const LENGTH = 4 * PIECE_SIZE_BYTES + 100;

function check(what: string, body: (world: MarkedWorld) => Promise<void>): void {
  test(`marked files: ${what}`, async () => {
    const world = await markedWorld();
    try {
      await body(world);
    } finally {
      await world.dispose();
    }
  });
}

check('a second scan reads nothing; what changed is read again', async ({ add, mark, path }) => {
  const bytes = sampleBytes(LENGTH, 'again');
  assert.equal((await add(bytes, 'a.tgz')).kind, 'marked');
  const again = await mark('a.tgz');
  assert.ok(again.kind === 'marked' && !again.isRead);
  await utimes(path('a.tgz'), new Date(0), new Date(0));
  const touched = await mark('a.tgz');
  assert.ok(touched.kind === 'marked' && touched.isRead);
  // The same length and times, as a careless copy would have them.
  await writeFile(path('b.tgz'), sampleBytes(LENGTH, 'other'));
  await utimes(path('b.tgz'), new Date(0), new Date(0));
  await rename(path('b.tgz'), path('a.tgz'));
  const replaced = await mark('a.tgz');
  assert.ok(replaced.kind === 'marked' && replaced.isRead);
  assert.notEqual(replaced.blob.sha256, sha256(bytes));
});

check('marks are there for the next process', async ({ add, temporary }) => {
  const bytes = sampleBytes(LENGTH, 'next');
  await add(bytes);
  const { marked } = await temporary.reopen();
  assert.ok((await readAll(marked.open(sha256(bytes)))).equals(bytes));
  assert.deepEqual(marked.totals(), { files: 1, bytes: LENGTH });
});

const CHANGES: Record<string, (world: MarkedWorld, name: string) => Promise<void>> = {
  truncated: ({ path }, name) => truncate(path(name), 3 * PIECE_SIZE_BYTES),
  longer: ({ path }, name) => writeFile(path(name), 'more', { flag: 'a' }),
  removed: ({ path }, name) => rm(path(name)),
  'other bytes of the same length': ({ path }, name) =>
    writeFile(path(name), sampleBytes(LENGTH, 'forged')),
  'a link to a file with the right bytes': async ({ path }, name) => {
    await rename(path(name), path('elsewhere'));
    await symlink(path('elsewhere'), path(name));
  },
  'a folder': async ({ path }, name) => {
    await rm(path(name));
    await mkdir(path(name));
  },
  'a named pipe': async ({ path }, name) => {
    await rm(path(name));
    execFileSync('mkfifo', [path(name)]);
  },
};

for (const [change, apply] of Object.entries(CHANGES)) {
  check(
    `${change} instead of a file: nothing wrong is read, and the mark is gone`,
    async (world) => {
      const bytes = sampleBytes(LENGTH, change);
      await world.add(bytes, 'a.tgz');
      await apply(world, 'a.tgz');
      await assert.rejects(readAll(world.marked.open(sha256(bytes))), hasCode('STORE_DAMAGED'));
      assert.deepEqual(
        world.lost.map(({ path }) => path),
        [world.path('a.tgz')],
      );
      assert.equal(world.marked.stat(sha256(bytes)), undefined);
      assert.deepEqual(world.marked.totals(), { files: 0, bytes: 0 });
    },
  );
}

check(
  'a file that changes while it is sent: what has left is right, and the rest does not',
  async (world) => {
    const bytes = sampleBytes(LENGTH, 'while');
    await world.add(bytes, 'a.tgz');
    const got: Uint8Array[] = [];
    await assert.rejects(async () => {
      for await (const piece of world.marked.open(sha256(bytes))) {
        got.push(Buffer.from(piece));
        if (got.length === 2) await writeFile(world.path('a.tgz'), sampleBytes(LENGTH, 'forged'));
      }
    }, hasCode('STORE_DAMAGED'));
    const left = Buffer.concat(got);
    assert.equal(left.length, 2 * PIECE_SIZE_BYTES);
    assert.ok(left.equals(bytes.subarray(0, left.length)));
  },
);

check('where another file has the same bytes, the read goes on there', async (world) => {
  const bytes = sampleBytes(LENGTH, 'twice');
  await world.add(bytes, 'a.tgz');
  await world.add(bytes, 'b.tgz');
  let pieces = 0;
  const got: Uint8Array[] = [];
  for await (const piece of world.marked.open(sha256(bytes))) {
    got.push(Buffer.from(piece));
    pieces += 1;
    if (pieces !== 2) continue;
    await writeFile(world.path('a.tgz'), sampleBytes(LENGTH, 'forged'));
  }
  assert.ok(Buffer.concat(got).equals(bytes));
  assert.deepEqual(world.marked.totals(), { files: 1, bytes: LENGTH });
});

check('links, and what its place belies, are not marked', async ({ add, mark, path, marked }) => {
  await add(sampleBytes(10, 'target'), 'target.tgz');
  await symlink(path('target.tgz'), path('link.tgz'));
  const link = await mark('link.tgz');
  assert.ok(link.kind === 'refused' && link.reason.includes('link'));
  const belied = await mark('target.tgz', { expected: { sha512: 'ab'.repeat(64) } });
  // It was marked before without that; what is known is not read again.
  assert.equal(belied.kind, 'marked');
  await writeFile(path('other.tgz'), 'other');
  const refused = await mark('other.tgz', { expected: { sha512: 'ab'.repeat(64) } });
  assert.ok(refused.kind === 'refused' && refused.reason.includes('sha512'));
  assert.equal((await mark('other.tgz', { accepts: () => false })).kind, 'no-package');
  assert.equal(marked.totals().files, 1);
});

check('what is marked and turns out to be no package any more is forgotten', async (world) => {
  const bytes = sampleBytes(10, 'was');
  await world.add(bytes, 'a.tgz');
  await writeFile(world.path('a.tgz'), 'something else');
  assert.equal((await world.mark('a.tgz', { accepts: () => false })).kind, 'no-package');
  assert.equal(world.marked.totals().files, 0);
});

check('an unreadable file is said to be so', async ({ add, mark, path, marked }) => {
  await add(sampleBytes(10, 'closed'), 'a.tgz');
  await chmod(path('a.tgz'), 0);
  if (process.getuid?.() === 0) {
    // root reads everything: the reason shows where there is no file at all.
    await rm(path('a.tgz'));
  }
  const verdict = await mark('a.tgz');
  assert.equal(verdict.kind, 'refused');
  assert.equal(marked.totals().files, 0);
});

check('folders are forgotten by themselves, and what is gone', async ({ add, marked, path }) => {
  await mkdir(path('one'));
  await mkdir(path('one-more'));
  await add(sampleBytes(10, 1), 'one/a.tgz');
  await add(sampleBytes(11, 2), 'one-more/a.tgz');
  await add(sampleBytes(12, 3), 'c.tgz');
  assert.deepEqual(await marked.forget(path('one')), { files: 1, bytes: 10 });
  await rm(path('c.tgz'));
  assert.deepEqual(marked.changed(), { files: 1, bytes: 12 });
  assert.deepEqual(await marked.forgetMissing(path('one')), { files: 0, bytes: 0 });
  assert.deepEqual(await marked.forgetMissing(path('')), { files: 1, bytes: 12 });
  assert.deepEqual(await marked.forget(), { files: 1, bytes: 11 });
});
