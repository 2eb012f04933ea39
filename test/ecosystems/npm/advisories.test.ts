import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { buildNpmFixture } from '../../../fixtures/upstream/npm.js';
import { startFixtureUpstream, type FixtureServer } from '../../../fixtures/upstream/server.js';
import { baseScore } from '../../../src/ecosystems/npm/advisories/cvss.js';
import {
  ADVISORIES_PATH,
  heldAdvisories,
} from '../../../src/ecosystems/npm/advisories/document.js';
import { parseOsv as parseRecord } from '../../../src/domain/osv.js';
import {
  npmAdvisory,
  type Advisory,
  type ParsedAdvisory,
} from '../../../src/ecosystems/npm/advisories/osv.js';
import { createNpmServer } from '../../../src/ecosystems/npm/server.js';
import type { HeldView, NativeResponse } from '../../../src/ports/ecosystem.js';
import { readAdvisories, readOsvFiles } from '../../../src/roles/advisory-files.js';
import { createNpmRegistry } from '../../../src/upstream/npm-registry.js';
import { ask, bundleOf, viewOf, type MemoryBytes } from './held.js';

const BULK = '-/npm/v1/security/advisories/bulk';
const QUICK = '-/npm/v1/security/audits/quick';

/** Of one record, what is of npm. */
function parseOsv(json: unknown, where: string): ParsedAdvisory {
  const record = parseRecord(json, where);
  return record === undefined ? { advisory: undefined, warnings: [] } : npmAdvisory(record);
}

/** As GitHub exports its advisories. */
function osv(
  id: string,
  name: string,
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  return {
    schema_version: '1.4.0',
    id,
    modified: '2026-03-01T10:00:00Z',
    published: '2026-02-01T00:00:00Z',
    aliases: ['CVE-2026-0001'],
    summary: `${name} is weak`,
    severity: [{ type: 'CVSS_V3', score: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' }],
    affected: [
      {
        package: { ecosystem: 'npm', name },
        ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '1.1.0' }] }],
      },
    ],
    database_specific: { severity: 'HIGH', cwe_ids: ['CWE-79'] },
    ...more,
  };
}

const events = (...list: Record<string, string>[]) => [
  {
    package: { ecosystem: 'npm', name: 'a' },
    ranges: [{ type: 'SEMVER', events: list }],
  },
];

test('ranges are what the events say', () => {
  const vulnerable = (affected: unknown): string | undefined =>
    parseOsv(osv('GHSA-1', 'a', { affected }), 'f').advisory?.affected[0]?.vulnerable;
  assert.equal(vulnerable(events({ introduced: '0' }, { fixed: '1.2.3' })), '<1.2.3');
  assert.equal(
    vulnerable(events({ introduced: '1.0.0-rc.1' }, { fixed: '2.0.0' })),
    '>=1.0.0-rc.1 <2.0.0',
  );
  assert.equal(
    vulnerable(events({ introduced: '1.0.0' }, { last_affected: '1.4.0' })),
    '>=1.0.0 <=1.4.0',
  );
  assert.equal(
    vulnerable(
      events({ introduced: '0' }, { fixed: '1.0.1' }, { introduced: '2.0.0' }, { fixed: '2.0.1' }),
    ),
    '<1.0.1 || >=2.0.0 <2.0.1',
  );
  assert.equal(vulnerable(events({ introduced: '3.0.0' })), '>=3.0.0');
  assert.equal(vulnerable(events({ introduced: '0' })), '*');
  assert.equal(
    vulnerable([{ package: { ecosystem: 'npm', name: 'a' }, versions: ['1.0.0', 'x', '1.0.1'] }]),
    '1.0.0 || 1.0.1',
  );
  const odd = parseOsv(osv('GHSA-1', 'a', { affected: events({ introduced: 'one' }) }), 'f');
  assert.equal(odd.advisory?.affected[0]?.vulnerable, '*');
  assert.match(odd.warnings.join(), /GHSA-1: a: "one" is no version/);
});

test('what is withdrawn or of others is passed over; what is none is refused with every reason', () => {
  const none = (more: Record<string, unknown>): Advisory | undefined =>
    parseOsv(osv('GHSA-1', 'a', more), 'f').advisory;
  assert.equal(none({ withdrawn: '2026-03-02T00:00:00Z' }), undefined);
  assert.equal(none({ affected: [{ package: { ecosystem: 'PyPI', name: 'a' } }] }), undefined);
  assert.equal(
    none({ affected: [{ ranges: [{ type: 'GIT', repo: 'r', events: [] }] }] }),
    undefined,
  );
  assert.equal(none({ affected: undefined }), undefined);
  assert.throws(
    () =>
      parseOsv(
        {
          id: 7,
          modified: 'today',
          affected: [
            null,
            { package: {} },
            { package: { ecosystem: 'npm', name: 'a' }, ranges: {} },
          ],
        },
        'a.json',
      ),
    (error: Error) =>
      /a\.json: no OSV advisory: "id" is no name; "modified" is no time; "affected\[0\]" .*"affected\[1\]" .*"affected\[2\]": its ranges/.test(
        error.message,
      ),
  );
  for (const json of [null, [], 7, 'x'])
    assert.throws(() => parseOsv(json, 'f'), { code: 'INPUT_MALFORMED' });
});

test('severity is the database’s word, else by the score, else critical for malware', () => {
  const severity = (id: string, more: Record<string, unknown>): string | undefined =>
    parseOsv(osv(id, 'a', more), 'f').advisory?.severity;
  assert.equal(severity('GHSA-1', { database_specific: { severity: 'MODERATE' } }), 'moderate');
  assert.equal(severity('GHSA-1', { database_specific: {} }), 'critical');
  assert.equal(
    severity('MAL-2026-1', { database_specific: undefined, severity: undefined }),
    'critical',
  );
  assert.equal(severity('X-1', { database_specific: undefined, severity: undefined }), 'moderate');
  // The examples of FIRST's specification.
  assert.equal(baseScore('CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H'), 9.8);
  assert.equal(baseScore('CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N'), 6.1);
  assert.equal(baseScore('CVSS:3.0/AV:N/AC:H/PR:N/UI:R/S:U/C:L/I:N/A:N'), 3.1);
  assert.equal(baseScore('CVSS:3.1/AV:L/AC:L/PR:L/UI:N/S:U/C:N/I:N/A:N'), 0);
  assert.equal(baseScore('CVSS:3.1/AV:N/AC:L'), undefined);
  assert.equal(baseScore('CVSS:4.0/AV:N'), undefined);
});

test('files, lists, lines, archives’ folders are read, and all that is wrong is said at once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'x-osv-'));
  try {
    await mkdir(join(folder, 'db/2026'), { recursive: true });
    await writeFile(join(folder, 'db/2026/one.json'), JSON.stringify(osv('GHSA-1', 'a')));
    await writeFile(
      join(folder, 'db/list.json'),
      JSON.stringify([osv('GHSA-2', 'a'), osv('GHSA-2', 'b')]),
    );
    const lines = [osv('GHSA-3', 'a'), osv('GHSA-4', 'a')].map((one) => JSON.stringify(one));
    await writeFile(join(folder, 'db/lines.jsonl'), `${lines.join('\n')}\n`);
    await writeFile(join(folder, 'db/README.md'), 'no advisory');
    const feed = await readAdvisories([join(folder, 'db')], () => undefined);
    assert.equal(feed?.read, 5);
    assert.deepEqual(feed.advisories.map(({ id }) => id).sort(), [
      'GHSA-1',
      'GHSA-2',
      'GHSA-3',
      'GHSA-4',
    ]);
    await writeFile(join(folder, 'answer.json'), JSON.stringify({ vulns: [osv('GHSA-5', 'a')] }));
    const answered = await readOsvFiles([join(folder, 'answer.json'), join(folder, 'db')]);
    assert.equal(answered.read, 6, 'the answer of a query is a list too');
    assert.ok(answered.advisories.some(({ id }) => id === 'GHSA-5'));
    await writeFile(join(folder, 'db/bad.json'), '{');
    await writeFile(join(folder, 'db/worse.json'), '[{"id": ""}]');
    await assert.rejects(
      readAdvisories([join(folder, 'db')], () => undefined),
      (error: Error) =>
        /bad\.json: not JSON[^]*worse\.json\[0\]: no OSV|worse[^]*bad/.test(error.message),
    );
    await mkdir(join(folder, 'empty'));
    for (const path of ['empty', 'missing.json']) {
      await assert.rejects(
        readAdvisories([join(folder, path)], () => undefined),
        { code: 'INPUT_NOT_FOUND' },
      );
    }
    await writeFile(join(folder, 'bad.zip'), 'PK');
    await assert.rejects(
      readAdvisories([join(folder, 'bad.zip')], () => undefined),
      { code: 'INPUT_UNREADABLE' },
    );
    assert.equal(await readAdvisories([], () => undefined), undefined);
  } finally {
    await rm(folder, { recursive: true });
  }
});

const fixture = buildNpmFixture();
let server: FixtureServer;
let folder: string;
let view: HeldView;
let bytes: MemoryBytes;
let without: HeldView;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x-npm-audit-'));
  server = await startFixtureUpstream({ npm: fixture });
  const env = { PATH: '', HOME: folder, npm_config_registry: server.npmRegistry };
  const registry = createNpmRegistry({ env, folder });
  const advisories = [osv('GHSA-1', 'x-fix-leaf'), osv('GHSA-2', 'x-fix-nobody')].flatMap(
    (json) => parseOsv(json, 'f').advisory ?? [],
  );
  const made = await bundleOf(
    { registry, advisories: { advisories, read: 2 } },
    { purls: ['pkg:npm/x-fix-leaf@1.0.0', 'pkg:npm/x-fix-leaf@1.1.0', 'pkg:npm/@x-fix/scoped'] },
    fixture,
    `${server.url}/npm`,
  );
  ({ view, bytes } = made);
  without = viewOf(
    made.entries.filter(({ path }) => path !== ADVISORIES_PATH),
    bytes,
  );
});

after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

function post(
  path: string,
  body: string | Uint8Array,
  headers: Record<string, string> = {},
): Promise<NativeResponse> {
  return ask(view, path, { method: 'POST', body: Buffer.from(body), headers });
}

function read<T>(answer: NativeResponse, status = 200): T {
  assert.equal(answer.kind, 'bytes');
  const text = Buffer.from(answer.bytes).toString();
  assert.equal(answer.status, status, text);
  return JSON.parse(text) as T;
}

test('a bundle carries what is known of its own packages alone', async () => {
  const held = await heldAdvisories(view);
  assert.deepEqual(
    held?.advisories.map(({ id }) => id),
    ['GHSA-1'],
  );
  assert.equal(held.newest, '2026-03-01T10:00:00.000Z');
});

test('npm’s bulk question is answered, plain and gzipped, with how current the answer is', async () => {
  const asked = JSON.stringify({
    'x-fix-leaf': ['1.1.0', '1.0.0'],
    __proto__: ['1.0.0'],
    other: ['1.0.0'],
  });
  for (const answer of [
    await post(BULK, asked),
    await post(BULK, gzipSync(asked), { 'content-encoding': 'gzip' }),
  ]) {
    const found = read<Record<string, Record<string, unknown>[]>>(answer);
    assert.deepEqual(Object.keys(found), ['x-fix-leaf']);
    const [{ id, ...one } = {}] = found['x-fix-leaf'] ?? [];
    assert.equal(typeof id, 'number');
    assert.deepEqual(one, {
      url: 'https://github.com/advisories/GHSA-1',
      title: 'x-fix-leaf is weak',
      severity: 'high',
      cwe: ['CWE-79'],
      cvss: { score: 9.8, vectorString: 'CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H' },
      vulnerable_versions: '<1.1.0',
    });
    const notice = answer.kind === 'bytes' ? (answer.headers['npm-notice'] ?? '') : '';
    assert.match(notice, /the newest of 2026-03-01; not looked up.*: other$/);
  }
  assert.deepEqual(read(await post(BULK, JSON.stringify({ 'x-fix-leaf': ['1.1.0'] }))), {});
});

test('older clients get their tree back with paths', async () => {
  const tree = {
    dependencies: {
      '@x-fix/scoped': { version: '1.0.0', dependencies: { 'x-fix-leaf': { version: '1.0.0' } } },
      'x-fix-leaf': { version: '1.1.0' },
    },
  };
  const answer = read<{
    actions: { resolves: { path: string }[] }[];
    advisories: Record<
      string,
      { findings: { version: string; paths: string[] }[]; patched_versions: string }
    >;
    metadata: { vulnerabilities: Record<string, number>; totalDependencies: number };
  }>(await post(QUICK, JSON.stringify(tree)));
  const [advisory] = Object.values(answer.advisories);
  assert.deepEqual(
    advisory?.findings.map(({ version, paths }) => [version, paths]),
    [['1.0.0', ['@x-fix/scoped>x-fix-leaf']]],
  );
  assert.equal(advisory.patched_versions, '>=1.1.0');
  assert.equal(answer.actions[0]?.resolves[0]?.path, '@x-fix/scoped>x-fix-leaf');
  assert.equal(answer.metadata.vulnerabilities['high'], 1);
  assert.equal(answer.metadata.totalDependencies, 3);
});

test('with no advisories nothing is claimed', async () => {
  const answer = await ask(without, BULK, { method: 'POST', body: Buffer.from('{}') });
  assert.match(read<{ error: string }>(answer, 404).error, /nothing can be said.*--advisories/);
  const settings = async (of: HeldView): Promise<string | undefined> => {
    const bundles = of.bundles();
    const request = { command: 'npm', gateway: 'http://127.0.0.1:1', bundles, view: of };
    return (await createNpmServer().settings(request)).env['npm_config_audit'];
  };
  assert.equal(await settings(without), 'false');
  assert.equal(await settings(view), undefined);
});

test('bad audit requests are refused, each within its bounds', async () => {
  const bomb = gzipSync(Buffer.alloc(64 << 20, 0x20));
  let deep: Record<string, unknown> = { version: '1.0.0' };
  for (let level = 0; level < 1_000; level += 1)
    deep = { version: '1.0.0', dependencies: { a: deep } };
  const gzip = { 'content-encoding': 'gzip' };
  const cases: [number, Promise<NativeResponse>][] = [
    [400, post(BULK, '')],
    [400, post(BULK, '{')],
    [400, post(BULK, '[]')],
    [400, post(BULK, 'null')],
    [400, post(BULK, '{"a": "1.0.0"}')],
    [400, post(BULK, '{"a": [1]}')],
    [400, post(BULK, 'not gzip', gzip)],
    [400, post(BULK, gzipSync('{"a": ["1').subarray(0, 20), gzip)],
    [413, post(BULK, bomb, gzip)],
    [415, post(BULK, '{}', { 'content-encoding': 'br' })],
    [400, post(QUICK, '{}')],
    [400, post(QUICK, '{"dependencies": {"a": 1}}')],
    [400, post(QUICK, JSON.stringify({ dependencies: { a: deep } }))],
    [405, ask(view, BULK)],
    [404, post('-/npm/v1/login', '{}')],
    [405, post('x-fix-leaf', '{}')],
    [404, ask(view, '-/whoami')],
    [400, ask(view, '-/v1/search', { query: new URLSearchParams({ text: 'a'.repeat(5_000) }) })],
  ];
  for (const [at, [status, answer]] of cases.entries()) {
    const { error } = read<{ error: string }>(await answer, status);
    assert.ok(error.length > 0 && error.length < 400, `${at}: ${error}`);
  }
  // Versions that are none, and names that are none, are affected by nothing.
  assert.deepEqual(
    read(
      await post(
        BULK,
        JSON.stringify({ 'x-fix-leaf': ['', '../x', '1'.repeat(10_000)], '../etc': ['1.0.0'] }),
      ),
    ),
    {},
  );
});

test('tags are answered alone', async () => {
  assert.deepEqual(read(await ask(view, '-/package/@x-fix/scoped/dist-tags')), { latest: '1.0.0' });
  assert.equal((await ask(view, '-/package/nobody/dist-tags')).kind, 'not-found');
  assert.equal((await ask(view, '-/npm/v1/attestations/x-fix-leaf@1.0.0')).kind, 'not-found');
});
