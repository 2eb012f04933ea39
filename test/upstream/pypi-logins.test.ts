import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, request, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { parseTarget } from '../../src/domain/target.js';
import { createPypiSource } from '../../src/ecosystems/pypi/source.js';
import { createUpstream } from '../../src/upstream/open-upstream.js';
import { listFolder, readPipConfiguration } from '../../src/upstream/pypi-settings.js';
import { writeIndex } from '../clients/pypi-random.js';

const PASSWORD = 's3cret:with colon';
const WANTED = `Basic ${Buffer.from(`carol:${PASSWORD}`).toString('base64')}`;

interface Place {
  /** The index, without a login. */
  index: string;
  host: string;
  home: string;
  /** What was asked for, with `+` where the login came along. */
  asked: string[];
}

async function listen(
  t: TestContext,
  answer: (incoming: IncomingMessage, reply: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer);
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** An index that answers to one login alone, its files beside the folder of its pages. */
async function openPlace(t: TestContext): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'x-logins-'));
  t.after(() => rm(folder, { recursive: true }));
  const made = (version: string, ...requires: string[]) => ({
    ...{ version, requires, extras: [], yanked: false, requiresPython: undefined },
  });
  const packages = new Map([
    ['alpha', [made('2.0', 'beta'), made('1.0')]],
    ['beta', [made('1.5')]],
  ]);
  await writeIndex({ packages, roots: ['alpha'], constraints: [] }, folder);
  const asked: string[] = [];
  const host = await listen(t, (incoming, reply) => {
    const isKnown = incoming.headers.authorization === WANTED;
    asked.push(`${isKnown ? '+' : '-'} ${incoming.url ?? ''}`);
    if (!isKnown) reply.writeHead(401).end();
    else void send(join(folder, incoming.url ?? ''), incoming, reply);
  });
  const home = join(folder, 'home');
  await mkdir(home);
  return { index: `http://${host}/simple`, host, home, asked };
}

async function send(path: string, incoming: IncomingMessage, reply: ServerResponse) {
  const isPage = (await stat(path)).isDirectory();
  const bytes = await readFile(isPage ? join(path, 'index.html') : path);
  const start = Number(/^bytes=([0-9]+)-$/.exec(incoming.headers.range ?? '')?.[1] ?? 0);
  reply.writeHead(start > 0 ? 206 : 200, {
    'content-type': isPage ? 'text/html' : 'application/octet-stream',
    'content-length': bytes.length - start,
    ...(start > 0 ? { 'content-range': `bytes ${start}-${bytes.length - 1}/${bytes.length}` } : {}),
  });
  reply.end(bytes.subarray(start));
}

async function plan({ home }: Place, env: Record<string, string>, text = 'alpha\n') {
  const pip = await readPipConfiguration({ env: { PIP_CONFIG_FILE: '/dev/null', ...env }, home });
  const upstream = createUpstream({
    clock: {
      now: () => new Date(),
      monotonicMs: () => performance.now(),
      sleep: () => Promise.resolve(),
    },
    random: { bytes: (length) => new Uint8Array(length), integer: () => 0 },
    credentialsFor: (url) => pip.credentialsFor(url),
    proxy: { httpProxy: pip.proxy },
  });
  try {
    const source = createPypiSource({ ...pip, upstream, listFolder, env, choices: {} });
    const file = { path: 'requirements.txt', text };
    const read = await source.read(file, () => Promise.reject(new Error('nothing is nested')));
    const { artifacts } = await source.plan({
      requirements: [read.requirements],
      purls: [],
      targets: [parseTarget('linux/amd64/glibc2.36,python=3.11')],
      now: new Date(),
      report: () => undefined,
    });
    return artifacts.map(({ name, version }) => `${name} ${version}`);
  } finally {
    await upstream.close();
  }
}

const ALL = ['alpha 2.0', 'beta 1.5'];

test('netrc answers for an index, one that a file names too, and for its files', async (t) => {
  const place = await openPlace(t);
  const netrc = `machine 127.0.0.1\nlogin carol\npassword "${PASSWORD}"\n`;
  await writeFile(join(place.home, '.netrc'), netrc);
  assert.deepEqual(await plan(place, { PIP_INDEX_URL: place.index }), ALL);
  assert.deepEqual(await plan(place, {}, `-i ${place.index}\nalpha\n`), ALL);
  assert.ok(place.asked.some((one) => one.includes('/files/')));
  assert.ok(place.asked.every((one) => one.startsWith('+')));
});

test('the keyring file answers by host, by index, and for a user that an address names', async (t) => {
  const place = await openPlace(t);
  const folder = join(place.home, '.local/share/python_keyring');
  await mkdir(folder, { recursive: true });
  const escaped = (text: string): string =>
    text.replaceAll(
      /[^A-Za-z0-9]/g,
      (sign) => `_${Buffer.from(sign).toString('hex').toUpperCase()}`,
    );
  for (const service of [place.host, place.index]) {
    const text = `[${escaped(service)}]\ncarol = \n\t${Buffer.from(PASSWORD).toString('base64')}\n`;
    await writeFile(join(folder, 'keyring_pass.cfg'), text);
    assert.deepEqual(await plan(place, { PIP_INDEX_URL: place.index }), ALL, service);
    const named = place.index.replace('//', '//carol@');
    assert.deepEqual(await plan(place, { PIP_INDEX_URL: named }), ALL, named);
  }
  assert.ok(place.asked.every((one) => one.startsWith('+')));
});

test('without a login, or with another, the plan ends and says where', async (t) => {
  const place = await openPlace(t);
  const other = place.index.replace('//', '//carol:other@');
  for (const index of [place.index, other]) {
    await assert.rejects(plan(place, { PIP_INDEX_URL: index }), (thrown: unknown) => {
      assert.ok(thrown instanceof XError);
      assert.equal(thrown.code, 'UPSTREAM_REFUSED');
      assert.match(thrown.message, /alpha\/: 401/);
      assert.match(thrown.hint ?? '', /credentials/);
      assert.ok(!`${thrown.message} ${thrown.hint ?? ''}`.includes('other@'));
      return true;
    });
  }
});

test('pip’s proxy is gone through, its own login apart from the index’s', async (t) => {
  const place = await openPlace(t);
  const logins: (string | undefined)[] = [];
  const proxy = await listen(t, (incoming, reply) => {
    logins.push(incoming.headers['proxy-authorization']);
    const { pathname } = new URL(incoming.url ?? '');
    const onward = request(
      `http://${place.host}${pathname}`,
      { headers: { ...incoming.headers, host: place.host } },
      (answer) => {
        reply.writeHead(answer.statusCode ?? 500, answer.headers);
        answer.pipe(reply);
      },
    );
    onward.end();
  });
  // Nothing listens at this address: what is answered came through the proxy.
  const index = `http://carol:${encodeURIComponent(PASSWORD)}@127.0.0.1:1/simple`;
  const planned = await plan(place, { PIP_INDEX_URL: index, PIP_PROXY: `http://pu:pp@${proxy}` });
  assert.deepEqual(planned, ALL);
  assert.ok(logins.length > 0);
  const own = `Basic ${Buffer.from('pu:pp').toString('base64')}`;
  assert.ok(logins.every((login) => login === own));
});
