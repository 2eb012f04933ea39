import assert from 'node:assert/strict';
import { existsSync, rmSync } from 'node:fs';
import { createServer, connect, type AddressInfo, type Server } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { XEventLine, XProcess } from '../../fixtures/x-process.js';
import { openStore } from '../../src/store/open-store.js';
import { seededRandom } from '../simulation/lan.js';
import { heldBytes, heldPieces, placedBlobs } from './damage-kit.js';
import {
  cloneData,
  HUGE,
  lastEvent,
  MANY,
  openWorld,
  STEP_MS,
  type Source,
  type World,
} from './world.js';

const ALL = [...MANY, ...HUGE];
/** A line on which a pull takes seconds, so that moments fall into it. */
const BYTES_PER_MS = 4_000;
/** A process that starts is killed within this, or at some part of what it still lacks. */
const START_MS = 2_500;
const SOURCE_MS = 4_000;

/** Drops every second piece of a data folder: with `half` 0 and 1 two folders complete each other. */
export async function keepHalf(folder: string, half: number): Promise<void> {
  const { store, catalog, close } = await openStore({ folder });
  try {
    const [bundle] = catalog.bundles();
    assert.ok(bundle);
    let at = 0;
    for (const { sha256, lengthBytes } of [...catalog.entries(bundle.id)]) {
      const leaves = store.leaves(sha256) ?? [];
      at += 1;
      if (leaves.length < 2) {
        if (at % 2 === half) await store.remove(sha256);
        continue;
      }
      const pieces: Uint8Array[] = [];
      for await (const piece of store.open(sha256)) pieces.push(Buffer.from(piece));
      await store.remove(sha256);
      const partial = store.partial(sha256, lengthBytes, leaves);
      for (const [index, piece] of pieces.entries())
        if (index % 2 === half) await partial.write(index, [piece]);
    }
  } finally {
    await close();
  }
}

/** Passes connections on to a port of this machine, no faster than a slow line. */
async function slowLine(toPort: number): Promise<Server> {
  const server = createServer((near) => {
    const far = connect(toPort, '127.0.0.1');
    near.pipe(far);
    far.on('data', (chunk: Buffer) => {
      near.write(chunk);
      far.pause();
      setTimeout(() => far.resume(), chunk.length / BYTES_PER_MS);
    });
    far.on('close', () => near.destroy());
    near.on('close', () => far.destroy());
    // Whoever is killed resets what it had open.
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

function portOf(server: Server): number {
  return (server.address() as AddressInfo).port;
}

export interface Moments {
  /** How many times something is killed. */
  kills: number;
  seed: number;
}

/** What survived so far. */
interface Survived {
  pieces: Set<string>;
  bytes: number;
}

/**
 * A client that pulls over a slow line from a source, and half of it from a sibling, is killed at
 * random moments and started again; once in a while it is the source that is killed. Whatever was
 * reported or on disk is there afterwards, and only the rest is fetched.
 */
export async function killPulls(t: TestContext, { kills, seed }: Moments): Promise<void> {
  t.diagnostic(`seed ${seed}`);
  const random = seededRandom(seed);
  const world = await openWorld(t);
  const first = await world.source(ALL);
  const sourcePort = Number(first.address.split(':').at(-1));
  const siblingPort = await startSibling(world, first);
  const line = await slowLine(sourcePort);
  t.after(() => line.close());
  let source = first.process;
  const invite = `x://${first.did}@127.0.0.1:${portOf(line)}`;
  const args = world.client('a', invite, ...['--no-mdns', '--peer', `127.0.0.1:${siblingPort}`]);
  let survived: Survived = { pieces: new Set(), bytes: 0 };
  for (let killed = 0; killed < kills;) {
    const client = world.start([...args, '--once']);
    const isOver = await momentOf(client, first.bytes - survived.bytes, random);
    if (isOver) {
      await checkComplete(world, client, first.bytes - survived.bytes);
      rmSync(world.data('a'), { recursive: true });
      survived = { pieces: new Set(), bytes: 0 };
      continue;
    }
    killed += 1;
    if (random.integer(5) === 0) {
      // The source, and the client goes on with what it has until the source is back.
      await source.stop('SIGKILL');
      source = (await world.source(ALL, { listen: String(sourcePort) })).process;
      await client.exited;
      // At first contact there is nothing to go on with: then it says so, and is started again.
      if (isGone(lastEvent(client, 'error'))) {
        survived = checkKilled(world, client, survived);
        continue;
      }
      await checkComplete(world, client, first.bytes - survived.bytes);
      rmSync(world.data('a'), { recursive: true });
      survived = { pieces: new Set(), bytes: 0 };
    } else {
      await client.stop('SIGKILL');
      survived = checkKilled(world, client, survived);
    }
  }
  const last = world.start([...args, '--once']);
  await last.exited;
  await checkComplete(world, last, first.bytes - survived.bytes);
}

/** A client that holds every second piece and serves them, and has no master. */
async function startSibling(world: World, source: Source): Promise<number> {
  const pulled = await world.run(world.client('whole', source.invite, '--once'));
  assert.equal(pulled.code, 0, pulled.stdout);
  await cloneData(world, 'whole', 'sibling');
  await keepHalf(world.data('sibling'), 0);
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const port = portOf(server);
  await new Promise((resolve) => server.close(resolve));
  const sibling = world.start([
    ...['client', '--data', world.data('sibling'), '--no-mdns'],
    ...['--listen', String(port), '--port', '0'],
  ]);
  await sibling.waitFor('serving', STEP_MS);
  return port;
}

/** Waits for a random moment of a client's life. True where it came to its end before. */
async function momentOf(
  client: XProcess,
  lackedBytes: number,
  random: { integer(below: number): number },
): Promise<boolean> {
  const ended = client.exited.then(() => true);
  if (random.integer(2) === 0)
    return Promise.race([ended, sleep(random.integer(START_MS)).then(() => false)]);
  const part = random.integer(100) / 100;
  const reached = client.waitFor('progress', STEP_MS, ({ fromMaster, fromSiblings }) => {
    return Number(fromMaster) + Number(fromSiblings) >= part * lackedBytes;
  });
  return Promise.race([ended, reached.then(() => false)]);
}

/** What was held before is held, and so is what was reported; nobody saw damage. */
function checkKilled(world: World, client: XProcess, before: Survived): Survived {
  const folder = world.data('a');
  const reported = client.events.filter(({ event }) => event === 'progress');
  checkReports(client, before.bytes);
  if (!existsSync(join(folder, 'catalog.sqlite'))) {
    assert.equal(before.bytes + reported.length, 0, 'the catalog is gone');
    return before;
  }
  const pieces = heldPieces(folder);
  const lost = [...before.pieces].filter((piece) => !pieces.has(piece));
  assert.deepEqual(lost, [], 'held before, and not any more');
  const bytes = heldBytes(folder);
  const told = Number(reported.at(-1)?.['bytes'] ?? 0);
  assert.ok(bytes >= told, `${bytes} bytes held, ${told} were reported`);
  return { pieces, bytes };
}

/** The master went before the first contact, or in the middle of it. */
function isGone(error: XEventLine | undefined): boolean {
  return error?.['code'] === 'MASTER_UNREACHABLE' || error?.['code'] === 'PEER_FAILED';
}

/** Every life begins with what the one before left, and counts nothing twice. */
function checkReports(client: XProcess, heldBefore: number): void {
  const errors = client.events.filter(({ event }) => event === 'error');
  const defects = errors.filter((error) => !isGone(error));
  assert.deepEqual(defects, []);
  const damage = client.events.filter(({ message }) => /damage|bad piece/.test(String(message)));
  assert.deepEqual(damage, []);
  for (const { event, bytes, fromMaster, fromSiblings } of client.events) {
    if (event !== 'progress') continue;
    const received = Number(fromMaster) + Number(fromSiblings);
    assert.equal(Number(bytes), heldBefore + received, 'held is what was held, and what came');
  }
}

async function checkComplete(world: World, client: XProcess, lacked: number): Promise<void> {
  const { code, stdout } = await client.exited;
  assert.equal(code, 0, stdout);
  const done = lastEvent(client, 'complete');
  const received = Number(done?.['fromMaster']) + Number(done?.['fromSiblings']);
  assert.equal(received, lacked, 'no more was fetched than was lacking');
  const verified = await world.run(['verify', 'bundle', '--data', world.data('a')]);
  assert.equal(verified.code, 0, verified.stdout);
}

/** A source is killed while it resolves, downloads and signs; what was whole is not fetched again. */
export async function killSources(t: TestContext, { kills, seed }: Moments): Promise<void> {
  t.diagnostic(`seed ${seed}`);
  const random = seededRandom(seed);
  const world = await openWorld(t);
  const folder = world.data('source');
  let held = new Set<string>();
  for (let killed = 0; killed < kills; killed += 1) {
    const source = world.sourceProcess(ALL);
    const process = await source;
    await Promise.race([sleep(random.integer(SOURCE_MS)), process.waitFor('serving', STEP_MS)]);
    await process.stop('SIGKILL');
    assert.equal(lastEvent(process, 'error'), undefined);
    if (!existsSync(join(folder, 'catalog.sqlite'))) continue;
    const now = heldPieces(folder);
    assert.deepEqual(
      [...held].filter((piece) => !now.has(piece)),
      [],
    );
    if (lastEvent(process, 'signed') !== undefined) {
      assert.ok(placedBlobs(folder).length >= ALL.length);
      rmSync(folder, { recursive: true });
      held = new Set();
    } else held = now;
  }
  const bytesHeld = existsSync(join(folder, 'catalog.sqlite')) ? heldBytes(folder) : 0;
  const last = await world.source(ALL);
  const signed = lastEvent(last.process, 'signed');
  assert.ok(Number(signed?.['fetched']) <= last.bytes - bytesHeld, JSON.stringify(signed));
  await last.process.stop();
  const verified = await world.run(['verify', 'bundle', '--data', folder]);
  assert.equal(verified.code, 0, verified.stdout);
}
