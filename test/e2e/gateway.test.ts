import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startFixtures, type Fixtures } from '../../fixtures/upstream/fixtures.js';
import type { XProcess } from '../../fixtures/x-process.js';
import { openWorld, STEP_MS, told, type World } from './world.js';

const JSON_PAGE = { accept: 'application/vnd.pypi.simple.v1+json' };

interface Page {
  files: { filename: string; url: string; hashes: { sha256?: string } }[];
}

interface Packument {
  versions: Record<string, { dist: { tarball: string; integrity: string } }>;
}

/** A world whose upstreams are this test's own: it may spoil them. */
async function withUpstreams(context: TestContext): Promise<World & { own: Fixtures }> {
  const world = await openWorld(context);
  const own = await startFixtures(join(world.folder, 'own-fixtures'));
  context.after(() => own.close());
  return { ...world, own };
}

async function gatewayOf(
  { start, data, own }: World & { own: Fixtures },
  name: string,
  ...more: string[]
): Promise<{ process: XProcess; url: string }> {
  const { server, args, allEnv } = own;
  const process = start(
    [
      ...['gateway', '--data', data(name), '--port', '0'],
      ...args.debian.filter((_, at) => at < 6),
      ...['--public-index', server.pypiIndex, ...more],
    ],
    allEnv,
  );
  const serving = await process.waitFor('serving', STEP_MS);
  return { process, url: String(serving['gateway']) };
}

async function pageOf(url: string, name: string): Promise<{ page: Page; headers: Headers }> {
  const answer = await fetch(`${url}/pypi/simple/${name}/`, { headers: JSON_PAGE });
  assert.equal(answer.status, 200);
  return { page: (await answer.json()) as Page, headers: answer.headers };
}

async function bytesAt(url: string): Promise<{ status: number; bytes: Buffer }> {
  const answer = await fetch(url);
  return { status: answer.status, bytes: Buffer.from(await answer.arrayBuffer()) };
}

function downloads({ server }: Fixtures, suffix: string): number {
  return server.requests.filter(({ path, status }) => path.endsWith(suffix) && status === 200)
    .length;
}

test('what one gateway answered, another that knows nothing goes on with', async (context) => {
  const world = await withUpstreams(context);
  const one = await gatewayOf(world, 'one');
  const { page } = await pageOf(one.url, 'x-large');
  const [file] = page.files;
  assert.ok(file);
  const packument = (await (await fetch(`${one.url}/npm/x-fix-large`)).json()) as Packument;
  const tarball = packument.versions['1.0.0']?.dist.tarball ?? '';
  const release = await bytesAt(`${one.url}/debian/debian/dists/fixture/InRelease`);
  assert.equal(release.status, 200);
  const hash = /^ ([0-9a-f]{64}) +\d+ \S*Packages\S*$/m.exec(release.bytes.toString());
  const two = await gatewayOf(world, 'two');
  for (const address of [
    file.url,
    tarball,
    `${one.url}/debian/debian/dists/fixture/main/binary-amd64/by-hash/SHA256/${hash?.[1] ?? ''}`,
  ]) {
    const answers = await Promise.all(
      [address, address.replace(one.url, two.url)].map((url) => bytesAt(url)),
    );
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 200],
      address,
    );
    assert.ok(answers[0]?.bytes.equals(answers[1]?.bytes ?? Buffer.alloc(0)), address);
  }
});

test('the official source gone: what was seen is served, its age in header and warning', async (context) => {
  const world = await withUpstreams(context);
  const { process, url } = await gatewayOf(world, 'one');
  const { page } = await pageOf(url, 'x-large');
  const file = page.files[0]?.url ?? '';
  const before = await bytesAt(file);
  await fetch(`${url}/npm/x-fix-large`);
  await bytesAt(`${url}/debian/debian/dists/fixture/InRelease`);
  await process.stop('SIGTERM');
  world.own.server.inject({ path: /./, status: 503 });
  // Its next life: nothing is in memory.
  const again = await gatewayOf(world, 'one');
  const late = await pageOf(again.url, 'x-large');
  assert.ok(Number(late.headers.get('age')) >= 0);
  assert.match(late.headers.get('warning') ?? '', /^110 x "the official source does not answer/);
  assert.ok((await bytesAt(late.page.files[0]?.url ?? '')).bytes.equals(before.bytes));
  const npm = await fetch(`${again.url}/npm/x-fix-large`);
  assert.equal(npm.status, 200);
  assert.match(npm.headers.get('npm-notice') ?? '', /does not answer/);
  const apt = await fetch(`${again.url}/debian/debian/dists/fixture/InRelease`);
  assert.equal(apt.status, 200);
  assert.match(apt.headers.get('warning') ?? '', /InRelease/);
  assert.match(told(again.process), /the index page of x-large is that of 2\d\d\d-/);
  // What was never seen is not made up.
  const never = await fetch(`${again.url}/pypi/simple/x-beta/`);
  assert.equal(never.status, 502);
});

test('a registry whose bytes do not match their hash gets nothing past the gateway', async (context) => {
  const world = await withUpstreams(context);
  const { process, url } = await gatewayOf(world, 'one');
  const { server } = world.own;
  server.inject({ path: /\.(whl|tgz|deb)$/, damage: true });
  const { page } = await pageOf(url, 'x-large');
  const wheel = page.files[0]?.url ?? '';
  const packument = (await (await fetch(`${url}/npm/x-fix-base`)).json()) as Packument;
  const tarball = packument.versions['1.0.1']?.dist.tarball ?? '';
  const deb = `${url}/debian/debian/${await poolPath(url)}`;
  for (const address of [wheel, tarball, deb]) {
    const ended = await bytesAt(address).catch(() => undefined);
    assert.ok(ended === undefined || ended.status === 502, address);
  }
  server.mend();
  for (const address of [wheel, tarball, deb]) {
    assert.equal((await bytesAt(address)).status, 200, address);
  }
  assert.match(told(process), /not what its index promises/);
});

/** Of some package in the suite. */
async function poolPath(url: string): Promise<string> {
  const { bytes } = await bytesAt(`${url}/debian/debian/dists/fixture/main/binary-amd64/Packages`);
  return /^Filename: (.*_all\.deb)$/m.exec(bytes.toString())?.[1] ?? 'none';
}

test('a signature that does not hold lets no index through', async (context) => {
  const world = await withUpstreams(context);
  const { url } = await gatewayOf(world, 'one');
  world.own.server.inject({
    path: /InRelease$/,
    replace: ['Codename: fixture', 'Codename: fixtore'],
  });
  const answer = await fetch(`${url}/debian/debian/dists/fixture/InRelease`);
  assert.equal(answer.status, 502);
  assert.match(await answer.text(), /signature|signed/i);
});

test('an index makes what follows from it come ahead; the log and the metrics say what was answered', async (context) => {
  const world = await withUpstreams(context);
  const log = join(world.folder, 'access.log');
  const { url } = await gatewayOf(world, 'one', '--access-log', log);
  const { page } = await pageOf(url, 'x-tool');
  const file = page.files.find(({ filename }) => filename.endsWith('.whl'));
  for (let turn = 0; turn < 100 && downloads(world.own, file?.filename ?? '') === 0; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.equal(downloads(world.own, file?.filename ?? ''), 1);
  assert.equal((await bytesAt(file?.url ?? '')).status, 200);
  assert.equal(downloads(world.own, file?.filename ?? ''), 1);
  const metrics = await (await fetch(`${url}/metrics`)).text();
  assert.match(metrics, /x_gateway_passed_files_total\{origin="(store|upstream)"\} 1/);
  assert.equal(await (await fetch(`${url}/healthz`)).text(), 'ok\n');
  const lines = (await readFile(log, 'utf8')).trimEnd().split('\n');
  const targets = lines.map((line) => (JSON.parse(line) as { target: string }).target);
  assert.ok(targets.some((target) => target.includes('/pypi/simple/x-tool/')));
  const status = await world.run(['status', '--data', world.data('one')]);
  assert.equal((JSON.parse(status.stdout) as { role: string }).role, 'gateway');
});

test('with a certificate of its own, in a data folder that had nothing', async (context) => {
  const world = await withUpstreams(context);
  const { process, url } = await gatewayOf(world, 'one', '--tls');
  assert.match(url, /^https:/);
  const serving = await process.waitFor('serving', STEP_MS);
  const authority = await readFile(String(serving['certificate']), 'utf8');
  const status = await new Promise<number | undefined>((resolve, reject) => {
    get(`${url}/pypi/simple/x-tool/`, { ca: authority }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    }).on('error', reject);
  });
  assert.equal(status, 200);
});

test('marked files are answered with, read where they lie', async (context) => {
  const world = await withUpstreams(context);
  const first = await gatewayOf(world, 'one');
  const { page } = await pageOf(first.url, 'x-large');
  const { bytes } = await bytesAt(page.files[0]?.url ?? '');
  const { mkdir, writeFile } = await import('node:fs/promises');
  const wheels = join(world.folder, 'wheels');
  await mkdir(wheels);
  const filename = page.files[0]?.filename ?? '';
  await writeFile(join(wheels, filename), bytes);
  await world.run(['scan', wheels, '--data', world.data('two')]);
  const second = await gatewayOf(world, 'two');
  const before = downloads(world.own, filename);
  const { page: other } = await pageOf(second.url, 'x-large');
  const answer = await fetch(other.files[0]?.url ?? '');
  assert.equal(answer.headers.get('x-origin'), 'local');
  assert.ok(Buffer.from(await answer.arrayBuffer()).equals(bytes));
  assert.equal(downloads(world.own, filename), before);
});
