import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { XProcess } from '../../fixtures/x-process.js';
import { messageOf } from '../../src/domain/errors.js';
import { residentGateway } from '../../src/roles/resident.js';
import { sha256Of } from './damage-kit.js';
import { FEW, openWorld, STEP_MS, withClock } from './world.js';

/** Whatever went wrong with the machine, what is held keeps being served; and it is said what is wrong. */

const YEAR_DAYS = 400;

async function gatewayOf(client: XProcess): Promise<string> {
  return String((await client.waitFor('serving', STEP_MS))['gateway']);
}

/** Of one whose output nobody can read. */
async function silentGateway({ child }: XProcess, folder: string): Promise<string> {
  for (const deadline = Date.now() + STEP_MS; Date.now() < deadline; await sleep(100)) {
    assert.equal(child.exitCode, null, 'it goes on');
    const gateway = await residentGateway(folder);
    if (gateway !== undefined) return gateway;
  }
  return assert.fail('no gateway');
}

/** The digest that a wheel's bytes have, as a gateway serves them. */
async function served(gateway: string, name = 'x-large'): Promise<string> {
  const page = `${gateway}/pypi/simple/${name}/`;
  const html = await (await fetch(page, { headers: { accept: 'text/html' } })).text();
  const [, href = '', sha256 = ''] = /href="([^"#]+)#sha256=([0-9a-f]{64})/.exec(html) ?? [];
  const answer = await fetch(new URL(href, page));
  assert.equal(answer.status, 200);
  assert.equal(sha256Of(Buffer.from(await answer.arrayBuffer())), sha256);
  return sha256;
}

async function warned(client: XProcess, what: RegExp): Promise<string> {
  const said = await client.waitFor('warning', STEP_MS, ({ message }) =>
    what.test(String(message)),
  );
  return String(said['message']);
}

test('killed, and started again where the master is gone', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(FEW);
  const args = world.client('a', source.invite);
  const first = world.start(args);
  await first.waitFor('complete', STEP_MS);
  const before = await served(await gatewayOf(first));
  await first.stop('SIGKILL');
  await source.process.stop('SIGKILL');
  const second = world.start(args);
  assert.equal(await served(await gatewayOf(second)), before);
  await warned(second, /^the master at \S+ does not answer/);
  assert.equal(second.child.exitCode, null);
});

test('the master goes while the client stays', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(FEW);
  const client = world.start(world.client('a', source.invite));
  await client.waitFor('complete', STEP_MS);
  await source.process.stop('SIGKILL');
  await warned(client, /^the master at \S+ does not answer/);
  await served(await gatewayOf(client));
  const doctor = await world.say(['doctor', '--data', world.data('a')]);
  assert.match(doctor.stdout, /master +none is connected\n.*what is held is served all the same/);
});

test('a second process on the data folder is told who has it, and the first goes on', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(FEW);
  const first = world.start(world.client('a', source.invite));
  await first.waitFor('complete', STEP_MS);
  const second = await world.say(world.client('a', source.invite));
  assert.equal(second.code, 1);
  assert.ok(
    second.stderr.includes(`is in use by x client (process ${first.child.pid},`),
    second.stderr,
  );
  await served(await gatewayOf(first));
});

test('a disk without a byte left', async (t) => {
  const world = await openWorld(t);
  const folder = world.data('full');
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'x-e2e', folder], { stdio: 'pipe' });
  } catch (error) {
    t.skip(`a small file system cannot be mounted here: ${messageOf(error)}`);
    return;
  }
  try {
    const source = await world.source(FEW);
    const resident = world.start(world.client('full', source.invite));
    await resident.waitFor('complete', STEP_MS);
    const before = await served(await gatewayOf(resident));
    const filler = join(folder, 'filler');
    fill(filler);
    assert.equal(await served(await gatewayOf(resident)), before);
    // Killed, and started where there is not a byte to write.
    await resident.stop('SIGKILL');
    fill(join(folder, 'more'));
    const second = world.start(world.client('full', source.invite));
    assert.equal(await served(await gatewayOf(second)), before);
    await second.stop();
    for (const name of ['filler', 'more']) rmSync(join(folder, name));
    const again = world.start(world.client('full', source.invite));
    assert.equal(await served(await gatewayOf(again)), before);
    // Stopped it leaves no log beside the catalog; opening that again takes room that is not there.
    await again.stop();
    fill(filler);
    const third = world.start(world.client('full', source.invite));
    await warned(third, /^the disk of \S+ is full: what is held is served/);
    const gateway = await gatewayOf(third);
    assert.equal(await served(gateway), before);
    const status = await world.say(['status', '--json', '--data', folder]);
    assert.equal((JSON.parse(status.stdout) as { gateway: string }).gateway, gateway);
    const list = await world.say(['ls', '--json', '--data', folder]);
    assert.equal(list.code, 0, list.stderr);
    const pip = await world.say(['run', '--data', folder, '--', 'pip', '--version']);
    assert.equal(pip.code, 0, pip.stderr);
    const other = await world.say(world.client('full', source.invite));
    assert.match(other.stderr, new RegExp(`is in use by x client \\(process ${third.child.pid},`));
    await third.stop();
    rmSync(filler);
    const last = world.start(world.client('full', source.invite));
    assert.equal(await served(await gatewayOf(last)), before);
    await last.stop();
  } finally {
    execFileSync('umount', ['-l', folder]);
  }
});

function fill(file: string): void {
  assert.throws(() => writeFileSync(file, Buffer.alloc(30 << 20)), /ENOSPC/);
}

for (const { where, days, what } of [
  {
    where: 'ahead',
    days: YEAR_DAYS,
    what: /expired \d+ days ago, and its grace of \d+ days is over/,
  },
  { where: 'behind', days: -YEAR_DAYS, what: /clock says \S+, but a bundle was signed at/ },
]) {
  test(`a clock that is more than a year ${where}`, async (t) => {
    const world = await openWorld(t);
    const source = await world.source(FEW);
    const pulled = await world.run(world.client('a', source.invite, '--once'));
    assert.equal(pulled.code, 0, pulled.stdout);
    const client = world.start(world.client('a', source.invite), withClock(days));
    await served(await gatewayOf(client));
    await warned(client, what);
    await client.stop();
    await source.process.stop();
    const alone = ['client', '--data', world.data('a'), '--listen', '0', '--port', '0'];
    const held = world.start(alone, withClock(days));
    await served(await gatewayOf(held));
    await warned(held, what);
  });
}

test('a disk without a byte left for what it prints', async (t) => {
  if (!existsSync('/dev/full')) return t.skip('there is no /dev/full');
  const world = await openWorld(t);
  const source = await world.source(FEW);
  const pulled = await world.run(world.client('a', source.invite, '--once'));
  assert.equal(pulled.code, 0, pulled.stdout);
  const logged = (redirects: string): readonly string[] => [
    'sh',
    '-c',
    `exec "$@" ${redirects}`,
    'sh',
  ];
  const listed = await new XProcess(['ls', '--data', world.data('a')], {
    prefix: logged('>/dev/full'),
  }).exited;
  assert.equal(listed.code, 1);
  assert.match(
    listed.stderr,
    /^x: cannot write what x prints: ENOSPC.*\n +What was printed is not whole.*\n$/,
  );

  const args = world.client('a', source.invite);
  const resident = new XProcess(args, { prefix: logged('>/dev/full 2>/dev/full') });
  t.after(() => resident.stop('SIGKILL'));
  await served(await silentGateway(resident, world.data('a')));
});
