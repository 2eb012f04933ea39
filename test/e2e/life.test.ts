import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { createServer, isIP } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL, fileURLToPath } from 'node:url';
import { messageOf } from '../../src/domain/errors.js';
import { residentOf } from '../../src/platform/lock.js';
import { blobOf, sha256Of } from './damage-kit.js';
import { FEW, HUGE, lastEvent, MANY, openWorld, STEP_MS } from './world.js';

const TRACER = fileURLToPath(new URL('../../fixtures/trace-connections.js', import.meta.url));

async function freePort(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  await new Promise((resolve) => server.close(resolve));
  return String(address.port);
}

test('a resident client takes a new version, pulls what is new, and serves all the while', async (t) => {
  const world = await openWorld(t);
  const listen = await freePort();
  const first = await world.source([...FEW, ...HUGE], { listen });
  const client = world.start(world.client('a', first.invite));
  const before = await client.waitFor('complete', STEP_MS);
  const gateway = String((await client.waitFor('serving', STEP_MS))['gateway']);
  const page = `${gateway}/pypi/simple/x-large/`;
  const html = await (await fetch(page, { headers: { accept: 'text/html' } })).text();
  const wheel = new URL(/href="([^"#]+)/.exec(html)?.[1] ?? '', page);
  const { sha256 } = blobOf(world.data('source'), 'x_large-');

  const wrong: string[] = [];
  const done = new AbortController();
  const asking = (async () => {
    for (let asked = 0; !done.signal.aborted; asked += 1) {
      const answer = await fetch(wheel);
      const got = sha256Of(Buffer.from(await answer.arrayBuffer()));
      if (answer.status !== 200 || got !== sha256) wrong.push(`${asked}: ${answer.status} ${got}`);
    }
  })();
  await first.process.stop();
  const second = await world.source([...FEW, ...HUGE, ...MANY.slice(50)], { listen });
  assert.equal(second.version, 2);
  const after = await client.waitFor('complete', STEP_MS, ({ bytes }) => bytes === second.bytes);
  done.abort();
  await asking;
  assert.deepEqual(wrong, []);
  const received = Number(after['fromMaster']) - Number(before['fromMaster']);
  const more = second.bytes - first.bytes;
  assert.ok(received <= more + 50_000, `${received} bytes came for ${more} new ones`);
  assert.equal((await fetch(`${gateway}/pypi/simple/x-many-55/`)).status, 200);
});

test("an impostor at the master's address is said, and what is held goes on being served", async (t) => {
  const world = await openWorld(t);
  const listen = await freePort();
  const honest = await world.source(FEW, { listen });
  const client = world.start(world.client('a', honest.invite));
  await client.waitFor('complete', STEP_MS);
  const gateway = String((await client.waitFor('serving', STEP_MS))['gateway']);
  await honest.process.stop();
  const impostor = await world.source(FEW, { listen, data: 'impostor' });
  assert.notEqual(impostor.did, honest.did);
  const said = await client.waitFor('warning', STEP_MS, ({ message }) =>
    String(message).includes(impostor.did),
  );
  assert.match(String(said['message']), new RegExp(honest.did));
  assert.equal((await fetch(`${gateway}/pypi/simple/x-large/`)).status, 200);
  assert.equal(client.child.exitCode, null, 'the client lives');
});

test('a client connects to its master, its siblings and itself, and looks nothing up', async (t) => {
  const world = await openWorld(t);
  const source = await world.source([...FEW, ...HUGE]);
  const port = await freePort();
  const sibling = world.start([
    ...world.client('b', source.invite).filter((word) => word !== '0' && word !== '--listen'),
    ...['0', '--listen', port],
  ]);
  await sibling.waitFor('connected', STEP_MS);
  const trace = join(world.folder, 'trace');
  const env = { NODE_OPTIONS: `--import ${pathToFileURL(TRACER).href}`, X_TRACE_FILE: trace };
  const client = world.start(world.client('a', source.invite), env);
  await client.waitFor('complete', STEP_MS);
  const gateway = String((await client.waitFor('serving', STEP_MS))['gateway']);
  assert.equal((await fetch(`${gateway}/pypi/simple/x-large/`)).status, 200);
  await client.stop();
  const masterPort = source.address.split(':').at(-1);
  const seen = new Set(readFileSync(trace, 'utf8').trim().split('\n'));
  const foreign = [...seen].filter((line) => {
    if (line.startsWith('lookup ')) return isIP(line.slice('lookup '.length)) === 0;
    const to = /^connect .*:(\d+)$/.exec(line)?.[1];
    return to !== masterPort && to !== port && !line.startsWith('connect unix:');
  });
  assert.deepEqual(foreign, []);
  assert.ok(
    [...seen].some((line) => line.endsWith(`:${masterPort}`)),
    [...seen].join('\n'),
  );
});

test('a full disk is one line, and the same command goes on once there is room', async (t) => {
  const world = await openWorld(t);
  const folder = world.data('small');
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'x-e2e', folder], { stdio: 'pipe' });
  } catch (error) {
    t.skip(`a small file system cannot be mounted here: ${messageOf(error)}`);
    return;
  }
  try {
    const source = await world.source([...FEW, ...HUGE]);
    const { bavail, bsize } = statfsSync(folder);
    const filler = join(folder, 'filler');
    writeFileSync(filler, Buffer.alloc(bavail * bsize - (6 << 20)));
    const args = world.client('small', source.invite, '--once');
    const full = world.start(args);
    const { code, stdout } = await full.exited;
    assert.equal(code, 1, stdout);
    const error = lastEvent(full, 'error');
    assert.equal(error?.['code'], 'DISK_FULL');
    assert.match(String(error?.['message']), /bytes/);
    const reported = Number(lastEvent(full, 'progress')?.['bytes']);
    rmSync(filler);
    const again = world.start(args);
    assert.equal((await again.exited).code, 0, again.stdout);
    const done = lastEvent(again, 'complete');
    assert.ok(Number(done?.['fromMaster']) <= source.bytes - reported);
  } finally {
    execFileSync('umount', [folder]);
  }
});

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  test(`${signal} ends source and client at once and in order`, async (t) => {
    const world = await openWorld(t);
    const source = await world.source([...FEW, ...HUGE]);
    const client = world.start(world.client('a', source.invite));
    await client.waitFor('serving', STEP_MS);
    const pulling = world.start(world.client('b', source.invite, '--once'));
    await pulling.waitFor('connected', STEP_MS);
    for (const [what, process] of [
      ['b', pulling],
      ['a', client],
      ['source', source.process],
    ] as const) {
      const started = Date.now();
      const { code, signal: killedBy, stderr } = await process.stop(signal);
      assert.equal(killedBy, null, what);
      assert.equal(code, 0, `${what}: ${stderr}`);
      assert.ok(Date.now() - started < 5_000, `${what} took ${Date.now() - started} ms`);
      assert.equal(lastEvent(process, 'error'), undefined);
      assert.doesNotMatch(stderr, /\n\s+at /);
      assert.equal(residentOf(world.data(what)), undefined);
      assert.ok(existsSync(join(world.data(what), 'catalog.sqlite')));
    }
  });
}
