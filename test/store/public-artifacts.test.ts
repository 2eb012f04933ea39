import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { sha256, sha512, type Digests } from '../../src/domain/digest.js';
import type { OpenStore } from '../../src/store/open-store.js';
import { sampleEntry, sampleManifest } from '../contract/catalog.js';
import { sampleBytes } from '../contract/store.js';
import { temporaryStore, type TemporaryStore } from './temporary.js';

async function withStore(work: (temporary: TemporaryStore) => Promise<void>): Promise<void> {
  const temporary = await temporaryStore();
  try {
    await work(temporary);
  } finally {
    await temporary.dispose();
  }
}

/** Stores some bytes, and a bundle that names them. */
async function bundled(
  { store, catalog }: OpenStore,
  path: string,
  over: Parameters<typeof sampleEntry>[1],
): Promise<Digests> {
  const bytes = sampleBytes(2_000, path);
  const { lengthBytes, pieceRoot } = await store.putBytes(bytes);
  const digests = { sha256: sha256(bytes), sha512: sha512(bytes) };
  const entry = sampleEntry(path, { ...digests, lengthBytes, pieceRoot, ...over });
  catalog.saveBundle(
    sampleManifest([entry], { bundle: `b${sha256(path).slice(0, 8)}` }),
    'client',
    new Map(),
  );
  return digests;
}

test('what a bundle names is public where it is a package and not private', () =>
  withStore(async ({ current }) => {
    const { publicArtifacts: artifacts, store } = current;
    const open = await bundled(current, 'pypi/open.whl', {});
    const secret = await bundled(current, 'pypi/secret.whl', { private: true });
    const index = await bundled(current, 'pypi/index.json', { kind: 'index' });
    const loose = await store.putBytes(sampleBytes(2_000, 'loose'));
    for (const digests of [open, { sha256: open.sha256 }, { sha512: open.sha512 }]) {
      const found = artifacts.find(digests);
      assert.equal(found?.blob.sha256, open.sha256);
      assert.deepEqual(found?.digests, open, 'all digests that are known');
    }
    for (const digests of [secret, index]) {
      assert.equal(artifacts.find(digests), undefined);
      assert.equal(artifacts.find({ sha512: digests.sha512 }), undefined);
    }
    assert.equal(artifacts.find({ sha256: loose.sha256 }), undefined);
    assert.equal(artifacts.find({ sha256: open.sha256, sha512: secret.sha512 }), undefined);
    assert.equal(artifacts.find({ sha256: '../../etc/passwd' }), undefined);
    assert.equal(artifacts.find({}), undefined);
    assert.deepEqual(
      [...artifacts.all()].map(({ digests }) => digests.sha256),
      [open.sha256],
    );
  }));

test('private ones are not looked at: the plans of both questions use the indexes of public ones', () =>
  withStore(async ({ current, folder }) => {
    await bundled(current, 'pypi/secret.whl', { private: true });
    const { default: Database } = await import('better-sqlite3');
    const sql = new Database(join(folder, 'catalog.sqlite'), { readonly: true });
    for (const column of ['sha256', 'sha512']) {
      const plan = sql
        .prepare(
          `EXPLAIN QUERY PLAN SELECT sha256, sha512 FROM entries
           WHERE private = 0 AND kind = 'package' AND ${column} = ? LIMIT 1`,
        )
        .all(Buffer.alloc(32)) as { detail: string }[];
      assert.ok(
        plan.every(({ detail }) => detail.includes('entries_public')),
        JSON.stringify(plan),
      );
    }
    sql.close();
  }));

test('what is noted stays public, and its marked file is given where the store has none', () =>
  withStore(async (temporary) => {
    const bytes = sampleBytes(400_000, 'marked');
    const path = join(temporary.folder, 'a.whl');
    writeFileSync(path, bytes);
    const digests = { sha256: sha256(bytes), sha512: sha512(bytes) };
    const request = {
      path,
      ecosystem: 'pypi',
      accepts: () => true,
      expected: {},
      withSha512: false,
    } as const;
    await temporary.current.marked.mark(request);
    assert.equal(temporary.current.publicArtifacts.find(digests), undefined, 'a mark says nothing');
    await temporary.current.publicArtifacts.note(digests);
    const { publicArtifacts, marked, store } = await temporary.reopen();
    assert.equal(publicArtifacts.find({ sha512: digests.sha512 })?.blobs, marked);
    await store.putBytes(bytes);
    assert.equal(publicArtifacts.find(digests)?.blobs, store);
    assert.equal([...publicArtifacts.all()].length, 1);
  }));

test('what comes and goes is told of, and nothing private', () =>
  withStore(async ({ current }) => {
    const { publicArtifacts: artifacts, store } = current;
    const told: string[] = [];
    const end = artifacts.watch(({ gained, lost }) => {
      for (const one of gained) told.push(`+${one.sha256}`);
      for (const one of lost) told.push(`-${one.sha256}`);
    });
    const secret = await bundled(current, 'pypi/secret.whl', { private: true });
    const open = sampleBytes(3_000, 'open');
    const { sha256: digest } = await store.putBytes(open);
    await wait(200);
    assert.deepEqual(told, []);
    await artifacts.note({ sha256: digest });
    await until(() => told.length === 1);
    await store.remove(digest);
    await store.remove(secret.sha256 ?? '');
    await until(() => told.length === 2);
    await store.putBytes(open);
    await until(() => told.length === 3);
    assert.deepEqual(told, [`+${digest}`, `-${digest}`, `+${digest}`]);
    end();
    await store.remove(digest);
    await wait(200);
    assert.equal(told.length, 3);
  }));

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    assert.ok(tries < 1_000, 'it comes to that');
    await wait(5);
  }
}
