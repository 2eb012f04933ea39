import assert from 'node:assert/strict';
import { cp, readFile, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { XProcess } from '../../fixtures/x-process.js';
import { systemRandom } from '../../src/platform/random.js';
import { createIdentity, identityFromSeed, type Identity } from '../../src/trust/identity.js';
import { encodeMembership } from '../../src/trust/membership.js';
import { addDays, formatTime } from '../../src/trust/time.js';
import {
  FEW,
  HUGE,
  lastEvent,
  MANY,
  openWorld,
  STEP_MS,
  told,
  type World,
  withClock,
} from './world.js';

const MEMBERS = { more: ['--members'] };

/** What `x invite --json` prints, whatever it was asked. */
interface InviteDocument {
  created: { invite: string; id: string };
  invites: { left: number }[];
  members: { member: string }[];
  revoked: { members: { member: string }[] };
  bundles: { name: string; version: number }[];
  warnings: string[];
}

/** `x invite …` of the source's data folder, its document. */
async function invite(world: World, ...more: string[]): Promise<InviteDocument> {
  const { code, stdout, stderr } = await world.run([
    'invite',
    '--data',
    world.data('source'),
    ...more,
  ]);
  assert.equal(code, 0, stdout + stderr);
  return JSON.parse(stdout) as InviteDocument;
}

/** A new invitation to a source. */
async function invitation(world: World, ...more: string[]): Promise<{ text: string; id: string }> {
  const { created } = await invite(world, ...more);
  return { text: created.invite, id: created.id };
}

async function pull(world: World, name: string, master: string, ...more: string[]): Promise<void> {
  const { code, stdout, stderr } = await world.run(world.client(name, master, '--once', ...more));
  assert.equal(code, 0, stdout + stderr);
}

/** Runs a client that has to be refused, with what it says. */
async function refused(
  world: World,
  name: string,
  master: string,
  ...more: string[]
): Promise<{ code: string; message: string; hint: string }> {
  const client = world.start(world.client(name, master, '--once', ...more));
  const { code, stdout, stderr } = await client.exited;
  assert.equal(code, 3, stdout + stderr);
  const error = lastEvent(client, 'error');
  return {
    code: String(error?.['code']),
    message: String(error?.['message']),
    hint: String(error?.['hint']),
  };
}

async function didOf(world: World, name: string): Promise<string> {
  const { stdout } = await world.run(['key', '--data', world.data(name)]);
  return String((JSON.parse(stdout) as { did: string }).did);
}

/** A client that listens where others can be pointed at. */
async function listening(args: string[]): Promise<{ args: string[]; address: string }> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const at = args.indexOf('--listen') + 1;
  return { args: args.with(at, String(port)), address: `127.0.0.1:${port}` };
}

test('a member pulls, again and after a restart; who is none is told what to do', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(FEW, MEMBERS);
  assert.deepEqual(lastEvent(source.process, 'serving')?.['members'], ['bundle']);

  const stranger = await refused(world, 'stranger', source.invite);
  assert.equal(stranger.code, 'NOT_A_MEMBER');
  assert.match(stranger.message, /members only/);
  assert.match(stranger.hint, /x invite.*x client --master 'x:\/\/…\?token=…'/);

  const { text } = await invitation(world);
  assert.match(text, /^x:\/\/did:key:z6Mk\w+@[\d.]+:\d+\?token=[\w-]{22}$/);
  await pull(world, 'a', text);
  // The same line again, as a service has it.
  await pull(world, 'a', text);
  const status = await world.say(['status', '--data', world.data('a')]);
  assert.match(
    status.stdout,
    /^member of …\w{8} for all its bundles, until \d{4}-\d\d-\d\d \d\d:\d\d$/m,
  );
  const { invites, members } = await invite(world, '--list');
  assert.deepEqual([invites.length, invites[0]?.left, members.length], [1, 0, 1]);
  assert.equal(members[0]?.member, await didOf(world, 'a'));

  for (const [folder, file] of [
    ['source', 'invites'],
    ['a', 'memberships'],
  ] as const) {
    const path = join(world.data(folder), 'keys', file);
    assert.equal((await stat(path)).mode & 0o777, 0o600, path);
    const token = /token=([\w-]+)/.exec(text)?.[1] ?? 'none';
    assert.ok(!(await readFile(path, 'utf8')).includes(token), 'the token is kept nowhere');
  }

  // Both sides begin anew: the source without the flag, the member without the token.
  await source.process.stop();
  const again = await world.source([...FEW, 'x-tool']);
  assert.deepEqual(lastEvent(again.process, 'serving')?.['members'], ['bundle']);
  await pull(world, 'a', again.invite);
  assert.equal((await refused(world, 'stranger', again.invite)).code, 'NOT_A_MEMBER');
  await again.process.stop();
  const open = await world.source(FEW, { more: ['--no-members'] });
  assert.deepEqual(lastEvent(open.process, 'serving')?.['members'], []);
  await pull(world, 'stranger', open.invite);
});

test('a one-time token is bound to the first machine; expired, taken back and foreign ones are refused', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(FEW, MEMBERS);
  const once = await invitation(world);
  await pull(world, 'a', once.text);
  const second = await refused(world, 'b', once.text);
  assert.equal(second.code, 'INVITATION_REFUSED');
  assert.match(second.message, /as many machines/);
  await pull(world, 'a', once.text);

  const several = await invitation(world, '--uses', '2');
  await pull(world, 'c', several.text);
  await pull(world, 'd', several.text);
  assert.match((await refused(world, 'e', several.text)).message, /as many machines/);

  const back = await invitation(world);
  await invite(world, '--revoke', back.id);
  assert.match((await refused(world, 'f', back.text)).message, /taken this invitation back/);

  const forged = `${source.invite}?token=${'A'.repeat(22)}`;
  assert.match((await refused(world, 'g', forged)).message, /no such invitation/);

  // Time goes on: the book says until when, so that is what is set back.
  const late = await invitation(world);
  await source.process.stop();
  const path = join(world.data('source'), 'keys', 'invites');
  const book = JSON.parse(await readFile(path, 'utf8')) as { invites: { notAfter: string }[] };
  for (const one of book.invites) one.notAfter = formatTime(addDays(new Date(), -1));
  await writeFile(path, JSON.stringify(book));
  const later = await world.source(FEW, { listen: source.address.split(':')[1] ?? '0' });
  assert.equal(later.address, source.address);
  assert.match((await refused(world, 'h', late.text)).message, /too long ago/);
  // Who was let in stays in.
  await pull(world, 'a', once.text);
});

test('a membership that is over, and one that somebody else signed, open nothing', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(FEW, MEMBERS);
  const member = await didOf(world, 'a');
  const path = join(world.data('a'), 'keys', 'memberships');
  const show = async (days: number, signer: Identity): Promise<void> => {
    const notAfter = formatTime(addDays(new Date(), days));
    const fields = { member, bundles: ['*'], notAfter, serial: '0123456789abcdef' };
    await writeFile(path, encodeMembership(fields, signer), { mode: 0o600 });
  };
  const seed = await readFile(join(world.data('source'), 'keys', 'identity'), 'utf8');
  const signer = identityFromSeed(Buffer.from(seed.trim(), 'hex'));
  await show(-1, signer);
  const over = await refused(world, 'a', source.invite);
  assert.equal(over.code, 'NOT_A_MEMBER');
  assert.match(over.message, /expired/);
  assert.match(over.hint, /new invitation/);
  await show(1, { ...createIdentity(systemRandom), did: signer.did });
  assert.match((await refused(world, 'a', source.invite)).message, /members only/);
  await show(1, signer);
  const last = world.start(world.client('a', source.invite, '--once'));
  assert.equal((await last.exited).code, 0);
  assert.match(told(last), /membership of did:key:z6Mk\w+ ends at .*: ask for a new invitation/);
});

test('a clock that is ahead is told of; one that is behind lets nobody in whose time is over', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(FEW, MEMBERS);
  const { text } = await invitation(world, '--uses', '2', '--member-days', '30');
  await pull(world, 'a', text);
  await pull(world, 'b', text);
  await source.process.stop();

  const { args, address } = await listening(world.client('a', source.invite));
  const ahead = world.start(args, withClock(60));
  await ahead.waitFor('serving', STEP_MS);
  const late = await refused(world, 'b', address);
  assert.match(late.message, /expired/);
  assert.match(late.hint, /clocks/);
  await ahead.stop();

  const behind = world.start(args, withClock(-3_650));
  await behind.waitFor('serving', STEP_MS);
  await pull(world, 'b', address);
  const seed = await readFile(join(world.data('source'), 'keys', 'identity'), 'utf8');
  const signer = identityFromSeed(Buffer.from(seed.trim(), 'hex'));
  const notAfter = formatTime(addDays(new Date(), -1));
  const fields = { member: await didOf(world, 'b'), bundles: ['*'], serial: '0123456789abcdef' };
  const path = join(world.data('b'), 'keys', 'memberships');
  await writeFile(path, encodeMembership({ ...fields, notAfter }, signer));
  assert.match((await refused(world, 'b', address)).message, /expired/);
});

test('a resident member follows a source that comes back with more', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(FEW, MEMBERS);
  const { text } = await invitation(world);
  const member = world.start(world.client('a', text));
  await member.waitFor('complete', STEP_MS);
  await source.process.stop();
  const again = await world.source([...FEW, 'x-tool'], {
    listen: source.address.split(':')[1] ?? '0',
  });
  assert.equal(again.version, 2);
  await untilVersion(world, 'a', 2);
  for (
    let tries = 0;
    tries < 300 && lastEvent(member, 'complete')?.['bytes'] !== again.bytes;
    tries += 1
  )
    await sleep(100);
  assert.equal(lastEvent(member, 'complete')?.['bytes'], again.bytes);
  assert.equal(lastEvent(member, 'error'), undefined);
});

test('two members swap with each other', { timeout: 2 * STEP_MS }, async (t) => {
  const world = await openWorld(t);
  const source = await world.source(HUGE, MEMBERS);
  const { text } = await invitation(world, '--uses', '2');
  const both = ['a', 'b'].map((name) => world.start(world.client(name, text, '--once')));
  for (const client of both) {
    const { code, stdout, stderr } = await client.exited;
    assert.equal(code, 0, stdout + stderr);
    const done = lastEvent(client, 'complete');
    assert.equal(done?.['bytes'], source.bytes);
    const fromSibling = Number(done?.['fromSiblings']);
    assert.ok(
      fromSibling >= source.bytes / 4,
      `${fromSibling} of ${source.bytes} from the sibling`,
    );
  }
});

test('a sibling that is a member gives nothing to who is none, until it is one', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(MANY, MEMBERS);
  const { text } = await invitation(world, '--uses', '2');
  const { args, address: relay } = await listening(world.client('a', text));
  await world.start(args).waitFor('complete', STEP_MS);

  const stranger = await refused(world, 'b', relay, '--accept-new');
  assert.equal(stranger.code, 'NOT_A_MEMBER');
  // What it imported elsewhere, signed metadata with it, opens no door either.
  await source.process.stop();
  const volumes = join(world.folder, 'volumes');
  const exported = await world.run([
    'export',
    'bundle',
    '--to',
    volumes,
    '--data',
    world.data('source'),
    '--volume-size',
    '1MB',
  ]);
  assert.equal(exported.code, 0, exported.stderr);
  const imported = await world.run([
    ...['import', join(volumes, 'bundle-v1-001.x.zip'), '--trust', source.did],
    ...['--data', world.data('b')],
  ]);
  assert.equal(imported.code, 0, imported.stdout + imported.stderr);
  const half = world.start(world.client('b', relay, '--peer', relay));
  for (let waited = 0; waited < STEP_MS && !/members only/.test(told(half)); waited += 500)
    await sleep(500);
  // It was refused; what would come in spite of that would come now.
  await sleep(4_000);
  assert.equal(lastEvent(half, 'complete'), undefined);
  const progress = lastEvent(half, 'progress');
  assert.ok(Number(progress?.['fromMaster'] ?? 0) + Number(progress?.['fromSiblings'] ?? 0) === 0);
  assert.match(told(half), /members only/);
  await half.stop();

  const again = await world.source(MANY, { listen: source.address.split(':')[1] ?? '0' });
  await pull(world, 'b', text);
  assert.equal(again.did, source.did);
});

test('who is revoked is refused by the source at once, by siblings with the next metadata, and has to be invited anew', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(MANY, MEMBERS);
  const { text, id } = await invitation(world, '--uses', '3');
  const { args, address: sibling } = await listening(world.client('a', text));
  await world.start(args).waitFor('complete', STEP_MS);
  await pull(world, 'b', text);
  const bad = await didOf(world, 'b');
  const { revoked, bundles, warnings } = await invite(world, '--revoke', bad);
  assert.equal(revoked.members[0]?.member, bad);
  assert.deepEqual(bundles, [{ name: 'bundle', version: 2 }]);
  assert.match(warnings.join('\n'), new RegExp(`invitation ${id} let it in`));

  const atSource = await refused(world, 'b', source.invite);
  assert.match(atSource.message, /revoked/);
  // With the old invitation too: it still has a place.
  assert.match((await refused(world, 'b', text)).message, /revoked/);

  await untilVersion(world, 'a', 2);
  const atSibling = await refused(world, 'b', sibling);
  assert.match(atSibling.message, /revoked/);

  // What it has it has: a resident client goes on serving it, and says why no more comes.
  const resident = world.start(world.client('b', source.invite));
  await resident.waitFor('serving', STEP_MS);
  await untilTold(resident, /revoked this machine’s membership; going on with what is held/);
  await resident.stop();

  const anew = await invitation(world);
  await pull(world, 'b', anew.text);
});

async function untilTold(client: XProcess, what: RegExp): Promise<void> {
  for (let tries = 0; tries < 100 && !what.test(told(client)); tries += 1) await sleep(100);
  assert.match(told(client), what);
}

test('a membership of another source, and one for other bundles, open nothing', async (t) => {
  const world = await openWorld(t);
  const source = await world.source(FEW, MEMBERS);
  const other = await world.source(FEW, { data: 'other', name: 'theirs', ...MEMBERS });
  const created = await world.run(['invite', '--data', world.data('other')]);
  const theirs = (JSON.parse(created.stdout) as InviteDocument).created.invite;
  await pull(world, 'a', theirs);
  assert.equal((await refused(world, 'a', source.invite)).code, 'NOT_A_MEMBER');
  // An invitation of one source at the other's address.
  const crossed = theirs.replace(other.address, source.address);
  assert.equal((await refused(world, 'c', crossed)).code, 'WRONG_SOURCE');

  const elsewhere = await invitation(world, '--bundle', 'another');
  const narrow = await refused(world, 'd', elsewhere.text);
  assert.match(narrow.message, /for others/);

  // Somebody else's membership is nobody's.
  const mine = await invitation(world);
  await pull(world, 'e', mine.text);
  await cp(
    join(world.data('e'), 'keys', 'memberships'),
    join(world.data('a'), 'keys', 'memberships'),
  );
  assert.equal((await refused(world, 'a', source.invite)).code, 'NOT_A_MEMBER');
});

async function untilVersion(world: World, name: string, version: number): Promise<void> {
  for (let tries = 0; tries < 60; tries += 1) {
    const { stdout } = await world.run(['ls', '--data', world.data(name)]);
    const { bundles } = JSON.parse(stdout) as { bundles: { version: number }[] };
    if (bundles.some((one) => one.version >= version)) return;
    await sleep(500);
  }
  assert.fail(`no version ${version} in ${name}`);
}
