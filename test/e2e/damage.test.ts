import assert from 'node:assert/strict';
import { statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { blobOf, damage, flipBit, heldPieces, PIECE_BYTES, sha256Of } from './damage-kit.js';
import { FEW, HUGE, lastEvent, openWorld, STEP_MS, told, type World } from './world.js';

const LINES = [...FEW, ...HUGE];
const HUGE_WHEEL = 'x_vast-1.0-py3-none-any.whl';

/** Fetches a wheel from a gateway: its bytes, or undefined where the answer breaks off or does not come. */
async function fetchWheel(gateway: string, project: string): Promise<Buffer | undefined> {
  const page = new URL(`/pypi/simple/${project}/`, gateway);
  const html = await (await fetch(page, { headers: { accept: 'text/html' } })).text();
  const href = /href="([^"#]+)/.exec(html)?.[1];
  assert.ok(href, html);
  try {
    const answer = await fetch(new URL(href, page), { signal: AbortSignal.timeout(5_000) });
    return answer.status === 200 ? Buffer.from(await answer.arrayBuffer()) : undefined;
  } catch {
    // Broken off, or nothing in time: what a client of a gateway notices.
    return undefined;
  }
}

test('a client that starts on damaged files names them and fetches them afresh', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(LINES);
  const once = world.client('a', source.invite, '--once');
  assert.equal((await world.run(once)).code, 0);

  const victims = ['x_large-', 'x_alpha-', 'x_vast-'].map((word) => blobOf(world.data('a'), word));
  assert.ok(victims.some(({ file }) => file.endsWith('.pack')));
  victims.forEach(damage);
  const again = world.start(once);
  const { code, stdout } = await again.exited;
  assert.equal(code, 0, stdout);
  for (const { path } of victims) assert.match(told(again), new RegExp(`${path} here is damaged`));
  const fetched = victims.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
  assert.equal(lastEvent(again, 'complete')?.['fromMaster'], fetched);
  assert.equal((await world.run(['verify', 'bundle', '--data', world.data('a')])).code, 0);

  damage(blobOf(world.data('a'), 'x_large-'));
  const resident = world.start(world.client('a', source.invite));
  await resident.waitFor('complete', STEP_MS);
  assert.match(told(resident), /x_large\S* here is damaged/);
  const { gateway } = await resident.waitFor('serving', STEP_MS);
  const bytes = await fetchWheel(String(gateway), 'x-large');
  assert.equal(sha256Of(bytes ?? Buffer.of()), blobOf(world.data('source'), 'x_large-').sha256);
});

test('a partial that rotted between kill and start costs the piece that rotted', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(HUGE);
  const { sha256, path } = blobOf(world.data('source'), 'x_vast-');
  const once = world.client('a', source.invite, '--once');
  const killed = world.start(once);
  await killed.waitFor('connected', STEP_MS);
  while (!pieceOf(world, sha256)) await sleep(5);
  await killed.stop('SIGKILL');

  const index = pieceOf(world, sha256);
  assert.ok(index !== undefined, 'killed in the middle');
  flipBit(join(world.data('a'), 'partials', sha256), index * PIECE_BYTES + 1_000);
  const held = [...heldPieces(world.data('a'))].filter((piece) => piece.startsWith(sha256)).length;
  const again = world.start(once);
  const { code, stdout } = await again.exited;
  assert.equal(code, 0, stdout);
  assert.match(told(again), new RegExp(`${path} here is damaged: piece ${index}`));
  const received = Number(lastEvent(again, 'complete')?.['fromMaster']);
  assert.ok(received <= source.bytes - (held - 2) * PIECE_BYTES, `${received} received`);
});

function pieceOf(world: World, sha256: string): number | undefined {
  const file = join(world.data('a'), 'partials', sha256);
  if (statSync(file, { throwIfNoEntry: false }) === undefined) return undefined;
  const held = [...heldPieces(world.data('a'))].filter((piece) => piece.startsWith(sha256));
  return held.length < 8 ? undefined : Number(held[3]?.split(' ')[1]);
}

test('a source whose copy rots while it serves gives no wrong byte, and mends it when run again', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(LINES);
  const victim = blobOf(world.data('source'), 'x_vast-');
  damage(victim);
  const once = world.client('a', source.invite, '--once');
  const client = world.start(once);
  const started = Date.now();
  const { code, stdout } = await client.exited;
  assert.equal(code, 3, stdout);
  assert.ok(Date.now() - started < STEP_MS / 2);
  assert.equal(lastEvent(client, 'error')?.['code'], 'DIGEST_MISMATCH');
  assert.match(
    told(client),
    new RegExp(`${victim.path} is still missing: no peer has an honest copy`),
  );
  assert.match(told(source.process), new RegExp(`${victim.path} here is damaged`));
  await source.process.stop();

  const mended = await world.source(LINES);
  assert.equal(mended.version, source.version);
  const signed = lastEvent(mended.process, 'signed');
  assert.equal(signed?.['fetched'], victim.lengthBytes);
  const whole = await world.run(world.client('a', mended.invite, '--once'));
  assert.equal(whole.code, 0, whole.stdout);
});

test('a gateway over a file that rots gives right bytes or none', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(LINES);
  const client = world.start(world.client('a', source.invite));
  await client.waitFor('complete', STEP_MS);
  const gateway = String((await client.waitFor('serving', STEP_MS))['gateway']);
  for (const [project, word] of [
    ['x-large', 'x_large-'],
    ['x-alpha', 'x_alpha-'],
    ['x-vast', HUGE_WHEEL],
  ] as const) {
    const victim = blobOf(world.data('a'), word);
    damage(victim);
    const bytes = await fetchWheel(gateway, project);
    assert.equal(sha256Of(bytes ?? Buffer.of()), victim.sha256, `${project} is mended`);
  }
  await source.process.stop('SIGKILL');
  const victim = blobOf(world.data('a'), HUGE_WHEEL);
  damage(victim);
  const bytes = await fetchWheel(gateway, 'x-vast');
  assert.equal(bytes, undefined, 'with nobody to ask the answer breaks off');
  assert.ok(await fetchWheel(gateway, 'x-large'), 'the others go on');
});
