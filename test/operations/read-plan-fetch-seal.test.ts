import assert from 'node:assert/strict';
import { after, afterEach, before, describe, test } from 'node:test';
import { basename } from 'node:path';
import { XError, type ErrorCode } from '../../src/domain/errors.js';
import { fetchArtifacts } from '../../src/operations/fetch-artifacts.js';
import { EMPTY_BOOK } from '../../src/trust/invites.js';
import { sealBundle } from '../../src/operations/seal-bundle.js';
import { SourceWorld, TARGET } from './source-world.js';

let world: SourceWorld;
before(async () => {
  world = await SourceWorld.start();
});
afterEach(() => {
  world.fixtures.server.mend();
  world.events.splice(0);
});
after(() => world.end());

function failsWith(code: ErrorCode, pattern: RegExp) {
  return (error: unknown): boolean => {
    assert.ok(error instanceof XError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, pattern);
    return true;
  };
}

describe('readInputs', () => {
  test('each file goes to its ecosystem, each purl line to that of its type', async () => {
    const { files, byEcosystem } = await world.read({
      'requirements.txt': 'x-beta\n#x pkg:npm/x-fix-tool\n',
      'list.apt': 'x-docs\npkg:pypi/x-gamma\n',
      'package.json': '{"dependencies": {"x-fix-leaf": "^1.0.0"}}',
    });
    assert.deepEqual(
      files.map(({ path }) => basename(path)),
      ['requirements.txt', 'list.apt', 'package.json'],
    );
    const counts = [...byEcosystem].map(([name, { requirements, purls }]) => [
      name,
      requirements.length,
      purls.map(({ purl }) => purl.name),
    ]);
    assert.deepEqual(counts, [
      ['pypi', 1, ['x-gamma']],
      ['npm', 1, ['x-fix-tool']],
      ['debian', 1, []],
    ]);
  });

  test('a constraint file that is given by itself too counts as both', async () => {
    const { byEcosystem } = await world.read({
      'a.txt': '-c c.txt\nx-alpha\n',
      'c.txt': 'x-beta<2\n',
    });
    assert.equal(byEcosystem.get('pypi')?.requirements.length, 2);
  });

  test('malformed lines of all files are told together; nothing asked is told apart', async () => {
    const bad = world.read({ 'b.txt': '!!\nx-beta\n!\n', 'b.apt': 'x y\n' });
    await assert.rejects(bad, (error: unknown) => {
      assert.ok(error instanceof XError && error.code === 'INPUT_MALFORMED');
      const places = error.message.split('\n').map((line) => /([\w.]+:\d+:\d+): /.exec(line)?.[1]);
      assert.deepEqual(places, ['b.txt:1:1', 'b.txt:3:1', 'b.apt:1:1']);
      return true;
    });
    await assert.rejects(world.read({ 'e.txt': '# no\n' }), failsWith('NOTHING_ASKED', /asks for/));
    await assert.rejects(world.read({ 'q.json': '[]' }), failsWith('INPUT_UNREADABLE', /q\.json/));
  });
});

describe('planBundle', () => {
  test('one plan over all ecosystems, by path', async () => {
    const inputs = await world.read({
      'p.txt': 'x-alpha\n#x pkg:npm/x-fix-tool\npkg:deb/debian/x-docs\n',
    });
    const plan = await world.plan(inputs);
    const paths = plan.artifacts.map(({ path }) => path);
    assert.deepEqual(paths, [...paths].sort());
    assert.deepEqual(
      plan.artifacts.map(({ name }) => name),
      ['x-docs', 'x-fix-tool', 'x-alpha', 'x-beta', 'x-gamma'],
    );
  });

  test('the first failure is the one that is told; a plan of nothing is one', async () => {
    const both = await world.read({ 'n.txt': 'x-alhpa\n#x pkg:npm/x-fix-leaf\n' });
    await assert.rejects(world.plan(both), failsWith('PACKAGE_NOT_FOUND', /x-alhpa/));
    const none = await world.read({ 'w.txt': 'x-beta; sys_platform == "win32"\n' });
    await assert.rejects(world.plan(none), failsWith('NOTHING_ASKED', /w\.txt/));
  });

  test('a user who wants out does not wait for a registry that hangs', async () => {
    const inputs = await world.read({ 'h.txt': '#x pkg:npm/x-fix-left\n' });
    world.fixtures.server.inject({ path: '/npm/x-fix-left', delayMs: 600_000 });
    const stop = new AbortController();
    const planning = world.plan(inputs, stop.signal);
    stop.abort(new XError('STOPPED', 'stopped by SIGINT'));
    await assert.rejects(planning, failsWith('STOPPED', /SIGINT/));
  });
});

describe('fetchArtifacts', () => {
  test('fetches what the store lacks, once, and says where each came from', async () => {
    const plan = await world.plan(await world.read({ 'f.txt': 'x-alpha\n' }));
    const first = await fetchArtifacts(world, plan.artifacts);
    assert.deepEqual([...new Set(first.origins.values())], ['upstream']);
    assert.equal(
      first.bytesFetched,
      plan.artifacts.reduce((sum, { sizeBytes = 0 }) => sum + sizeBytes, 0),
    );
    const asked = world.asked('.whl').length;
    const second = await fetchArtifacts(world, plan.artifacts);
    assert.deepEqual([...new Set(second.origins.values())], ['store']);
    assert.equal(second.bytesFetched, 0);
    assert.equal(world.asked('.whl').length, asked);
  });

  test('what nobody gave a size of counts for what the others were: all is not there before it is', async () => {
    const plan = await world.plan(await world.read({ 'f.txt': 'x-alpha\nx-large\n' }));
    const artifacts = plan.artifacts.map((artifact) => ({ ...artifact, sizeBytes: undefined }));
    let nowMs = 0;
    const { now, sleep } = world.clock;
    const clock = { now, sleep, monotonicMs: () => (nowMs += 300) };
    const totals: [bytes: number, total: number][] = [];
    const report = (event: (typeof world.events)[number]): void => {
      if (event.event === 'progress') totals.push([event.bytes, event.total]);
    };
    const { store, marked, upstream, random } = world;
    const deps = { store, marked, upstream, random, clock, report };
    const { bytesFetched } = await fetchArtifacts(deps, artifacts);
    const first = totals[0] ?? assert.fail();
    assert.ok(first[0] < first[1], `${first.join(' of ')}`);
    const last = totals.at(-1) ?? assert.fail();
    assert.ok(bytesFetched > 0 && last[0] === last[1], last.join(' of '));
  });

  test('continues a body that broke off, and counts no byte twice', async () => {
    const plan = await world.plan(await world.read({ 'h.txt': 'x-huge\n' }));
    world.fixtures.server.inject({ path: /x_huge.*whl$/, dropAfterBytes: 2_000_000, times: 1 });
    const { bytesFetched } = await fetchArtifacts(world, plan.artifacts);
    const size = plan.artifacts[0]?.sizeBytes ?? 0;
    const last = world.events.findLast(({ event }) => event === 'progress');
    assert.ok(last?.event === 'progress');
    assert.deepEqual([last.bytes, last.total], [size, size]);
    assert.ok(bytesFetched < size + 1_500_000, `${bytesFetched} of ${size}`);
    const answers = world.fixtures.server.requests.filter(({ path }) => /x_huge.*whl$/.test(path));
    assert.deepEqual(
      answers.map(({ status }) => status),
      [0, 206],
    );
  });

  test('other bytes than were promised: the artifact and its address are named', async () => {
    const plan = await world.plan(await world.read({ 'd.txt': 'x-delta\n' }));
    world.fixtures.server.inject({ path: /x_delta.*whl$/, damage: true });
    await assert.rejects(
      fetchArtifacts(world, plan.artifacts),
      failsWith('DIGEST_MISMATCH', /^pkg:pypi\/x-delta@1\.0: http.*x_delta-1\.0.*whl: /),
    );
    assert.equal(world.store.stat(plan.artifacts[0]?.digests.sha256 ?? ''), undefined);
  });

  test('listed and not there is NO_ARTIFACT', async () => {
    const plan = await world.plan(await world.read({ 'l.txt': 'x-tool\n' }));
    world.fixtures.server.inject({ path: /x_tool.*whl$/, status: 404 });
    await assert.rejects(
      fetchArtifacts(world, plan.artifacts),
      failsWith('NO_ARTIFACT', /the index lists x_tool-1\.0-py3-none-any\.whl/),
    );
  });
});

describe('sealBundle', () => {
  test('signs packages, proofs and inputs; unchanged it signs nothing', async () => {
    const inputs = await world.read({
      's.txt': 'x-beta<2\n#x pkg:npm/x-fix-tool\npkg:deb/debian/x-docs\n',
    });
    const plan = await world.plan(inputs);
    const { artifacts } = await fetchArtifacts(world, plan.artifacts);
    const members = { only: undefined, book: EMPTY_BOOK };
    const input = { name: 'demo', artifacts, inputs, targets: [TARGET], members };
    const { record, changed } = await sealBundle(world, input);
    assert.deepEqual([changed, record.version, record.source], [true, 1, world.identity.did]);
    const entries = [...world.catalog.entries(record.id)];
    const packages = entries.filter(({ kind }) => kind === 'package');
    assert.deepEqual(
      packages.map(({ name, proof }) => `${name} ${proof}`),
      ['x-docs debian-release', 'x-fix-tool index-hash', 'x-beta index-hash'],
    );
    assert.ok(entries.some(({ path }) => path === 'inputs/original/s.txt'));
    for (const { sha256 } of entries) assert.ok(world.store.stat(sha256), sha256);
    assert.equal((await sealBundle(world, input)).changed, false);
  });
});
