import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { heldPieces } from './damage-kit.js';
import { keepHalf } from './kill-kit.js';
import { cloneData, HUGE, lastEvent, MANY, openWorld, STEP_MS, told } from './world.js';

const ALL = [...MANY, ...HUGE];

test('killed three times: what was reported as held is not fetched again', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(ALL);
  const args = world.client('a', source.invite, '--once');
  let reported = 0;
  for (let kills = 0; kills < 3; kills += 1) {
    const client = world.start(args);
    const mark = reported;
    await client.waitFor('progress', STEP_MS, ({ bytes }) => Number(bytes) > mark);
    await client.stop('SIGKILL');
    const first = client.events.find(({ event }) => event === 'progress');
    assert.ok(Number(first?.['bytes']) >= mark, `${String(first?.['bytes'])} of ${mark} held`);
    reported = Number(lastEvent(client, 'progress')?.['bytes']);
    if (reported === source.bytes) break;
  }
  const client = world.start(args);
  const { code, stdout } = await client.exited;
  assert.equal(code, 0, stdout);
  const first = client.events.find(({ event }) => event === 'progress');
  assert.ok(Number(first?.['bytes']) >= reported);
  const done = lastEvent(client, 'complete');
  assert.equal(done?.['bytes'], source.bytes);
  const received = Number(done?.['fromMaster']) + Number(done?.['fromSiblings']);
  assert.ok(received <= source.bytes - reported, `${received} received, ${reported} were held`);
  assert.equal(told(client), '');
});

test('a source that dies does not stop clients that hold everything between them', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(ALL);
  const pulled = await world.run(world.client('a', source.invite, '--once'));
  assert.equal(pulled.code, 0, pulled.stdout);
  await cloneData(world, 'a', 'b');
  await keepHalf(world.data('a'), 0);
  await keepHalf(world.data('b'), 1);

  const a = world.start(world.client('a', source.invite));
  const b = world.start(world.client('b', source.invite, '--once'));
  await a.waitFor('connected', STEP_MS, ({ isMaster }) => isMaster === false);
  await source.process.stop('SIGKILL');
  const ended = await b.exited;
  assert.equal(ended.code, 0, ended.stdout);
  await a.waitFor('complete', STEP_MS);

  // Started again while the source is dead, it finds its sibling where it met it, multicast or not.
  await keepHalf(world.data('b'), 1);
  const again = world.start(world.client('b', source.invite, '--once', '--no-mdns'));
  const { code, stdout } = await again.exited;
  assert.equal(code, 0, stdout);
  assert.equal(lastEvent(again, 'complete')?.['fromMaster'], 0);
  assert.match(told(again), /does not answer.*going on with what is held and with siblings/);
});

test('a source killed in the middle of a pull, as soon as nothing is with it alone', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(ALL);
  const clients = ['a', 'b'].map((name) =>
    world.start(world.client(name, source.invite, '--once')),
  );
  for (const client of clients) await client.waitFor('connected', STEP_MS);
  const all = heldPieces(world.data('source'));
  const between = (): Set<string> =>
    new Set(['a', 'b'].flatMap((name) => [...heldPieces(world.data(name))]));
  while ([...all].some((piece) => !between().has(piece))) await sleep(10);
  await source.process.stop('SIGKILL');
  for (const client of clients) {
    const { code, stdout } = await client.exited;
    assert.equal(code, 0, stdout);
    assert.equal(lastEvent(client, 'complete')?.['bytes'], source.bytes);
  }
});
