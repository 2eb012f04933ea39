import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { generateKey } from 'openpgp';
import { startFixtures, type Fixtures } from '../../fixtures/upstream/fixtures.js';
import type { XExit } from '../../fixtures/x-process.js';
import { openWorld, STEP_MS, type World } from './world.js';

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

/** As apt would: each suite's signed file, its lists, and every package in them. */
async function readArchive({ node }: Scene): Promise<void> {
  const repositories = node.howTo.flatMap((line) => {
    const [type, uri = '', suite = '', ...components] = line.split(' ');
    return type === 'deb' ? [{ uri, suite, components }] : [];
  });
  assert.ok(repositories.length > 0, node.howTo.join('\n'));
  for (const { uri, suite } of repositories) {
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

/** A key that signed nothing of this archive. */
async function otherKeyring({ folder }: Scene): Promise<string> {
  const { publicKey } = await generateKey({ userIDs: [{ name: 'nobody' }] });
  const path = join(folder, 'other-keyring.asc');
  await writeFile(path, publicKey);
  return path;
}
