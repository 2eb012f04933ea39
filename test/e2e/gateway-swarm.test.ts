import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startFixtures, type Fixtures } from '../../fixtures/upstream/fixtures.js';
import type { XProcess } from '../../fixtures/x-process.js';
import { startNode, until } from '../swarm/public/hosts.js';
import { openWorld, STEP_MS, told, type World } from './world.js';

const JSON_PAGE = { accept: 'application/vnd.pypi.simple.v1+json' };
const QUIET = ['--no-mdns', '--no-rendezvous', '--no-upnp', '--network', 'x-test'];

interface Member {
  process: XProcess;
  url: string;
  did: string;
  /** What `--peer` is given. */
  peer: string;
}

type Scene = World & { own: Fixtures };

async function withUpstreams(context: TestContext): Promise<Scene> {
  const world = await openWorld(context);
  const own = await startFixtures(join(world.folder, 'own-fixtures'));
  context.after(() => own.close());
  return { ...world, own };
}

async function start(
  scene: Scene,
  role: 'node' | 'gateway',
  name: string,
  ...more: string[]
): Promise<Member> {
  const { own } = scene;
  const process = scene.start(
    [
      ...[role, '--data', scene.data(name), '--port', '0', '--listen', '0', ...QUIET],
      ...own.args.debian.filter((_, at) => at < 6),
      ...['--public-index', own.server.pypiIndex, '--public-index', own.server.npmRegistry],
      ...more,
    ],
    own.allEnv,
  );
  const joined = await process.waitFor('joined', STEP_MS);
  const serving = await process.waitFor('serving', STEP_MS);
  const listening = (joined['addresses'] as string[]).find((one) => one.includes('/ip4/')) ?? '';
  const port = /\/tcp\/([0-9]+)/.exec(listening)?.[1] ?? '';
  return {
    process,
    url: String(serving['gateway']),
    did: String(joined['did']),
    peer: `127.0.0.1:${port}`,
  };
}

async function isConnected({ process }: Member): Promise<void> {
  await process.waitFor('nodes', STEP_MS, ({ connected }) => Number(connected) > 0);
}

interface Page {
  files: { filename: string; url: string; hashes: { sha256?: string } }[];
}

async function pageOf(url: string, name: string): Promise<{ page: Page; headers: Headers }> {
  const answer = await fetch(`${url}/pypi/simple/${name}/`, { headers: JSON_PAGE });
  assert.equal(answer.status, 200, `the page of ${name}`);
  return { page: (await answer.json()) as Page, headers: answer.headers };
}

async function fetchFile(url: string): Promise<Buffer> {
  const answer = await fetch(url);
  assert.equal(answer.status, 200, url);
  return Buffer.from(await answer.arrayBuffer());
}

function wheelsAsked({ own }: Scene): number {
  return own.server.requests.filter(({ path, status }) => path.endsWith('.whl') && status === 200)
    .length;
}

test('a gateway has a file from a node of the swarm, and from the official source where none has it', async (context) => {
  const scene = await withUpstreams(context);
  const node = await start(scene, 'node', 'node');
  const [held] = (await pageOf(node.url, 'x-large')).page.files;
  assert.ok(held);
  const bytes = await fetchFile(held.url);
  const gateway = await start(scene, 'gateway', 'gateway', '--peer', node.peer);
  await isConnected(gateway);
  await isConnected(node);
  // The prefetch of either may be under way: what counts is what is asked for from here on.
  scene.own.server.inject({ path: /x_large.*whl$/, status: 503 });
  const [offered] = (await pageOf(gateway.url, 'x-large')).page.files;
  // The official source refuses it, so only the node can have given it: as it was asked for, or before,
  // where the gateway fetched ahead what the page makes likely.
  assert.ok((await fetchFile(offered?.url ?? '')).equals(bytes));
  await gateway.process.waitFor(
    'passed',
    STEP_MS,
    ({ swarm, store }) => Number(swarm ?? store) > 0,
  );
  scene.own.server.mend();
  const before = wheelsAsked(scene);
  const [other] = (await pageOf(gateway.url, 'x-beta')).page.files;
  assert.ok((await fetchFile(other?.url ?? '')).length > 0);
  assert.ok(wheelsAsked(scene) > before, 'nobody had it: the official source was asked');
});

test('the official source is gone: what a trusted node has seen stands in, its age said; a stranger’s does not', async (context) => {
  const scene = await withUpstreams(context);
  const node = await start(scene, 'node', 'node', '--serve-indexes');
  const { page } = await pageOf(node.url, 'x-large');
  await fetchFile(page.files[0]?.url ?? '');
  const trusting = await start(
    scene,
    'gateway',
    'trusting',
    ...['--peer', node.peer, '--trust-index', node.did],
  );
  const wary = await start(scene, 'gateway', 'wary', '--peer', node.peer);
  await isConnected(trusting);
  await isConnected(wary);
  scene.own.server.inject({ path: /./, status: 503 });
  const late = await pageOf(trusting.url, 'x-large');
  assert.deepEqual(
    late.page.files.map(({ filename, hashes }) => [filename, hashes]),
    page.files.map(({ filename, hashes }) => [filename, hashes]),
  );
  assert.match(late.headers.get('warning') ?? '', /^110 x "the official source does not answer/);
  assert.match(told(trusting.process), /the index page of x-large is that of 2\d\d\d-.* old/);
  const none = await fetch(`${wary.url}/pypi/simple/x-large/`, { headers: JSON_PAGE });
  assert.equal(none.status, 502, 'nobody is trusted there');

  const file = join(scene.folder, 'late.txt');
  await writeFile(file, 'x-large\n');
  const source = await scene.run(
    [
      ...['source', '-r', file, '--name', 'late', '--once', '--python', '3.11'],
      ...['--platform', 'linux/amd64', '--data', scene.data('source'), '--network', 'x-test'],
      ...['--public-index', scene.own.server.pypiIndex, '--peer', node.peer],
      ...['--trust-index', node.did],
    ],
    scene.own.allEnv,
  );
  assert.equal(source.code, 0, source.stdout + source.stderr);
  assert.match(source.stdout, /does not answer: .*x-large.* is that of 2\d\d\d-/);
});

test('a version that another node tells of: its index is asked again, if it is asked for here, and once', async (context) => {
  const scene = await withUpstreams(context);
  const gateway = await start(
    scene,
    'gateway',
    'gateway',
    '--serve-indexes',
    '--peer',
    '127.0.0.1:1',
  );
  await pageOf(gateway.url, 'x-large');
  const asked = (name: string): number =>
    scene.own.server.requests.filter(({ path }) => path.endsWith(`/simple/${name}/`)).length;
  const teller = await startNode(context, 77, { network: 'x-test', peers: [gateway.peer] });
  await until('it is connected', () => teller.nodes().some(({ isConnected }) => isConnected));
  const before = asked('x-large');
  const hint = { type: 'version', ecosystem: 'pypi', name: 'x-large', version: '99.0' } as const;
  // Gossip reaches who has joined in by then: said until it is heard, which is once.
  const say = async (): Promise<void> => {
    await teller.tell({ ...hint, name: 'x-beta' });
    await teller.tell(hint);
  };
  const timer = setInterval(() => void say(), 2_000);
  context.after(() => clearInterval(timer));
  const heard = await gateway.process.waitFor('hint', STEP_MS);
  assert.equal(heard['name'], 'x-large');
  await until('the index is asked again', () => asked('x-large') > before);
  await say();
  await say();
  assert.equal(asked('x-large'), before + 1);
  assert.equal(asked('x-beta'), 0, 'nobody asks for that here');
});

test('a second node on one folder or port says which process is in the way; one that was killed starts again', async (context) => {
  const scene = await withUpstreams(context);
  const node = await start(scene, 'node', 'node');
  const second = await scene.run(['gateway', '--data', scene.data('node'), '--port', '0']);
  assert.equal(second.code, 1);
  assert.match(second.stdout, new RegExp(`in use by x node \\(process ${node.process.child.pid}`));
  const { port } = new URL(node.url);
  const taken = await scene.run(
    ['node', '--data', scene.data('other'), '--port', port, '--listen', '0', ...QUIET],
    scene.own.allEnv,
  );
  assert.equal(taken.code, 1);
  assert.match(taken.stdout, new RegExp(`port ${port} on 127.0.0.1 is taken`));
  await node.process.stop('SIGKILL');
  const again = await start(scene, 'node', 'node');
  assert.equal(again.did, node.did, 'the same node');
  await pageOf(again.url, 'x-large');
  const { code } = await again.process.stop('SIGINT');
  assert.equal(code, 0);
});
