import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sha256 } from '../../src/domain/digest.js';
import { openStore, type OpenStore } from '../../src/store/open-store.js';
import { DID } from '../contract/catalog.js';
import { leavesOf, piecesOf } from '../contract/store.js';
import { killBody, type KillBody } from './kill-bodies.js';

const MOMENTS = 20;
const child = fileURLToPath(new URL('kill-child.js', import.meta.url));

/** Runs the working process until it has said `facts` lines, kills it, and returns all it said. */
async function workUntilKilled(folder: string, seed: string, facts: number): Promise<string[]> {
  const worker = spawn(process.execPath, [child, folder, seed], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said: string[] = [];
  const lines = createInterface({ input: worker.stdout });
  lines.on('line', (line) => {
    said.push(line);
    if (said.length === facts) worker.kill('SIGKILL');
  });
  const [[, signal]] = (await Promise.all([once(worker, 'exit'), once(lines, 'close')])) as [
    [number | null, string | null],
    unknown,
  ];
  assert.equal(signal, 'SIGKILL', `it worked until it was killed: ${said.join(', ')}`);
  return said;
}

/** Every fact that was said still holds. */
async function checkFacts({ store, catalog }: OpenStore, said: readonly string[]): Promise<void> {
  const removing = new Set(
    said.filter((line) => line.startsWith('removing ')).map((line) => line.slice(9)),
  );
  const whole = new Set(
    said.filter((line) => line.startsWith('whole ')).map((line) => line.slice(6)),
  );
  let version = 0;
  for (const line of said) {
    const [fact, kind, id, index] = line.split(' ');
    if (fact === 'bundle') version = Number(kind);
    if (fact !== 'whole' && fact !== 'piece') continue;
    const what = `${String(kind)} ${String(id)}`;
    if (removing.has(what)) continue;
    const bytes = killBody(kind as KillBody, String(id));
    const stat = store.stat(sha256(bytes));
    if (fact === 'whole') assert.equal(stat?.lengthBytes, bytes.length, line);
    else if (!whole.has(what) && stat === undefined) {
      const partial = store.partial(sha256(bytes), bytes.length, leavesOf(bytes));
      assert.ok(partial.holds(Number(index)), line);
      const piece = await partial.read(Number(index));
      assert.ok(Buffer.from(piece).equals(piecesOf(bytes)[Number(index)]!), line);
    }
  }
  if (version > 0) {
    const bundle = catalog.bundle(`tools@${DID}`);
    assert.ok((bundle?.version ?? 0) >= version, `version ${String(version)} was saved`);
    assert.equal([...catalog.entries(`tools@${DID}`)].length, 200, 'a bundle is all there');
  }
}

/** Nothing lies about that the catalog does not know, and all that it knows is right. */
async function checkWhole(folder: string, { store }: OpenStore): Promise<void> {
  const files = readdirSync(join(folder, 'blobs'), { recursive: true, withFileTypes: true });
  for (const file of files.filter((entry) => entry.isFile())) {
    const stat = store.stat(file.name);
    assert.equal(stat?.lengthBytes, statSync(join(file.parentPath, file.name)).size, file.name);
  }
  for (const blob of store.unreferenced()) assert.ok(await store.verify(blob.sha256), blob.sha256);
  const names = store.partials().map((partial) => partial.sha256);
  assert.deepEqual(readdirSync(join(folder, 'partials')).toSorted(), names);
  for (const { sha256: name, lengthBytes } of store.partials()) {
    assert.equal(store.stat(name), undefined);
    const leaves = store.leaves(name) ?? [];
    const partial = store.partial(name, lengthBytes, leaves);
    for (const at of leaves.keys()) if (partial.holds(at)) await partial.read(at);
  }
}

test(`killed at ${String(MOMENTS)} moments: all that was reported is there, and nothing wrong`, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'x-kill-'));
  try {
    await killAndCheck(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
});

async function killAndCheck(folder: string): Promise<void> {
  for (let moment = 0; moment < MOMENTS; moment += 1) {
    // Spread over the first facts, where packs, leases and partials begin, and later ones.
    const facts = 1 + ((moment * 37) % 90);
    const seeds = moment % 4 === 3 ? ['a', 'b'] : ['a'];
    const said = await Promise.all(
      seeds.map((seed) => workUntilKilled(folder, `${String(moment)}${seed}`, facts)),
    );
    const open = await openStore({
      folder,
      onDamage: ({ sha256: name, reason }) => assert.fail(`${name}: ${reason}`),
    });
    assert.deepEqual(readdirSync(join(folder, 'writers')), [], 'no dead writer is left');
    for (const lines of said) await checkFacts(open, lines);
    await checkWhole(folder, open);
    await open.close();
  }
}
