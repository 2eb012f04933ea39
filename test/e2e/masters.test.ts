import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openWorld, STEP_MS, told } from './world.js';

test('one client of two masters pulls from both, serves the union, and goes on when one is gone', async (t) => {
  const world = await openWorld(t);
  const one = await world.source(['x-large'], { name: 'one', data: 'one' });
  const two = await world.source(['x-tool'], { name: 'two', data: 'two' });
  const both = world.client('a', one.invite, '--master', two.invite);

  const once = await world.start([...both, '--once']).exited;
  assert.equal(once.code, 0, once.stderr);

  one.process.child.kill('SIGTERM');
  await one.process.exited;
  const client = world.start(both);
  const gateway = String((await client.waitFor('serving', STEP_MS))['gateway']);
  for (const project of ['x-large', 'x-tool'])
    assert.equal((await fetch(`${gateway}/pypi/simple/${project}/`)).status, 200, project);
  await client.waitFor('complete', STEP_MS);

  const status = JSON.parse((await world.run(['status', '--data', world.data('a')])).stdout) as {
    role: string;
    gateway: string;
    bundles: { name: string; heldBytes: number; bytes: number }[];
  };
  assert.equal(status.role, 'client');
  assert.equal(status.gateway, gateway);
  assert.deepEqual(
    status.bundles.map(({ name, heldBytes, bytes }) => [name, heldBytes === bytes]),
    [
      ['one', true],
      ['two', true],
    ],
  );
  const said = await world.say(['status', '--data', world.data('a')]);
  assert.match(said.stdout, /^x client, process \d+, .*serving pip, npm and apt at http/);
  const drop = await world.say(['gc', '--drop', 'one', '--data', world.data('a')]);
  assert.equal(drop.code, 2);
  assert.match(drop.stderr, /"one" is being served/);
  assert.equal((await world.say(['gc', '--data', world.data('a')])).code, 0);
});

test('each master has its own trust: one that is not trusted ends first contact, one that is away does not', async (t) => {
  const world = await openWorld(t);
  const one = await world.source(['x-large'], { name: 'one', data: 'one' });
  const two = await world.source(['x-tool'], { name: 'two', data: 'two' });

  const stranger = await world.start(
    world.client('a', one.invite, '--master', two.address, '--once'),
  ).exited;
  assert.equal(stranger.code, 3, stranger.stderr);

  two.process.child.kill('SIGTERM');
  await two.process.exited;
  const client = world.start(world.client('b', one.invite, '--master', two.invite, '--once'));
  assert.equal((await client.exited).code, 0);
  assert.match(told(client), /does not answer/);
});
