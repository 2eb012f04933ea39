import assert from 'node:assert/strict';
import { request } from 'node:https';
import { networkInterfaces } from 'node:os';
import { test } from 'node:test';
import { makeCertificate, isCertificateFor } from '../../src/platform/certificate.js';
import type { Answered } from '../../src/ports/answered.js';
import type { Insight, PackageQuestion, Status } from '../../src/ports/insight.js';
import { raw, startGateway } from './harness.js';

const STATUS: Status = {
  at: '2026-01-01T00:00:00.000Z',
  version: '0',
  role: 'client',
  did: 'did:key:z',
  bundles: [],
  peers: [],
  disk: { blobs: 0, heldBytes: 0, freeBytes: undefined },
  marked: { files: 0, bytes: 0 },
  memberships: [],
  wishes: 0,
  conflicts: [],
};

function insightOf(change: Partial<Insight> = {}): Insight {
  return {
    status: () => STATUS,
    search: () => ({ total: 0, packages: [] }),
    wishes: () => [],
    ...change,
  };
}

test('an address that is not allowed gets 403 and is shown nothing', async (t) => {
  const gateway = await startGateway(t, { options: { mayUse: () => false } });
  const answer = await fetch(`${gateway.url}/tiny/echo`);
  assert.equal(answer.status, 403);
  assert.match(await answer.text(), /does not serve 127\.0\.0\.1/);
  assert.equal(gateway.server.seen.length, 0);
});

test('https with a certificate of its own, whose names are checked', async (t) => {
  const tls = await makeCertificate(['127.0.0.1', 'depot.example'], new Date());
  const gateway = await startGateway(t, { options: { tls, names: ['depot.example'] } });
  assert.match(gateway.url, /^https:/);
  const ask = (servername: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const sent = request(
        {
          host: '127.0.0.1',
          port: gateway.port,
          path: '/tiny/echo',
          ca: tls.certificate,
          servername,
          headers: { host: `depot.example:${gateway.port}` },
        },
        (answer) => {
          let text = '';
          answer.on('data', (chunk) => (text += String(chunk)));
          answer.on('end', () => resolve(text));
        },
      );
      sent.on('error', reject);
      sent.end();
    });
  assert.match(await ask('depot.example'), /"baseUrl":"https:\/\/depot\.example:\d+"/);
  await assert.rejects(ask('other.example'), /altnames/i);
});

test('a certificate is made anew when its time or its names run out', async () => {
  const now = new Date('2026-01-01T00:00:00Z');
  const made = await makeCertificate(['depot.example', '10.0.0.1', 'fd00::1'], now);
  const at = (date: string, ...names: string[]): boolean =>
    isCertificateFor(made, names, new Date(date));
  assert.equal(at('2030-11-01T00:00:00Z', 'depot.example', '10.0.0.1', 'fd00::1'), true);
  assert.equal(at('2030-12-15T00:00:00Z', 'depot.example'), false);
  assert.equal(at('2026-01-02T00:00:00Z', '10.0.0.2'), false);
  const other = await makeCertificate(['depot.example'], now);
  assert.equal(isCertificateFor({ ...made, key: other.key }, [], now), false);
});

test('each request is told when it is over, and counted by mount and status', async (t) => {
  const told: Answered[] = [];
  const gateway = await startGateway(t, { onAnswered: (answered) => told.push(answered) });
  await (
    await fetch(`${gateway.url}/tiny/echo?a=1`, { headers: { 'user-agent': 'pip/0' } })
  ).text();
  await raw(
    gateway.port,
    'GET /tiny/../x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n',
  );
  const metrics = await (await fetch(`${gateway.url}/metrics`)).text();
  const [first, second] = told;
  assert.equal(first?.target, '/tiny/echo?a=1');
  assert.equal(first.agent, 'pip/0');
  assert.equal(first.status, 200);
  assert.ok(first.bytes > 50);
  assert.equal(first.brokenOff, false);
  assert.equal(second?.mount, 'refused');
  assert.match(metrics, /x_gateway_requests_total\{mount="own",status="200"\} 1/);
  assert.match(metrics, /x_gateway_requests_total\{mount="refused",status="400"\} 1/);
});

test('the page is told of changes, and only so many may watch', async (t) => {
  let wishes = 0;
  const gateway = await startGateway(t, {
    insight: insightOf({ status: () => ({ ...STATUS, wishes: wishes++ }) }),
  });
  const answer = await raw(
    gateway.port,
    'GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n',
    (text) => text.includes('"wishes":2'),
  );
  assert.match(answer, /content-type: text\/event-stream/);
  assert.match(answer, /event: status\ndata: \{"at":"2026-01-01T00:00:00.000Z".*"wishes":0/);
});

test('questions of the page are bounded and judged', async (t) => {
  const asked: PackageQuestion[] = [];
  const insight = insightOf({
    search: (question) => {
      asked.push(question);
      return { total: 0, packages: [] };
    },
  });
  const gateway = await startGateway(t, { insight });
  const status = async (path: string): Promise<number> =>
    (await fetch(`${gateway.url}${path}`)).status;
  assert.equal(await status('/api/packages?limit=100000&q=%20Num'), 200);
  assert.deepEqual(asked, [
    { text: 'Num', ecosystem: undefined, offset: 0, limit: 250, gateway: undefined },
  ]);
  assert.equal(await status('/api/packages?offset=-1'), 400);
  assert.equal(await status('/api/packages?limit=x'), 400);
  assert.equal(await status('/api/packages?ecosystem=cargo'), 400);
  assert.equal(await status('/api/status'), 200);
  assert.equal(await status('/api/nothing'), 404);
});

test('what is asked for by name and in no bundle is told once a request', async (t) => {
  const missed: string[] = [];
  const gateway = await startGateway(t, {
    onMiss: (ecosystem, name) => missed.push(`${ecosystem} ${name}`),
  });
  await fetch(`${gateway.url}/tiny/wanted`);
  await fetch(`${gateway.url}/tiny/file.whl`);
  assert.deepEqual(missed, ['pypi wanted']);
});

test('this machine is never slowed down', async (t) => {
  const gateway = await startGateway(t, { options: { requestsPerSecond: 5 } });
  assert.deepEqual(await statusesOf(`${gateway.url}/tiny/echo`, 20), new Set([200]));
});

const own = Object.values(networkInterfaces())
  .flatMap((list) => list ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address;

test(
  'another address that asks too much is slowed down',
  { skip: own === undefined ? 'this machine has no address beside loopback' : false },
  async (t) => {
    const gateway = await startGateway(t, { options: { host: '0.0.0.0', requestsPerSecond: 5 } });
    const url = `http://${own}:${gateway.port}/tiny/echo`;
    assert.deepEqual(await statusesOf(url, 20), new Set([200, 429]));
    assert.ok(gateway.server.seen.length < 15);
  },
);

async function statusesOf(url: string, times: number): Promise<Set<number>> {
  const ask = async (): Promise<number> => (await fetch(url)).status;
  return new Set(await Promise.all(Array.from({ length: times }, ask)));
}

test('an answer that was kept is made anew when the catalog changes', async (t) => {
  let generation = '1';
  const gateway = await startGateway(t, { generation: () => generation });
  const ask = async (): Promise<number> => {
    await (await fetch(`${gateway.url}/tiny/echo`)).text();
    return gateway.server.seen.length;
  };
  assert.equal(await ask(), 1);
  assert.equal(await ask(), 1);
  generation = '2';
  assert.equal(await ask(), 2);
  const { etag } = Object.fromEntries((await fetch(`${gateway.url}/tiny/echo`)).headers);
  const known = await fetch(`${gateway.url}/tiny/echo`, {
    headers: { 'if-none-match': etag ?? '' },
  });
  assert.equal(known.status, 304);
  await fetch(`${gateway.url}/tiny/echo`, { headers: { accept: 'text/other' } });
  assert.equal(gateway.server.seen.length, 3);
});
