import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { snapshotId, snapshotOf } from '../../../src/ecosystems/debian/apt/snapshot.js';
import { parseAptSources } from '../../../src/ecosystems/debian/apt/sources-list.js';
import { describeMachine, readMachine } from '../../../src/ecosystems/debian/machine.js';
import type { SeenRelease, SeenReleases } from '../../../src/ports/apt.js';
import { buildDeb } from '../../../fixtures/upstream/debian-deb.js';
import { fixtureHost, labels, openBench, type Bench } from './support.js';

const INDEX = 'dists/fixture/main/binary-amd64/Packages';

function stanza(name: string, version: string, more = ''): string {
  return `Package: ${name}\nVersion: ${version}\nArchitecture: amd64\nSHA256: ${'b'.repeat(64)}\nSize: 1\nFilename: pool/${name}_${version}.deb\n${more}\n`;
}

/** A bench whose main suite lists these stanzas alone. */
async function benchOf(...stanzas: string[]): Promise<Bench> {
  const bench = await openBench();
  bench.fixture.files.set(INDEX, Buffer.from(stanzas.join('')));
  bench.fixture.files.delete(`${INDEX}.gz`);
  await bench.fixture.sign('fixture');
  return bench;
}

const status = (...stanzas: string[]) =>
  stanzas.map((text) => text.replace('\n', '\nStatus: install ok installed\n')).join('');
const over = (text: string) => ({ baseOf: () => ({ kind: 'status' as const, text }) });
const none = { baseOf: () => ({ kind: 'none' as const }) };

describe('several packages at once', () => {
  const stanzas = [
    stanza('tool-a', '1', 'Priority: required\nTask: office, server\n'),
    stanza('tool-b', '1', 'Essential: yes\nDepends: lib-c\n'),
    stanza('lib-c', '1', 'Task: server-more\n'),
    stanza('task-desk', '1', 'Depends: lib-c\n'),
  ];
  const cases: [line: string, expected: string[]][] = [
    ['server^', ['tool-a 1']],
    ['desk^', ['lib-c 1', 'task-desk 1']],
    ['tool-*', ['lib-c 1', 'tool-a 1', 'tool-b 1']],
    ['tool-?', ['lib-c 1', 'tool-a 1', 'tool-b 1']],
    ['?essential', ['lib-c 1', 'tool-b 1']],
    ['?priority(required)', ['tool-a 1']],
    ['~prequired', ['tool-a 1']],
  ];
  for (const [line, expected] of cases) {
    test(line, async () => {
      await using bench = await benchOf(...stanzas);
      assert.deepEqual(labels(await bench.plan(`${line}\n`, none)), expected);
    });
  }

  test('where there is none, that is said', async () => {
    await using bench = await benchOf(...stanzas);
    await assert.rejects(bench.plan('web^\n', none), {
      code: 'PACKAGE_NOT_FOUND',
      message: 'test.apt:1: no source has a task web',
    });
    await assert.rejects(bench.plan('zz*\n', none), { code: 'PACKAGE_NOT_FOUND' });
  });
});

describe('a local package', () => {
  const deb = (more: Record<string, string>) =>
    buildDeb({
      fields: { Package: 'mine', Version: '1', Architecture: 'all', ...more },
      files: {},
    });
  const opening = (bytes: Uint8Array) => ({
    ...none,
    openFile: async function* () {
      yield await Promise.resolve(bytes);
    },
  });

  test('brings what it needs, and is not carried itself', async () => {
    await using bench = await benchOf(stanza('lib', '2'), stanza('mine', '9'));
    const plan = await bench.plan('./mine.deb\n', opening(deb({ Depends: 'lib (>= 2)' })));
    assert.deepEqual(labels(plan), ['lib 2']);
    assert.deepEqual(plan.artifacts[0]?.requiredBy, []);
  });

  test('that cannot be installed, or is none, is refused by name', async () => {
    await using bench = await benchOf(stanza('lib', '2'));
    await assert.rejects(bench.plan('./mine.deb\n', opening(deb({ Depends: 'lib (>= 3)' }))), {
      code: 'NOT_RESOLVABLE',
      message: /you ask for \.\/mine\.deb\nmine 1 depends on lib \(>= 3\).*only 2/,
    });
    await assert.rejects(bench.plan('./mine.deb\n', opening(Buffer.from('nothing'))), {
      code: 'METADATA_INVALID',
      message: /mine\.deb is no Debian package/,
    });
    await assert.rejects(bench.plan('./mine.deb\n', opening(deb({ Version: '../1' }))), {
      code: 'METADATA_INVALID',
    });
  });
});

describe('what is installed', () => {
  test('is upgraded when asked, but for what is held', async () => {
    await using bench = await benchOf(
      stanza('one', '2', 'Depends: new-lib\n'),
      stanza('two', '2'),
      stanza('new-lib', '1'),
      stanza('three', '1'),
    );
    const text =
      status(stanza('one', '1'), stanza('three', '1')) +
      stanza('two', '1').replace('\n', '\nStatus: hold ok installed\n');
    const changes = { ...over(text), upgrade: true };
    assert.deepEqual(labels(await bench.plan('', changes)), ['new-lib 1', 'one 2']);
    assert.deepEqual(labels(await bench.plan('three\n', over(text))), []);
  });

  test('is never replaced by something older, unless that is asked for', async () => {
    await using bench = await benchOf(
      stanza('core', '1'),
      stanza('app', '1', 'Depends: core (= 1)\n'),
      stanza('core-user', '1', 'Depends: core (>= 1)\n'),
    );
    const text = status(stanza('core', '2'));
    await assert.rejects(bench.plan('app\n', over(text)), { code: 'NOT_RESOLVABLE' });
    assert.deepEqual(labels(await bench.plan('core-user\n', over(text))), ['core-user 1']);
    assert.deepEqual(labels(await bench.plan('core=1\napp\n', over(text))), ['app 1', 'core 1']);
  });
});

describe('a machine that says what it is', () => {
  test('is planned for, and its own sources are compared and not read', async () => {
    await using bench = await benchOf(stanza('one', '2'), stanza('two', '2', 'Depends: one\n'));
    const host = fixtureHost(bench.fixture, bench.server.debianMirror);
    const apt = {
      ...host,
      sources: [
        {
          path: '/etc/apt/sources.list',
          text: 'deb http://user:secret@inside.example/ extra main\n',
        },
      ],
      readStatus: () =>
        Promise.resolve(
          `${status(stanza('one', '2', 'Conffiles:\n /etc/one 00\nDescription: x\n'))}Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n\n`,
        ),
    };
    const section = await describeMachine(apt);
    assert.doesNotMatch(JSON.stringify(section), /secret|Conffiles|gone|Description/);
    const machine = readMachine(JSON.parse(JSON.stringify(section)));
    const plan = await bench.plan('two\n', { machine });
    assert.deepEqual(labels(plan), ['two 2']);
    assert.match(
      plan.warnings.join('\n'),
      /apt reads http:\/\/inside\.example\/ extra main, which is no source here/,
    );
  });

  test('is refused with every bad field named', () => {
    assert.throws(() => readMachine({ status: 7, architectures: ['../x'], sources: 'none' }), {
      code: 'METADATA_INVALID',
      message: /status has no installed package; architectures is no list.*; sources is no list/,
    });
    assert.throws(() => readMachine({}), { code: 'METADATA_INVALID' });
  });
});

describe('a Release file seen before', () => {
  const memory = () => {
    const known = new Map<string, SeenRelease>();
    const seen: SeenReleases = {
      get: (suite) => Promise.resolve(known.get(suite)),
      put: (suite, release) => Promise.resolve(void known.set(suite, release)),
    };
    return { known, seen };
  };

  test('an older one is refused, the same and a newer one are not', async () => {
    await using bench = await openBench();
    const { seen } = memory();
    await bench.plan('x-docs\n', { seen });
    await bench.plan('x-docs\n', { seen });
    await bench.fixture.sign('fixture', { Date: 'Mon, 05 Jan 2026 00:00:00 UTC' });
    await bench.plan('x-docs\n', { seen });
    await bench.fixture.sign('fixture', { Date: 'Sun, 04 Jan 2026 00:00:00 UTC' });
    await assert.rejects(bench.plan('x-docs\n', { seen }), {
      code: 'ROLLBACK',
      message: /is of 2026-01-04T00:00:00\.000Z, older than the one of 2026-01-05/,
    });
  });

  test('another codename under the same address is refused', async () => {
    await using bench = await openBench();
    const { known, seen } = memory();
    await bench.plan('x-docs\n', { seen });
    for (const [suite, release] of known) known.set(suite, { ...release, codename: 'before' });
    await assert.rejects(bench.plan('x-docs\n', { seen }), {
      code: 'METADATA_INVALID',
      message: /has the codename fixture\S* now; it was before when it was read before/,
    });
  });
});

describe('--debian-snapshot', () => {
  const source = (uri: string) => {
    const [found] = parseAptSources([{ path: 'l', text: `deb ${uri} bookworm main` }]);
    assert.ok(found);
    return found;
  };

  test('a day, a moment, an id', () => {
    assert.equal(snapshotId('2026-01-31'), '20260131T235959Z');
    assert.equal(snapshotId('20260131'), '20260131T235959Z');
    assert.equal(snapshotId('2026-01-31T12:00:00Z'), '20260131T120000Z');
    assert.equal(snapshotId('20260131T120000Z'), '20260131T120000Z');
    for (const wrong of ['2026-02-30', 'yesterday', '2026-1-1', '20260131T250000Z', '']) {
      assert.throws(() => snapshotId(wrong), { code: 'USAGE' });
    }
  });

  test('takes the place of the moment in the address, and old is no fault there', () => {
    for (const moment of ['20200101T000000Z', '@SNAPSHOTID@']) {
      const { uri, checkValidUntil } = snapshotOf(
        source(`http://snapshot.example/archive/debian/${moment}/`),
        '20260131T235959Z',
      );
      assert.equal(uri, 'http://snapshot.example/archive/debian/20260131T235959Z/');
      assert.equal(checkValidUntil, false);
    }
    assert.throws(() => snapshotOf(source('http://mirror.example/debian/'), '20260131T235959Z'), {
      code: 'USAGE',
      message: /l:1: bookworm is not read from a snapshot service/,
    });
  });
});
