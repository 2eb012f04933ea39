import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import {
  createServer as createHttpServer,
  request as httpRequest,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { startFixtures, type Fixtures } from '../../fixtures/upstream/fixtures.js';
import { x, type XExit } from '../../fixtures/x-process.js';
import { selfSigned } from '../upstream/http-certificate.js';

const TOKEN = 'npm_veryPrivateToken0123456789abcdef';
const PASSWORD = 'correct-horse-battery-staple';
const BASIC = Buffer.from(`reader:${PASSWORD}`).toString('base64');
const SECRETS = [
  TOKEN,
  PASSWORD,
  BASIC,
  Buffer.from(PASSWORD).toString('base64'),
  Buffer.from(TOKEN).toString('base64'),
];

const certificate = selfSigned();
let folder: string;
let fixtures: Fixtures;
/** Demands a login for everything, and speaks TLS by an authority that nobody knows. */
let guarded: Server;
/** Forwards, and notes for whom; it asks for no login itself. */
let proxy: Server;
let registry = '';
let proxyAddress = '';
let expected = '';
const asked: { path: string; authorization: string | undefined }[] = [];
const tunnelled: string[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x-npm-private-'));
  fixtures = await startFixtures(join(folder, 'fixtures'));
  guarded = createHttpsServer(certificate, guard);
  registry = `https://127.0.0.1:${await listening(guarded)}/deep/npm/`;
  proxy = createHttpServer(forward);
  proxy.on('connect', (request, socket, head) => {
    tunnelled.push(request.url ?? '');
    // Names that no resolver knows lead to this machine: only a proxy can reach them.
    const [host = '', stated] = (request.url ?? '').split(':');
    const port = host.endsWith('.invalid') ? new URL(fixtures.server.url).port : stated;
    const upstream = connect(Number(port), '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.write(head);
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  proxyAddress = `http://127.0.0.1:${await listening(proxy)}`;
  await writeFile(join(folder, 'authority.pem'), certificate.cert);
});

after(async () => {
  guarded.close();
  proxy.close();
  await fixtures.close();
  await rm(folder, { recursive: true, force: true });
});

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

/** The fixture's registry behind a login; addresses in its answers are its own. */
function guard(request: IncomingMessage, response: ServerResponse): void {
  const path = request.url ?? '';
  const { authorization, host = '' } = request.headers;
  asked.push({ path, authorization });
  if (authorization !== expected) {
    response.writeHead(401, { 'content-type': 'application/json' });
    response.end('{"error":"login needed"}');
    return;
  }
  const inner = new URL(path.replace(/^\/deep/, ''), fixtures.server.url);
  const own = `https://${host}/deep/npm/`;
  fetch(inner)
    .then(async (answer) => {
      const type = answer.headers.get('content-type') ?? '';
      const bytes = Buffer.from(await answer.arrayBuffer());
      const body = type.includes('json')
        ? Buffer.from(bytes.toString('utf8').replaceAll(fixtures.server.npmRegistry, own))
        : bytes;
      response.writeHead(answer.status, { 'content-type': type }).end(body);
    })
    .catch((thrown: unknown) => response.writeHead(502).end(String(thrown)));
}

/** Plain requests through the proxy: whatever host they name is the fixture's. */
function forward(request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? '', 'http://nowhere.invalid');
  tunnelled.push(url.host);
  const to = httpRequest(new URL(url.pathname, fixtures.server.url), (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers);
    answer.pipe(response);
  });
  to.on('error', () => response.writeHead(502).end());
  to.end();
}

/** A project that wants a package of a scope, with an .npmrc of its own. */
async function project(name: string, npmrc: readonly string[]): Promise<string> {
  const place = join(folder, name);
  await mkdir(place, { recursive: true });
  await writeFile(join(place, '.npmrc'), `${npmrc.join('\n')}\n`);
  await writeFile(
    join(place, 'package.json'),
    JSON.stringify({ name: 'app', dependencies: { '@x-fix/scoped': '^1', 'x-fix-tool': '^1' } }),
  );
  return place;
}

/** Where npm itself runs these tests it hands its settings on, which would go before a project's. */
const SAID_BY_NPM = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) => /^npm_config_/i.test(name))
    .map((name) => [name, undefined]),
);

async function source(place: string, more: string[] = [], env = {}): Promise<XExit> {
  asked.length = 0;
  tunnelled.length = 0;
  const file = join(place, 'package.json');
  const args = ['source', '-r', file, '--name', 'private', '--data', join(place, 'data')];
  return await x([...args, ...more], { env: { ...SAID_BY_NPM, ...fixtures.allEnv, ...env } });
}

/** Plans, seals and exports; what a login lets in must come out private, and the login nowhere at all. */
async function carries(place: string, env: NodeJS.ProcessEnv = {}): Promise<void> {
  const planned = await source(place, ['--dry-run', '--json'], env);
  assert.equal(planned.code, 0, planned.stdout + planned.stderr);
  const plan = JSON.parse(planned.stdout) as {
    artifacts: { name: string; private: boolean }[];
  };
  const scoped = plan.artifacts.find(({ name }) => name === '@x-fix/scoped');
  assert.equal(scoped?.private, true, planned.stdout);

  const made = await source(place, ['--once', '--json', '--export', join(place, 'stick')], env);
  assert.equal(made.code, 0, made.stdout + made.stderr);
  const guardedPaths = asked.map(({ path }) => path);
  assert.ok(
    guardedPaths.some((path) => path.endsWith('.tgz')),
    guardedPaths.join(' '),
  );
  assert.ok(
    asked.every(({ authorization }) => authorization === expected),
    'no request without its login',
  );
  assert.ok(
    fixtures.server.requests.every(({ headers }) => headers['authorization'] === undefined),
    'and none to another host with it',
  );
  for (const text of [planned, made].flatMap(({ stdout, stderr }) => [stdout, stderr])) {
    for (const secret of SECRETS) assert.ok(!text.includes(secret), text);
  }
  const files = [join(place, 'data'), join(place, 'stick')].flatMap(filesIn);
  assert.ok(files.length > 5, files.join(' '));
  for (const file of files) {
    const bytes = readFileSync(file);
    for (const secret of SECRETS) assert.ok(!bytes.includes(secret), `${file} holds a secret`);
  }
  assert.ok(files.every((file) => !file.endsWith('.npmrc')));
}

function filesIn(place: string): string[] {
  return readdirSync(place, { recursive: true, withFileTypes: true }).flatMap((entry) =>
    entry.isFile() ? [join(entry.parentPath, entry.name)] : [],
  );
}

const scope = (): string => `@x-fix:registry=${registry}`;
const key = (): string => registry.replace(/^https:/, '');
const authority = (): string => `cafile=${join(folder, 'authority.pem')}`;

test('a token of .npmrc opens a scoped registry, is sent nowhere else and stays here', async () => {
  expected = `Bearer ${TOKEN}`;
  await carries(
    await project('token', [
      scope(),
      authority(),
      `${key()}:_authToken=${TOKEN}`,
      'always-auth=true',
    ]),
  );
});

test('a token may come from the environment', async () => {
  expected = `Bearer ${TOKEN}`;
  const place = await project('variable', [
    scope(),
    authority(),
    `${key()}:_authToken=\${X_TEST_TOKEN}`,
  ]);
  await carries(place, { X_TEST_TOKEN: TOKEN });
});

test('so may a login be written, in both of the ways that npm knows', async () => {
  expected = `Basic ${BASIC}`;
  await carries(await project('basic', [scope(), authority(), `${key()}:_auth=${BASIC}`]));
  const password = Buffer.from(PASSWORD).toString('base64');
  await carries(
    await project('password', [
      scope(),
      authority(),
      `${key()}:username=reader`,
      `${key()}:_password=${password}`,
    ]),
  );
});

test('without a login, or with a wrong one, it is said what to do and nothing is made', async () => {
  expected = `Bearer ${TOKEN}`;
  for (const [name, login] of [
    ['none', []],
    ['wrong', [`${key()}:_authToken=${PASSWORD}`]],
    ['unset', [`${key()}:_authToken=\${X_TEST_UNSET}`]],
  ] as const) {
    const place = await project(name, [scope(), authority(), ...login]);
    const refused = await source(place, ['--once']);
    assert.notEqual(refused.code, 0, refused.stdout);
    assert.match(refused.stderr, /@x-fix\/scoped/);
    assert.match(refused.stderr, /login|token|npmrc/i, refused.stderr);
    assert.ok(!refused.stderr.includes(PASSWORD), refused.stderr);
  }
});

test('an authority that is not configured is refused', async () => {
  expected = `Bearer ${TOKEN}`;
  const place = await project('stranger', [scope(), `${key()}:_authToken=${TOKEN}`]);
  const refused = await source(place, ['--once']);
  assert.notEqual(refused.code, 0, refused.stdout);
  assert.match(refused.stderr, /certificate/i);
  assert.equal(asked.length, 0, 'the token is not sent to who cannot show a certificate');
});

test('the proxies of .npmrc are used, and noproxy is kept to', async () => {
  expected = `Bearer ${TOKEN}`;
  const away = new URL(registry);
  away.hostname = 'localhost';
  const place = await project('proxied', [
    `@x-fix:registry=${away.href}`,
    authority(),
    `//${away.host}${away.pathname}:_authToken=${TOKEN}`,
    'registry=http://registry.invalid/npm/',
    `proxy=${proxyAddress}`,
    `https-proxy=${proxyAddress}`,
    'noproxy=unrelated.invalid',
  ]);
  const env = {
    npm_config_registry: undefined,
    NO_PROXY: undefined,
    no_proxy: undefined,
    HTTP_PROXY: undefined,
    http_proxy: undefined,
    HTTPS_PROXY: undefined,
    https_proxy: undefined,
  };
  await carries(place, env);
  assert.ok(
    tunnelled.some((host) => host.startsWith('registry.invalid')),
    tunnelled.join(' '),
  );
  assert.ok(tunnelled.includes(away.host), tunnelled.join(' '));

  const direct = await project('direct', [
    scope(),
    authority(),
    `${key()}:_authToken=${TOKEN}`,
    `registry=${fixtures.server.npmRegistry}`,
    `proxy=${proxyAddress}`,
    `https-proxy=${proxyAddress}`,
    'noproxy=127.0.0.1',
  ]);
  await carries(direct, env);
  assert.deepEqual(tunnelled, []);
});
