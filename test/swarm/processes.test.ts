import assert from 'node:assert/strict';
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Manifest } from '../../src/domain/bundle.js';
import { pull, startNode, storeBundle } from './nodes.js';

const MIB = 1 << 20;
const CHILD = fileURLToPath(new URL('child-client.js', import.meta.url));

interface Message {
  startedWith?: number;
  held?: number;
  done?: { fromMaster: number; fromSiblings: number };
  failed?: string;
}

function client(seed: number, folder: string, manifest: Manifest, masters: string[]): ChildProcess {
  const child = fork(CHILD, [String(seed), folder]);
  child.send({ manifest, masters });
  return child;
}

/** The first message that `wanted` takes; fails where the child fails or ends. */
function message<T>(child: ChildProcess, wanted: (message: Message) => T | undefined): Promise<T> {
  return new Promise((resolve, reject) => {
    child.on('message', (raw) => {
      const told = raw as Message;
      if (told.failed !== undefined) reject(new Error(told.failed));
      const value = wanted(told);
      if (value !== undefined) resolve(value);
    });
    child.once('exit', (code, signal) => reject(new Error(`the child ended: ${code ?? signal}`)));
  });
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => {
    child.once('exit', resolve);
    child.kill('SIGKILL');
  });
}

test('a client killed in the middle fetches nothing again that it had reported as held', async () => {
  const source = await startNode(1);
  const folder = await mkdtemp(join(tmpdir(), 'x-swarm-'));
  const children: ChildProcess[] = [];
  try {
    const lengths = [24 * MIB, ...new Array<number>(40).fill(50_000), 8 * MIB];
    const total = lengths.reduce((sum, bytes) => sum + bytes, 0);
    const manifest = await storeBundle(source.open.store, lengths);
    await source.swarm.share(manifest, { masters: [] });
    const first = client(2, folder, manifest, [source.address]);
    children.push(first);
    const reported = await message(first, ({ held }) =>
      held !== undefined && held > total / 5 ? held : undefined,
    );
    await kill(first);
    const second = client(2, folder, manifest, [source.address]);
    children.push(second);
    const started = message(second, ({ startedWith }) => startedWith);
    const done = await message(second, ({ done }) => done);
    const startedWith = await started;
    assert.ok(startedWith >= reported, `${startedWith} held of ${reported} reported`);
    assert.equal(done.fromMaster + done.fromSiblings, total - startedWith);
  } finally {
    await Promise.all(children.map(kill));
    await source.stop();
    await rm(folder, { recursive: true, force: true });
  }
});

test('two client processes started together each get a quarter or more from the other', async () => {
  const source = await startNode(1);
  const folders = await Promise.all([1, 2].map(() => mkdtemp(join(tmpdir(), 'x-swarm-'))));
  const children: ChildProcess[] = [];
  try {
    const manifest = await storeBundle(source.open.store, new Array<number>(20).fill(250_000));
    await source.swarm.share(manifest, { masters: [] });
    folders.forEach((folder, i) => {
      children.push(client(i + 2, folder, manifest, [source.address]));
    });
    const done = await Promise.all(children.map((child) => message(child, ({ done }) => done)));
    for (const { fromMaster, fromSiblings } of done) {
      assert.equal(fromMaster + fromSiblings, 5_000_000);
      assert.ok(fromSiblings >= 1_250_000, `${fromSiblings} from the sibling`);
    }
  } finally {
    await Promise.all(children.map(kill));
    await source.stop();
    await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
  }
});

test('a killed peer is noticed and its requests go elsewhere', async () => {
  const source = await startNode(1);
  const survivor = await startNode(3);
  const folder = await mkdtemp(join(tmpdir(), 'x-swarm-'));
  const children: ChildProcess[] = [];
  try {
    const manifest = await storeBundle(source.open.store, [32 * MIB]);
    await source.swarm.share(manifest, { masters: [] });
    const doomed = client(2, folder, manifest, [source.address]);
    children.push(doomed);
    const { share } = await pull(survivor, manifest, { masters: [source.address] });
    await message(doomed, ({ held }) => (held !== undefined && held > 4 * MIB ? held : undefined));
    await kill(doomed);
    await share.complete(AbortSignal.timeout(25_000));
    assert.equal(share.heldBytes(), 32 * MIB);
  } finally {
    await Promise.all(children.map(kill));
    await survivor.stop();
    await source.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
