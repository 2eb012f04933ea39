import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { generateKey } from 'openpgp';
import { startFixtures, type Fixtures } from '../../fixtures/upstream/fixtures.js';
import type { XExit, XProcess } from '../../fixtures/x-process.js';
import { sha256 } from '../../src/domain/digest.js';
import { openWorld, STEP_MS, told, type World } from './world.js';

const QUIET = ['--no-mdns', '--network', 'x-test'];

interface Scene extends World {
  own: Fixtures;
  /** The node that others may trust: its gateway, DID, and address for `--peer`. */
  node: { url: string; did: string; peer: string; howTo: readonly string[] };
}

/** A node that has read the official sources, which are then gone. */
async function open(context: TestContext): Promise<Scene> {
  const world = await openWorld(context);
  const own = await startFixtures(join(world.folder, 'own-fixtures'));
  context.after(() => own.close());
  const process = world.start(
    [
      ...['node', '--data', world.data('node'), '--port', '0', '--listen', '0', ...QUIET],
      ...['--no-rendezvous', '--no-upnp', '--serve-indexes', ...publicIndexes(own)],
      ...own.args.debian.filter((_, at) => at < 6),
    ],
    own.allEnv,
  );
  const joined = await process.waitFor('joined', STEP_MS);
  const serving = await process.waitFor('serving', STEP_MS);
  const listening = (joined['addresses'] as string[]).find((one) => one.includes('/ip4/')) ?? '';
  const port = /\/tcp\/([0-9]+)/.exec(listening)?.[1] ?? '';
  const node = {
    url: String(serving['gateway']),
    did: String(joined['did']),
    peer: `127.0.0.1:${port}`,
    howTo: serving['howTo'] as string[],
  };
  return { ...world, own, node };
}

function publicIndexes({ server }: Fixtures): string[] {
  return [server.pypiIndex, server.npmRegistry, server.debianMirror].flatMap((url) => [
    '--public-index',
    url,
  ]);
}

async function read(url: string, accept = '*/*'): Promise<Response> {
  const answer = await fetch(url, { headers: { accept } });
  assert.equal(answer.status, 200, url);
  return answer;
}

/** `x source` of one file, with nothing held, while no official source answers. */
async function plan(
  { own, node, folder, ...world }: Scene,
  name: string,
  lines: readonly string[],
  ...more: string[]
): Promise<XExit> {
  const file = join(folder, `${name}.txt`);
  await writeFile(file, `${lines.join('\n')}\n`);
  return await world.run(
    [
      ...['source', '-r', file, '--name', name, '--data', world.data(name), '--once', ...QUIET],
      ...['--target', 'linux/amd64/glibc2.36,python=3.11,node=22,debian=bookworm'],
      ...[...publicIndexes(own), '--peer', node.peer, ...more],
      // The caller's keyring in place of the archive's.
      ...(more.includes('--debian-keyring') ? own.args.debian.slice(0, 4) : own.args.debian),
    ],
    own.allEnv,
  );
}

function agesSaid({ stdout }: XExit): string[] {
  return stdout.split('\n').filter((line) => line.includes('does not answer: '));
}

/** No plan without trust; with it one whose age is said in one line, and whose bundle holds. */
async function planByTrust(scene: Scene, wanted: string[], age: RegExp): Promise<void> {
  const wary = await plan(scene, 'wary', wanted);
  assert.notEqual(wary.code, 0, 'nobody is trusted: no index, no plan');
  assert.deepEqual(agesSaid(wary), []);
  const trusting = await plan(scene, 'trusting', wanted, '--trust-index', scene.node.did);
  assert.equal(trusting.code, 0, trusting.stdout + trusting.stderr);
  const ages = agesSaid(trusting);
  assert.equal(ages.length, 1, ages.join('\n'));
  assert.match(ages[0]!, age);
  const verified = await scene.run(['verify', 'trusting', '--data', scene.data('trusting')]);
  assert.equal(verified.code, 0, verified.stdout);
}

test('npm’s registry is silent: x source plans with what a trusted node saw, and with no stranger’s word', async (context) => {
  const scene = await open(context);
  const { url } = scene.node;
  // As npm itself asks, and then in full.
  const short = 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*';
  const packages = ['x-fix-diamond', 'x-fix-left', 'x-fix-right', 'x-fix-base'];
  for (const name of packages) {
    const packument = await read(`${url}/npm/${name}`, short);
    const { versions } = (await packument.json()) as {
      versions: Record<string, { dist: { tarball: string } }>;
    };
    for (const { dist } of Object.values(versions)) await (await read(dist.tarball)).arrayBuffer();
  }
  scene.own.server.inject({ path: /./, status: 503 });
  const wanted = ['#x pkg:npm/x-fix-diamond@^1.0.0'];
  await planByTrust(scene, wanted, /x-fix-.* is that of 2\d\d\d-.* old; \d pages stand in/);
});

/** Address and suite of each that the node's gateway has. */
function repositoriesOf({ node }: Scene): [string, string][] {
  return node.howTo.flatMap((line): [string, string][] => {
    const [type, uri = '', suite = ''] = line.split(' ');
    return type === 'deb' ? [[uri, suite]] : [];
  });
}

/** As apt would: each suite's signed file, its lists, and every package in them. */
async function readArchive(scene: Scene): Promise<void> {
  const repositories = repositoriesOf(scene);
  assert.ok(repositories.length > 0, scene.node.howTo.join('\n'));
  for (const [uri, suite] of repositories) {
    const signed = await (await read(`${uri}/dists/${suite}/InRelease`)).text();
    const lists = signed.matchAll(/^ [0-9a-f]{64} +\d+ (\S+\/Packages(?:\.[a-z]+)?)$/gm);
    for (const [, path = ''] of lists) {
      const list = await read(`${uri}/dists/${suite}/${path}`);
      const text = await list.text();
      for (const [, file] of text.matchAll(/^Filename: (\S+)$/gm))
        await (await read(`${uri}/${file}`)).arrayBuffer();
    }
  }
}

test('Debian’s archive is silent: what a trusted node saw of it is planned with, under the archive’s own signature', async (context) => {
  const scene = await open(context);
  await readArchive(scene);
  scene.own.server.inject({ path: /./, status: 503 });
  const wanted = ['#x pkg:deb/debian/x-greeting'];
  await planByTrust(scene, wanted, /InRelease is that of 2\d\d\d-.* old/);
  // Trusted to say what the archive said, and not to say it in the archive's name.
  const keys = ['--debian-keyring', await otherKeyring(scene), '--debian-base', 'none'];
  const other = await plan(scene, 'other', wanted, '--trust-index', scene.node.did, ...keys);
  assert.equal(other.code, 3, other.stdout);
  assert.match(other.stdout, /SIGNATURE_INVALID/);
});

/** A gateway that begins with nothing, while no official source answers. */
async function gateway(
  { own, node, ...world }: Scene,
  name: string,
  more: readonly string[] = [],
  keyring?: string,
): Promise<{ process: XProcess; url: string }> {
  const debian = own.args.debian.filter((_, at) => at < 6);
  const process = world.start(
    [
      ...['gateway', '--data', world.data(name), '--port', '0', '--listen', '0', ...QUIET],
      ...['--no-rendezvous', '--no-upnp', '--peer', node.peer, ...publicIndexes(own), ...more],
      ...(keyring === undefined ? debian : [...debian.slice(0, 4), '--debian-keyring', keyring]),
    ],
    own.allEnv,
  );
  const serving = await process.waitFor('serving', STEP_MS);
  await process.waitFor('nodes', STEP_MS, ({ connected }) => Number(connected) > 0);
  return { process, url: String(serving['gateway']) };
}

test('Debian’s archive is silent: a gateway serves the InRelease that a trusted node saw, its age said, and what it names', async (context) => {
  const scene = await open(context);
  await readArchive(scene);
  const [uri = '', suite = ''] = repositoriesOf(scene)[0] ?? [];
  const signed = `${new URL(uri).pathname}/dists/${suite}/InRelease`;
  const official = await (await read(`${uri}/dists/${suite}/InRelease`)).text();
  scene.own.server.inject({ path: /./, status: 503 });
  const trust = ['--trust-index', scene.node.did];

  const wary = await gateway(scene, 'wary');
  assert.equal((await fetch(wary.url + signed)).status, 502, 'nobody is trusted there');
  const misled = await gateway(scene, 'misled', trust, await otherKeyring(scene));
  const forged = await fetch(misled.url + signed);
  assert.notEqual(forged.status, 200, 'the archive’s own signature decides, whoever shows it');

  const trusting = await gateway(scene, 'trusting', trust);
  const answer = await read(trusting.url + signed);
  assert.equal(await answer.text(), official, 'byte for byte');
  assert.match(answer.headers.get('warning') ?? '', /^110 x "the official source does not answer/);
  assert.ok(Number(answer.headers.get('age')) >= 0);
  // What it names comes from the swarm by its hash: lists, and a package out of them.
  const packages = await packagesOf(
    official,
    `${new URL(uri).pathname}/dists/${suite}`,
    trusting.url,
  );
  const [, file = ''] = /^Filename: (\S+)$/m.exec(packages) ?? [];
  const [, digest] = /^SHA256: ([0-9a-f]{64})$/m.exec(packages) ?? [];
  const deb = await read(`${trusting.url}${new URL(uri).pathname}/${file}`);
  assert.equal(sha256(new Uint8Array(await deb.arrayBuffer())), digest);
  assert.match(told(trusting.process), /InRelease is that of 2\d\d\d-.* old/);
});

/** The first list that a Release file names and that has packages. */
async function packagesOf(signed: string, folder: string, url: string): Promise<string> {
  for (const [, path = ''] of signed.matchAll(/^ [0-9a-f]{64} +\d+ (\S+\/Packages)$/gm)) {
    const text = await (await read(`${url}${folder}/${path}`)).text();
    if (text.includes('Filename: ')) return text;
  }
  throw new Error('no list has packages');
}

/** A key that signed nothing of this archive. */
async function otherKeyring({ folder }: Scene): Promise<string> {
  const { publicKey } = await generateKey({ userIDs: [{ name: 'nobody' }] });
  const path = join(folder, 'other-keyring.asc');
  await writeFile(path, publicKey);
  return path;
}
