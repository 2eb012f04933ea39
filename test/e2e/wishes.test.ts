import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { openWorld, STEP_MS } from './world.js';

test('wishes are answered, and one that nobody can fulfil is left out and said', async (context) => {
  const world = await openWorld(context);
  const source = await world.source(['x-alpha']);
  const client = world.start(world.client('wishing', source.invite));
  const { gateway } = await client.waitFor('serving', STEP_MS);
  await client.waitFor('complete', STEP_MS);
  for (const name of ['x-many-7', 'x-mistyped']) {
    const answer = await fetch(`${String(gateway)}/pypi/simple/${name}/`);
    assert.equal(answer.status, 404);
    assert.match(await answer.text(), new RegExp(`^${name} is in no bundle .*x source -r FILE`));
  }
  const request = world.data('me.xreq');
  const asked = await world.run(['request', '-o', request, '--data', world.data('wishing')]);
  assert.equal(asked.code, 0, asked.stderr);
  const { did } = JSON.parse(
    (await world.run(['key', '--data', world.data('wishing')])).stdout,
  ) as { did: string };
  const file = join(world.folder, 'asked.txt');
  await writeFile(file, 'x-alpha\n');
  const answering = world.start(
    [
      ...['source', '-r', file, '--name', 'bundle', '--data', world.data('answering')],
      ...['--for', request, '--trust', did, '--wishes', '--once', '--listen', '0'],
      ...world.fixtures.allArgs,
    ],
    world.fixtures.allEnv,
  );
  await answering.waitFor('signed', STEP_MS);
  const { code } = await answering.exited;
  assert.equal(code, 0);
  const warnings = answering.events.filter(({ event }) => event === 'warning');
  const told = warnings.map(({ message }) => String(message)).join('\n');
  assert.match(told, /^the wish for pkg:pypi\/x-mistyped is left out: /m);
  assert.doesNotMatch(told, /x-many-7/);
  const held = await world.run(['ls', 'bundle', '--data', world.data('answering')]);
  const { entries } = JSON.parse(held.stdout) as { entries: { name?: string; kind: string }[] };
  const names = entries.filter(({ kind }) => kind === 'package').map(({ name }) => name);
  assert.ok(names.includes('x-many-7'), String(names));
});
