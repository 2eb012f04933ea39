import assert from 'node:assert/strict';
import { copyFile, mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { FEW, openWorld, STEP_MS, told, type World } from './world.js';

/** Wheels of the made-up index in a folder of this machine. */
async function withWheels(context: TestContext): Promise<World & { wheels: string }> {
  const world = await openWorld(context);
  const wheels = join(world.folder, 'wheels');
  await mkdir(wheels);
  const { server } = world.fixtures;
  for (const name of [...FEW, 'x-beta', 'x-gamma']) {
    const page = await (await fetch(`${server.pypiIndex}${name}/`)).text();
    for (const [, href = ''] of page.matchAll(/href="([^"#]+\.whl)/g)) {
      const url = new URL(href, `${server.pypiIndex}${name}/`);
      const bytes = Buffer.from(await (await fetch(url)).arrayBuffer());
      await writeFile(
        join(wheels, decodeURIComponent(url.pathname.split('/').at(-1) ?? '')),
        bytes,
      );
    }
  }
  return { ...world, wheels };
}

/** Requests for wheels since a mark. */
function wheelsAsked({ fixtures }: World, since: number): string[] {
  return fixtures.server.requests
    .slice(since)
    .map(({ path }) => path)
    .filter((path) => path.endsWith('.whl'));
}

test('what a source needs and this machine has is not fetched: origin local', async (context) => {
  const world = await withWheels(context);
  const scans = await Promise.all(
    [1, 2].map(() => world.run(['scan', world.wheels, '--data', world.data('source')])),
  );
  for (const { code, stdout } of scans) {
    assert.equal(code, 0, stdout);
    assert.ok((JSON.parse(stdout) as { marked: { files: number } }).marked.files >= FEW.length);
  }
  const since = world.fixtures.server.requests.length;
  const planned = await (await world.sourceProcess(FEW, { more: ['--dry-run'] })).exited;
  const plan = JSON.parse(planned.stdout) as { artifacts: { origin: string }[] };
  assert.deepEqual([...new Set(plan.artifacts.map(({ origin }) => origin))], ['local']);
  const process = await world.sourceProcess(FEW, { more: ['--once'] });
  const signed = await process.waitFor('signed', STEP_MS);
  assert.equal(signed['fetched'], 0);
  assert.ok(Number(signed['local']) > 0);
  await process.exited;
  assert.deepEqual(wheelsAsked(world, since), []);
});

test('a marked file that changed since is fetched instead, and said to have changed', async (context) => {
  const world = await withWheels(context);
  await world.run(['scan', world.wheels, '--data', world.data('source')]);
  const [victim = ''] = (await readdir(world.wheels)).filter((name) => name.includes('large'));
  const bytes = Buffer.alloc(10);
  await writeFile(join(world.wheels, victim), bytes, { flag: 'r+' });
  const since = world.fixtures.server.requests.length;
  const process = await world.sourceProcess(FEW, { more: ['--once'] });
  await process.waitFor('signed', STEP_MS);
  await process.exited;
  assert.ok(told(process).includes(victim), told(process));
  assert.equal(wheelsAsked(world, since).length, 1);
});

test('a client takes what this machine has, and pulls the rest', async (context) => {
  const world = await withWheels(context);
  const source = await world.source(FEW);
  const some = join(world.folder, 'some');
  await mkdir(some);
  const names = (await readdir(world.wheels)).filter((name) => name.includes('large'));
  for (const name of names) await copyFile(join(world.wheels, name), join(some, name));
  await world.run(['scan', some, '--data', world.data('client')]);
  const client = world.start(world.client('client', source.invite, '--once'));
  const local = await client.waitFor('local', STEP_MS);
  assert.equal(local['files'], names.length);
  const complete = await client.waitFor('complete', STEP_MS);
  await client.exited;
  assert.ok(Number(complete['fromMaster']) <= source.bytes - Number(local['bytes']));
  // Copied: what becomes of the folder does not matter to the bundle.
  await writeFile(join(some, names[0] ?? ''), 'gone');
  const verified = await world.run(['verify', 'bundle', '--data', world.data('client')]);
  assert.equal(verified.code, 0, verified.stdout + verified.stderr);
});

test('what an old pip keeps cannot be marked, and that is said', async (context) => {
  const world = await openWorld(context);
  const cache = join(world.folder, 'pip-cache');
  await mkdir(join(cache, 'http'), { recursive: true });
  const scanned = await world.run(['scan', '--data', world.data('source')], {
    PIP_CACHE_DIR: cache,
    npm_config_cache: join(world.folder, 'npm-cache'),
  });
  assert.match(scanned.stdout + scanned.stderr, /pip-cache\/http is of a pip before 23\.3/);
});
