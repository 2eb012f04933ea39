import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { BOUNDS } from '../../src/domain/bounds.js';
import { XError } from '../../src/domain/errors.js';
import { bytesOf, failsWith, openUpstream, serve } from './http-harness.js';

const pypi = { ecosystem: 'pypi' as const };

test('a 503 that passes is waited out, longer each time', async (t) => {
  const server = await serve(t, (_, response, count) => {
    response.writeHead(count < 3 ? 503 : 200).end(count < 3 ? '' : 'ok');
  });
  const upstream = openUpstream(t);
  const { bytes } = await upstream.read({ ...pypi, url: server.url }, 10);
  assert.equal(Buffer.from(bytes).toString(), 'ok');
  assert.deepEqual(upstream.clock.slept, [125, 250]);
});

test('a 503 that stays is reported with its status after a bounded number of attempts', async (t) => {
  const server = await serve(t, (_, response) => void response.writeHead(503).end());
  const upstream = openUpstream(t);
  await assert.rejects(
    upstream.open({ ...pypi, url: `${server.url}/x?token=s3cret` }),
    failsWith('UPSTREAM_REFUSED', /^GET http:\/\/127\.0\.0\.1:\d+\/x\?…: 503 Service Unavailable$/),
  );
  assert.equal(server.seen.length, BOUNDS.requestAttempts);
});

test('Retry-After is honoured, in seconds and as a date', async (t) => {
  const server = await serve(t, (_, response, count) => {
    if (count === 1) response.writeHead(429, { 'retry-after': '7' }).end();
    else if (count === 2) {
      response.writeHead(503, { 'retry-after': 'Thu, 01 Jan 2026 00:00:20 GMT' }).end();
    } else response.end('ok');
  });
  const upstream = openUpstream(t);
  await upstream.read({ ...pypi, url: server.url }, 10);
  assert.deepEqual(upstream.clock.slept, [7_000, 13_000]);
});

test('a Retry-After past the bound ends it at once, and says how long', async (t) => {
  const server = await serve(t, (_, response) => {
    response.writeHead(429, { 'retry-after': '3600' }).end();
  });
  const upstream = openUpstream(t);
  await assert.rejects(upstream.read({ ...pypi, url: server.url }, 10), (thrown) => {
    assert.ok(thrown instanceof XError);
    assert.match(thrown.message, /429 Too Many Requests/);
    assert.match(thrown.hint ?? '', /3600 s/);
    return true;
  });
  assert.equal(server.seen.length, 1);
});

test('other refusals are asked once: 401, 403, 400 refused; 404 and 410 not found', async (t) => {
  const server = await serve(t, (request, response) => {
    response.writeHead(Number(request.url?.slice(1))).end('why');
  });
  const upstream = openUpstream(t);
  for (const status of [400, 401, 403, 404, 410]) {
    const code = status === 404 || status === 410 ? 'PACKAGE_NOT_FOUND' : 'UPSTREAM_REFUSED';
    await assert.rejects(
      upstream.open({ ...pypi, url: `${server.url}/${status}` }),
      failsWith(code, new RegExp(`: ${status} `)),
    );
  }
  assert.equal(server.seen.length, 5);
});

test('a small read that breaks off is read again; a stream that breaks off says where', async (t) => {
  const server = await serve(t, (_, response, count) => {
    response.writeHead(200, { 'content-length': '10' });
    if (count === 2) response.end('0123456789');
    else response.write('012', () => response.destroy());
  });
  const upstream = openUpstream(t);
  const { bytes } = await upstream.read({ ...pypi, url: server.url }, 10);
  assert.equal(bytes.length, 10);
  const body = await upstream.open({ ...pypi, url: server.url });
  assert.equal(body.lengthBytes, 10);
  await assert.rejects(
    bytesOf(body.stream),
    failsWith('UPSTREAM_UNREACHABLE', /broke off after 3 of 10 bytes/),
  );
});

test('a body that broke before it was read says so when it is', async (t) => {
  let broken: (() => void) | undefined;
  const closed = new Promise<void>((resolve) => (broken = resolve));
  const server = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-length': '10' });
    response.write('012', () => response.destroy());
    response.on('close', () => setImmediate(() => broken?.()));
  });
  const body = await openUpstream(t).open({ ...pypi, url: server.url });
  await closed;
  await new Promise((resolve) => setTimeout(resolve, 20));
  await assert.rejects(bytesOf(body.stream), failsWith('UPSTREAM_UNREACHABLE', /broke off/));
});

test('a body that ends before its chunked coding does is an error', async (t) => {
  const server = await serve(t, (_, response) => {
    response.write('half', () => response.destroy());
  });
  const body = await openUpstream(t).open({ ...pypi, url: server.url });
  assert.equal(body.lengthBytes, undefined);
  await assert.rejects(bytesOf(body.stream), failsWith('UPSTREAM_UNREACHABLE', /after 4 bytes/));
});

test('a download resumes from its offset, and the parts fit by ETag', async (t) => {
  const file = Buffer.from('0123456789');
  const server = await serve(t, (request, response) => {
    const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0);
    response.writeHead(start > 0 ? 206 : 200, {
      etag: '"v1"',
      'content-length': String(10 - start),
      ...(start > 0 ? { 'content-range': `bytes ${start}-9/10` } : {}),
    });
    response.end(file.subarray(start));
  });
  const upstream = openUpstream(t);
  const whole = await upstream.open({ ...pypi, url: server.url });
  assert.equal(whole.etag, '"v1"');
  await bytesOf(whole.stream);
  const rest = await upstream.open({ ...pypi, url: server.url, offset: 4 });
  assert.deepEqual([rest.offset, rest.lengthBytes], [4, 10]);
  assert.equal((await bytesOf(rest.stream)).toString(), '456789');
  assert.equal(server.seen[1]?.headers['if-range'], '"v1"');
  assert.equal(server.seen[1]?.headers['accept-encoding'], 'identity');
});

test('of what is wanted up to an end no more is asked for', async (t) => {
  const file = Buffer.from('0123456789');
  const server = await serve(t, (request, response) => {
    const match = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? '');
    if (match === null) return void response.end(file);
    const [start, end] = [Number(match[1]), Math.min(Number(match[2]) + 1, 10)];
    const range = `bytes ${start}-${end - 1}/10`;
    response.writeHead(206, { 'content-range': range, 'content-length': String(end - start) });
    response.end(file.subarray(start, end));
  });
  const upstream = openUpstream(t);
  const part = async (offset: number, end: number): Promise<unknown[]> => {
    const body = await upstream.open({ ...pypi, url: server.url, offset, end });
    return [body.offset, body.lengthBytes, (await bytesOf(body.stream)).toString()];
  };
  assert.deepEqual(await part(4, 7), [4, 10, '456']);
  assert.deepEqual(await part(0, 3), [0, 10, '012']);
  assert.deepEqual(await part(8, 20), [8, 10, '89'], 'it ends sooner');
  assert.deepEqual(
    server.seen.map(({ headers }) => headers.range),
    ['bytes=4-6', 'bytes=0-2', 'bytes=8-19'],
  );
});

test('a server without ranges answers from 0', async (t) => {
  const server = await serve(t, (_, response) => void response.end('0123456789'));
  const body = await openUpstream(t).open({ ...pypi, url: server.url, offset: 4 });
  assert.equal(body.offset, 0);
  assert.equal((await bytesOf(body.stream)).length, 10);
});

test('416: all is held already, or the file is another and comes from 0', async (t) => {
  const server = await serve(t, (request, response) => {
    if (request.headers.range === undefined) response.end('abc');
    else response.writeHead(416, { 'content-range': 'bytes */3' }).end();
  });
  const upstream = openUpstream(t);
  const held = await upstream.open({ ...pypi, url: server.url, offset: 3 });
  assert.deepEqual([held.offset, held.lengthBytes], [3, 3]);
  assert.equal((await bytesOf(held.stream)).length, 0);
  const other = await upstream.open({ ...pypi, url: server.url, offset: 9 });
  assert.equal(other.offset, 0);
  assert.equal((await bytesOf(other.stream)).toString(), 'abc');
});

test('a 206 for other bytes than were asked for is refused', async (t) => {
  const server = await serve(t, (request, response) => {
    const range = request.url === '/none' ? {} : { 'content-range': 'bytes 0-2/3' };
    response.writeHead(206, range).end('abc');
  });
  const upstream = openUpstream(t);
  for (const path of ['/none', '/wrong']) {
    await assert.rejects(
      upstream.open({ ...pypi, url: server.url + path, offset: 1 }),
      failsWith('UPSTREAM_MALFORMED', /asked for bytes from 1/),
    );
  }
});

test('a status that brings no body is no download', async (t) => {
  const server = await serve(t, (_, response) => void response.writeHead(204).end());
  const upstream = openUpstream(t);
  for (const fetching of [
    upstream.open({ ...pypi, url: server.url }),
    upstream.read({ ...pypi, url: server.url }, 10),
  ]) {
    await assert.rejects(fetching, failsWith('UPSTREAM_MALFORMED', /answered 204/));
  }
});

test('redirects are followed to a bound', async (t) => {
  const server = await serve(t, (request, response) => {
    const at = Number(request.url?.slice(1));
    if (at === 0) response.end('there');
    else response.writeHead(302, { location: `/${at - 1}` }).end('moved');
  });
  const upstream = openUpstream(t);
  const body = await upstream.read({ ...pypi, url: `${server.url}/${BOUNDS.redirects}` }, 10);
  assert.equal(body.url, `${server.url}/0`);
  await assert.rejects(
    upstream.read({ ...pypi, url: `${server.url}/${BOUNDS.redirects + 1}` }, 10),
    failsWith('UPSTREAM_REFUSED', /more than 10 redirects/),
  );
});

test('a redirect out of http is refused', async (t) => {
  const targets = ['file:///etc/passwd', 'data:text/plain,x', 'http://[broken'];
  const server = await serve(t, (request, response) => {
    response.writeHead(302, { location: targets[Number(request.url?.slice(1))] }).end();
  });
  const upstream = openUpstream(t);
  for (const index of targets.keys()) {
    await assert.rejects(
      upstream.open({ ...pypi, url: `${server.url}/${index}` }),
      failsWith('UPSTREAM_REFUSED', /redirects/),
    );
  }
});

test('credentials go to their own origin and nowhere else, and into no message', async (t) => {
  const elsewhere = await serve(t, (_, response) => void response.writeHead(404).end());
  const server = await serve(t, (request, response) => {
    if (request.url === '/a') response.writeHead(302, { location: '/b' }).end();
    else response.writeHead(302, { location: `${elsewhere.url}/c` }).end();
  });
  const upstream = openUpstream(t, {
    credentialsFor: (url) => (url.startsWith(server.url) ? { 'x-token': 'T' } : undefined),
  });
  const url = server.url.replace('//', '//user:p%40ss@');
  await assert.rejects(upstream.open({ ...pypi, url: `${url}/a` }), (thrown) => {
    assert.ok(thrown instanceof XError);
    assert.doesNotMatch(thrown.message, /user|p%40ss|p@ss/);
    return true;
  });
  const basic = `Basic ${Buffer.from('user:p@ss').toString('base64')}`;
  for (const { headers } of server.seen) {
    assert.deepEqual([headers.authorization, headers['x-token']], [basic, 'T']);
  }
  assert.equal(server.seen.length, 2);
  assert.equal(elsewhere.seen.length, 1);
  assert.equal(elsewhere.seen[0]?.headers.authorization, undefined);
  assert.equal(elsewhere.seen[0]?.headers['x-token'], undefined);
});

test('a body past the limit is refused, announced or not', async (t) => {
  const server = await serve(t, (request, response) => {
    if (request.url === '/announced') response.writeHead(200, { 'content-length': '100' });
    response.end('x'.repeat(100));
  });
  const upstream = openUpstream(t);
  for (const path of ['/announced', '/chunked']) {
    await assert.rejects(
      upstream.read({ ...pypi, url: server.url + path }, 99),
      failsWith('LIMIT_EXCEEDED', /limit of 99 bytes/),
    );
  }
});

test('gzip is undone for pages only, and its expansion is bounded', async (t) => {
  const bomb = gzipSync(Buffer.alloc(64 << 20));
  const server = await serve(t, (request, response) => {
    const zipped = request.url?.includes('bomb') === true ? bomb : gzipSync('page');
    const coding = request.url === '/broken' ? 'no gzip at all' : zipped;
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(coding);
  });
  const upstream = openUpstream(t);
  const page = await upstream.read({ ...pypi, url: `${server.url}/simple/` }, 100);
  assert.equal(Buffer.from(page.bytes).toString(), 'page');
  const packed = await upstream.read({ ...pypi, url: `${server.url}/Packages.gz` }, 100);
  assert.deepEqual(Buffer.from(packed.bytes), gzipSync('page'));
  await assert.rejects(
    upstream.read({ ...pypi, url: `${server.url}/bomb` }, 1 << 20),
    failsWith('LIMIT_EXCEEDED', /limit/),
  );
  await assert.rejects(
    upstream.read({ ...pypi, url: `${server.url}/broken` }, 100),
    failsWith('UPSTREAM_MALFORMED', /not the gzip/),
  );
});

test('an encoding that was not asked for is refused', async (t) => {
  const server = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-encoding': 'br' }).end('x');
  });
  await assert.rejects(
    openUpstream(t).read({ ...pypi, url: server.url }, 10),
    failsWith('UPSTREAM_MALFORMED', /encoded as br/),
  );
});

test('a host that refused is not asked again for a while; then it is', async (t) => {
  const alive = await serve(t, (_, response) => void response.end());
  const upstream = openUpstream(t);
  const dead = 'http://127.0.0.1:1';
  await assert.rejects(
    upstream.open({ ...pypi, url: `${dead}/a` }),
    failsWith('UPSTREAM_UNREACHABLE', /^GET http:\/\/127\.0\.0\.1:1\/a: connect ECONNREFUSED/),
  );
  const waits = upstream.clock.slept.length;
  assert.equal(waits, BOUNDS.requestAttempts - 1);
  for (let i = 0; i < 1000; i++) {
    await assert.rejects(
      upstream.open({ ...pypi, url: `${dead}/${i}` }),
      failsWith('UPSTREAM_UNREACHABLE', /did not answer a moment ago/),
    );
  }
  assert.equal(upstream.clock.slept.length, waits);
  await upstream.open({ ...pypi, url: alive.url });
  upstream.clock.atMs += BOUNDS.unreachableHostMs;
  await assert.rejects(upstream.open({ ...pypi, url: `${dead}/a` }), /ECONNREFUSED/);
  assert.equal(upstream.clock.slept.length, 2 * waits);
});

test('a redirect to a dead host does not mark the host that sent it', async (t) => {
  const server = await serve(t, (request, response) => {
    if (request.url === '/alive') response.end('yes');
    else response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end();
  });
  const upstream = openUpstream(t);
  await assert.rejects(upstream.open({ ...pypi, url: server.url }), /ECONNREFUSED/);
  assert.equal((await upstream.read({ ...pypi, url: `${server.url}/alive` }, 10)).bytes.length, 3);
});

test('an abort ends waiting and streaming with its own reason', async (t) => {
  const server = await serve(t, (_, response) => {
    response.writeHead(200, { 'content-length': '10' }).write('0');
  });
  const upstream = openUpstream(t);
  const controller = new AbortController();
  const body = await upstream.open({ ...pypi, url: server.url, signal: controller.signal });
  const reading = bytesOf(body.stream);
  controller.abort(new Error('enough'));
  await assert.rejects(reading, /enough/);
  await assert.rejects(
    upstream.open({ ...pypi, url: server.url, signal: controller.signal }),
    /enough/,
  );
});

test('what is no address, or no http address, is refused', async (t) => {
  const upstream = openUpstream(t);
  for (const url of [
    'numpy',
    'ftp://host/x',
    'git+ssh://me:pw@host/x',
    `http://h/${'x'.repeat(9000)}`,
  ]) {
    await assert.rejects(upstream.open({ ...pypi, url }), (thrown) => {
      assert.ok(thrown instanceof XError && thrown.code === 'UPSTREAM_REFUSED');
      assert.doesNotMatch(thrown.message, /me:pw/);
      return true;
    });
  }
});
