import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, request as httpRequest, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { XError } from '../../src/domain/errors.js';
import { proxiesOfEnvironment } from '../../src/upstream/http-connections.js';
import { createUpstream } from '../../src/upstream/open-upstream.js';
import { selfSigned } from './http-certificate.js';
import { failsWith, openUpstream, serve, steady, SteppingClock } from './http-harness.js';

const pypi = { ecosystem: 'pypi' as const };

interface Proxy {
  url: string;
  /** `GET http://…` and `CONNECT host:port` lines, in order. */
  asked: string[];
}

async function listening(
  t: TestContext,
  server: Server | ReturnType<typeof createTlsServer>,
): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

/** A forward proxy for http and CONNECT that may want a user and password. */
async function startProxy(t: TestContext, authorization?: string): Promise<Proxy> {
  const asked: string[] = [];
  const refused = (sent: string | undefined): boolean =>
    authorization !== undefined && sent !== authorization;
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    if (refused(request.headers['proxy-authorization'])) return void response.writeHead(407).end();
    httpRequest(request.url ?? '', { headers: request.headers }, (upstream) => {
      response.writeHead(upstream.statusCode ?? 0, upstream.headers);
      upstream.pipe(response);
    }).end();
  });
  server.on('connect', (request, socket) => {
    asked.push(`CONNECT ${request.url}`);
    if (refused(request.headers['proxy-authorization'])) {
      return void socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n');
    }
    const [host, port] = (request.url ?? '').split(':');
    const onward = connect(Number(port), host ?? '', () => {
      socket.write('HTTP/1.1 200 Connected\r\n\r\n');
      onward.pipe(socket).pipe(onward);
    });
    // Either side may leave first.
    onward.on('error', () => socket.destroy());
    socket.on('error', () => onward.destroy());
  });
  return { url: `http://127.0.0.1:${await listening(t, server)}`, asked };
}

async function startTls(t: TestContext): Promise<{ url: string; cert: string }> {
  const { key, cert } = selfSigned();
  const server = createTlsServer({ key, cert }, (_, response) => void response.end('over tls'));
  return { url: `https://127.0.0.1:${await listening(t, server)}`, cert };
}

test('http goes through HTTP_PROXY, except for what NO_PROXY names', async (t) => {
  const server = await serve(t, (_, response) => void response.end('ok'));
  const proxy = await startProxy(t);
  const through = openUpstream(t, { proxy: { httpProxy: proxy.url, noProxy: '' } });
  await through.read({ ...pypi, url: `${server.url}/a` }, 10);
  assert.deepEqual(proxy.asked, [`GET ${server.url}/a`]);
  for (const noProxy of ['127.0.0.1', '*', `other.example, 127.0.0.1:${server.port}`]) {
    const past = openUpstream(t, { proxy: { httpProxy: proxy.url, noProxy } });
    await past.read({ ...pypi, url: `${server.url}/b` }, 10);
  }
  assert.equal(proxy.asked.length, 1);
  assert.equal(server.seen.length, 4);
});

test('https goes through HTTPS_PROXY in a tunnel, with the authorities that were named', async (t) => {
  const secure = await startTls(t);
  const proxy = await startProxy(t);
  const upstream = openUpstream(t, {
    proxy: { httpProxy: '', httpsProxy: proxy.url, noProxy: '' },
    certificateAuthorities: [secure.cert],
  });
  const { bytes } = await upstream.read({ ...pypi, url: secure.url }, 10);
  assert.equal(Buffer.from(bytes).toString(), 'over tls');
  assert.deepEqual(proxy.asked, [`CONNECT ${new URL(secure.url).host}`]);
});

test("a proxy's user and password are sent to it and to nobody else", async (t) => {
  const server = await serve(t, (_, response) => void response.end('ok'));
  const secure = await startTls(t);
  const basic = `Basic ${Buffer.from('me:p@w').toString('base64')}`;
  const proxy = await startProxy(t, basic);
  const address = proxy.url.replace('//', '//me:p%40w@');
  const upstream = openUpstream(t, {
    proxy: { httpProxy: address, httpsProxy: address, noProxy: '' },
    certificateAuthorities: [secure.cert],
  });
  await upstream.read({ ...pypi, url: server.url }, 10);
  await upstream.read({ ...pypi, url: secure.url }, 10);
  assert.equal(proxy.asked.length, 2);
  assert.equal(server.seen[0]?.headers.authorization, undefined);
});

test('a proxy that refuses is told as such, without its password, and asked once', async (t) => {
  const server = await serve(t, (_, response) => void response.end('ok'));
  const secure = await startTls(t);
  const proxy = await startProxy(t, 'Basic other');
  const address = proxy.url.replace('//', '//me:s3cret@');
  const upstream = openUpstream(t, {
    proxy: { httpProxy: address, httpsProxy: address, noProxy: '' },
    certificateAuthorities: [secure.cert],
  });
  for (const url of [server.url, secure.url]) {
    await assert.rejects(upstream.read({ ...pypi, url }, 10), (thrown) => {
      assert.ok(thrown instanceof XError);
      assert.match(thrown.message, /407/);
      assert.match(thrown.hint ?? '', /proxy/);
      assert.doesNotMatch(thrown.message, /s3cret/);
      return true;
    });
  }
  assert.equal(proxy.asked.length, 2);
});

test('a dead proxy is not waited for again and again', async (t) => {
  const upstream = openUpstream(t, {
    proxy: { httpProxy: 'http://127.0.0.1:1', httpsProxy: 'http://127.0.0.1:1', noProxy: '' },
  });
  for (const scheme of ['http', 'https']) {
    const url = `${scheme}://host.example/`;
    await assert.rejects(
      upstream.read({ ...pypi, url }, 10),
      failsWith('UPSTREAM_UNREACHABLE', /ECONNREFUSED/),
    );
    const waits = upstream.clock.slept.length;
    await assert.rejects(
      upstream.read({ ...pypi, url }, 10),
      failsWith('UPSTREAM_UNREACHABLE', /did not answer a moment ago/),
    );
    assert.equal(upstream.clock.slept.length, waits);
  }
});

test('an authority nobody named is not trusted; the hint says how to name it', async (t) => {
  const secure = await startTls(t);
  const upstream = openUpstream(t);
  await assert.rejects(upstream.read({ ...pypi, url: secure.url }, 10), (thrown) => {
    assert.ok(thrown instanceof XError && thrown.code === 'UPSTREAM_UNREACHABLE');
    assert.match(thrown.hint ?? '', /NODE_EXTRA_CA_CERTS/);
    return true;
  });
  assert.equal(upstream.clock.slept.length, 0);
  const trusting = openUpstream(t, { certificateAuthorities: [secure.cert] });
  assert.equal((await trusting.read({ ...pypi, url: secure.url }, 10)).bytes.length, 8);
});

test('a redirect from https down to http is refused', async (t) => {
  const plain = await serve(t, (_, response) => void response.end('plain'));
  const { key, cert } = selfSigned();
  const server = createTlsServer({ key, cert }, (_, response) => {
    response.writeHead(302, { location: plain.url }).end();
  });
  const url = `https://127.0.0.1:${await listening(t, server)}/`;
  await assert.rejects(
    openUpstream(t, { certificateAuthorities: [cert] }).read({ ...pypi, url }, 10),
    failsWith('UPSTREAM_REFUSED', /redirects from https down to http/),
  );
  assert.equal(plain.seen.length, 0);
});

test('proxies of the environment: lower case wins, ALL_PROXY stands in', () => {
  assert.deepEqual(
    proxiesOfEnvironment({ HTTP_PROXY: 'a', http_proxy: 'b', ALL_PROXY: 'c', NO_PROXY: 'd' }),
    { httpProxy: 'b', httpsProxy: 'c', noProxy: 'd' },
  );
});

test('a proxy without a scheme is http', async (t) => {
  const server = await serve(t, (_, response) => void response.end('ok'));
  const proxy = await startProxy(t);
  const upstream = openUpstream(t, { proxy: { httpProxy: proxy.url.slice('http://'.length) } });
  await upstream.read({ ...pypi, url: server.url }, 10);
  assert.equal(proxy.asked.length, 1);
});

test('settings that cannot be used are said at once', () => {
  const clock = new SteppingClock();
  for (const httpProxy of [
    'proxy.example:3128x',
    'http://',
    '::',
    'ftp://me:s3cret@proxy.example',
  ]) {
    assert.throws(
      () => createUpstream({ clock, random: steady, proxy: { httpProxy } }),
      failsWith('USAGE', /^the address of the proxy cannot be used$/),
    );
  }
  assert.throws(
    () => createUpstream({ clock, random: steady, certificateAuthorities: ['no PEM'] }),
    failsWith('USAGE', /certificate authority/),
  );
});

test("the environment's proxies and NODE_EXTRA_CA_CERTS are taken from it", async (t) => {
  const secure = await startTls(t);
  const proxy = await startProxy(t);
  const folder = await mkdtemp(join(tmpdir(), 'x-ca-'));
  t.after(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, 'ca.pem'), secure.cert);
  const module = new URL('../../src/upstream/open-upstream.js', import.meta.url).href;
  await writeFile(
    join(folder, 'read.mjs'),
    `import { createUpstream } from ${JSON.stringify(module)};
     const clock = { now: () => new Date(), monotonicMs: () => 0, sleep: async () => {} };
     const random = { bytes: (n) => new Uint8Array(n), integer: () => 0 };
     const certificateAuthorities = process.argv[3] ? [process.argv[3]] : [];
     const upstream = createUpstream({ clock, random, certificateAuthorities });
     const { bytes } = await upstream.read({ ecosystem: 'pypi', url: process.argv[2] }, 100);
     process.stdout.write(bytes);
     await upstream.close();`,
  );
  const other = selfSigned().cert;
  for (const extra of [[], [other]]) {
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [join(folder, 'read.mjs'), secure.url, ...extra],
      { env: { NODE_EXTRA_CA_CERTS: join(folder, 'ca.pem'), https_proxy: proxy.url } },
    );
    assert.equal(stdout, 'over tls');
  }
  assert.deepEqual(proxy.asked, Array(2).fill(`CONNECT ${new URL(secure.url).host}`));
});
