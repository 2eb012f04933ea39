import assert from 'node:assert/strict';
import { cp } from 'node:fs/promises';
import { createServer } from 'node:net';
import { test } from 'node:test';
import { FEW, lastEvent, openWorld, STEP_MS, type World } from './world.js';

/** Runs a client that has to fail; its one error. */
async function failure(
  world: World,
  args: readonly string[],
): Promise<{ code: number | null; error: string; hint: string; ms: number }> {
  const started = Date.now();
  const client = world.start(args);
  const { code, stdout, stderr } = await client.exited;
  const errors = client.events.filter(({ event }) => event === 'error');
  assert.equal(errors.length, 1, `${stdout}\n${stderr}`);
  const error = errors[0];
  assert.ok(!String(error?.['message']).includes('\n'), 'one line');
  return {
    code,
    error: `${String(error?.['code'])}: ${String(error?.['message'])}`,
    hint: String(error?.['hint']),
    ms: Date.now() - started,
  };
}

test('who is not trusted is refused, with both names', async (t) => {
  const world = await openWorld(t);
  const one = await world.source(FEW, { data: 'one' });
  const two = await world.source(FEW, { data: 'two' });
  const once = (master: string, ...more: string[]): string[] =>
    world.client('a', master, '--once', ...more);

  const first = await failure(world, once(one.address));
  assert.equal(first.code, 3);
  assert.ok(first.error.includes(one.did), first.error);
  assert.match(first.hint, /--trust.*--accept-new/);

  const other = await failure(world, once(one.address, '--trust', two.did));
  assert.equal(other.code, 3);
  assert.ok(other.error.includes(one.did) && other.error.includes(two.did), other.error);

  const invited = await failure(world, once(`x://${two.did}@${one.address}`));
  assert.equal(invited.code, 3);
  assert.ok(invited.error.includes(one.did) && invited.error.includes(two.did), invited.error);

  assert.equal((await world.run(once(one.address, '--trust', one.did))).code, 0);
  const taken = await failure(world, once(two.address, '--accept-new'));
  assert.equal(taken.code, 3);
  assert.ok(taken.error.includes(one.did) && taken.error.includes(two.did), taken.error);
});

test('two sources may each have a bundle of one name', async (t) => {
  const world = await openWorld(t);
  const one = await world.source(FEW, { data: 'one' });
  const two = await world.source(['x-tool'], { data: 'two' });
  assert.equal((await world.run(world.client('a', one.invite, '--once'))).code, 0);
  assert.equal((await world.run(world.client('a', two.invite, '--once'))).code, 0);
  for (const { did } of [one, two]) {
    const verified = await world.say(['verify', `bundle@${did}`, '--data', world.data('a')]);
    assert.equal(verified.code, 0, verified.stderr);
  }
  const client = world.start(world.client('a', two.invite));
  await client.waitFor('complete', STEP_MS);
  const gateway = String((await client.waitFor('serving', STEP_MS))['gateway']);
  for (const project of ['x-large', 'x-tool'])
    assert.equal((await fetch(`${gateway}/pypi/simple/${project}/`)).status, 200, project);
});

test('a master that goes back is refused', async (t) => {
  const world = await openWorld(t);
  await world.sign(FEW);
  await cp(world.data('source'), world.data('old'), { recursive: true });
  const newer = await world.source([...FEW, 'x-tool']);
  assert.equal(newer.version, 2);
  assert.equal((await world.run(world.client('a', newer.invite, '--once'))).code, 0);
  await newer.process.stop();

  const older = await world.source(FEW, { data: 'old' });
  assert.equal(older.version, 1);
  const { code, error } = await failure(world, world.client('a', older.invite, '--once'));
  assert.equal(code, 3, error);
  assert.match(error, /^ROLLBACK: .*1.*2|^ROLLBACK: .*2.*1/);
});

test('a master that does not answer, or is none, is one line in seconds', async (t) => {
  const world = await openWorld(t);
  const silent = createServer((socket) => void socket.on('error', () => undefined));
  await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
  t.after(() => void silent.close());
  const address = silent.address();
  assert.ok(address !== null && typeof address === 'object');
  const listening = `127.0.0.1:${address.port}`;
  const dead = await failure(world, world.client('a', '127.0.0.1:1', '--once', '--accept-new'));
  assert.equal(dead.code, 1);
  assert.match(dead.error, /^MASTER_UNREACHABLE: 127\.0\.0\.1:1 does not answer/);
  assert.ok(dead.ms < 8_000, `${dead.ms} ms`);
  const mute = await failure(world, world.client('a', listening, '--once', '--accept-new'));
  assert.equal(mute.code, 1);
  assert.match(mute.error, /^MASTER_UNREACHABLE: /);
});

test('a data folder has one client', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(FEW);
  const first = world.start(world.client('a', source.invite));
  await first.waitFor('complete', STEP_MS);
  const { code, error } = await failure(world, world.client('a', source.invite));
  assert.equal(code, 1);
  assert.match(error, new RegExp(`^DATA_FOLDER_BUSY: .*${first.child.pid}`));
  assert.equal(lastEvent(first, 'error'), undefined);
});
