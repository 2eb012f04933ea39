import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { blobOf, damage, flipBit, placedBlobs } from './damage-kit.js';
import { FEW, HUGE, MANY, openWorld, type World } from './world.js';

const LINES = [...FEW, ...MANY.slice(30), ...HUGE];

/** A bundle signed once, as volumes of these sizes in folders of their own. */
async function exportAs(world: World, sizes: Record<string, string>): Promise<string> {
  const did = await world.sign(LINES);
  for (const [folder, size] of Object.entries(sizes)) {
    const to = ['--to', world.data(folder), '--volume-size', size];
    const { code, stderr } = await world.say(['export', 'bundle', ...to, ...at(world, 'source')]);
    assert.equal(code, 0, stderr);
  }
  return did;
}

function at(world: World, name: string): string[] {
  return ['--data', world.data(name)];
}

function volumesOf(world: World, folder: string): string[] {
  return readdirSync(world.data(folder))
    .sort()
    .map((name) => join(world.data(folder), name));
}

/** Flips a bit of an artifact that a volume holds whole; returns that one's path in the bundle. */
function spoil(world: World, volume: string): string {
  const bytes = readFileSync(volume);
  for (const { sha256, path, lengthBytes } of placedBlobs(world.data('source'))) {
    const name = bytes.indexOf(`artifacts/${sha256}`);
    if (name < 0 || lengthBytes < 1_000) continue;
    flipBit(volume, name + `artifacts/${sha256}`.length + 500);
    return path;
  }
  throw new Error(`${volume} holds no whole artifact`);
}

test('volumes come in any order, one at a time', async (t) => {
  const world = await openWorld(t);
  const did = await exportAs(world, { stick: '3MB' });
  const volumes = volumesOf(world, 'stick').reverse();
  assert.ok(volumes.length >= 4, `${volumes.length} volumes`);
  for (const [i, volume] of volumes.entries()) {
    const trust = i === 0 ? ['--trust', did] : [];
    const { code, stdout, stderr } = await world.say([
      ...['import', volume],
      ...trust,
      ...at(world, 'a'),
    ]);
    assert.equal(code, 0, stderr);
    assert.match(stdout, i === volumes.length - 1 ? /^complete: bundle/m : /are still missing/);
  }
  assert.equal((await world.say(['verify', 'bundle', ...at(world, 'a')])).code, 0);
});

test('a damaged volume is named, and made good by another', async (t) => {
  const world = await openWorld(t);
  const did = await exportAs(world, { good: '4MB', other: '5MB' });
  await cp(world.data('good'), world.data('bad'), { recursive: true });
  const [volume = ''] = volumesOf(world, 'bad');
  const path = spoil(world, volume);
  const take = (name: string, ...paths: string[]): ReturnType<World['say']> =>
    world.say(['import', ...paths, '--trust', did, ...at(world, name)]);

  const alone = await take('a', world.data('bad'));
  assert.equal(alone.code, 3, alone.stderr);
  assert.ok(alone.stderr.includes(`${volume}: ${path}: `), alone.stderr);
  assert.ok(alone.stderr.includes('no other volume given has an honest copy'), alone.stderr);
  const mended = await take('a', world.data('other'));
  assert.equal(mended.code, 0, mended.stderr);
  assert.match(mended.stdout, /^complete: /m);

  for (const [name, second] of [
    ['b', 'good'],
    ['c', 'other'],
  ] as const) {
    const both = await take(name, world.data('bad'), world.data(second));
    assert.equal(both.code, 0, both.stderr);
    assert.ok(both.stderr.includes(`${volume}: ${path}: `), both.stderr);
    assert.match(both.stdout, /^complete: /m);
  }
  for (let time = 1; time <= 2; time += 1) {
    const verified = await world.say(['verify', volume, ...at(world, 'd')]);
    assert.equal(verified.code, 3, verified.stderr);
    assert.ok(`${verified.stdout}${verified.stderr}`.includes(path));
  }
});

test('metadata that was tampered with takes nothing in', async (t) => {
  const world = await openWorld(t);
  const did = await exportAs(world, { stick: '100MB' });
  const [good = ''] = volumesOf(world, 'stick');
  for (const file of ['timestamp.json', '1.targets.json']) {
    await cp(good, world.data(`${file}.x.zip`));
    const bytes = readFileSync(good);
    const from = bytes.indexOf(`metadata/${file}`);
    const word = bytes.indexOf('"expires":"2', from);
    assert.ok(from > 0 && word > from);
    flipBit(world.data(`${file}.x.zip`), word + '"expires":"202'.length);
    const volume = world.data(`${file}.x.zip`);
    const imported = await world.say(['import', volume, '--trust', did, ...at(world, 'a')]);
    assert.equal(imported.code, 3, imported.stderr);
    assert.match(imported.stderr, /^x: .+$/m);
    assert.equal((await world.say(['verify', volume, ...at(world, 'a')])).code, 3);
  }
  const listed = await world.say(['ls', '--json', ...at(world, 'a')]);
  assert.ok(!listed.stdout.includes(did), listed.stdout);
});

test('x verify of a damaged store is exit 3 every time, until an honest copy is there', async (t) => {
  const world = await openWorld(t);
  const did = await exportAs(world, { stick: '100MB' });
  const take = (): ReturnType<World['say']> =>
    world.say(['import', world.data('stick'), '--trust', did, ...at(world, 'a')]);
  assert.equal((await take()).code, 0);
  const victims = ['x_large-', 'x_alpha-'].map((word) => blobOf(world.data('a'), word));
  victims.forEach(damage);
  for (let time = 1; time <= 3; time += 1) {
    const { code, stdout, stderr } = await world.say(['verify', 'bundle', ...at(world, 'a')]);
    assert.equal(code, 3, `time ${time}: ${stdout}${stderr}`);
    for (const { path } of victims) assert.ok(stderr.includes(`${path} is damaged`), stderr);
  }
  assert.equal((await take()).code, 0);
  assert.equal((await world.say(['verify', 'bundle', ...at(world, 'a')])).code, 0);
});
