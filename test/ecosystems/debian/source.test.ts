import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { formatTarget, parseTarget } from '../../../src/domain/target.js';
import { createDebianSource } from '../../../src/ecosystems/debian/source.js';
import { fixtureHost, labels, NOW, openBench, TARGET, type Bench } from './support.js';

let bench: Bench;
before(async () => {
  bench = await openBench();
});
after(() => bench[Symbol.asyncDispose]());

const none = { baseOf: () => ({ kind: 'none' }) as const };

describe('a plan', () => {
  test('is the closure, with Recommends, the first alternatives, and nothing of the base', async () => {
    const plan = await bench.plan('x-hello\n');
    assert.deepEqual(labels(plan), [
      'x-docs 2.10-3',
      'x-greeting 1:1.3+ds-1',
      'x-hello 2.10-3',
      'x-language-de 0.9~rc1',
      'x-screen 3.0',
    ]);
    const hello = plan.artifacts.find(({ name }) => name === 'x-hello');
    const greeting = plan.artifacts.find(({ name }) => name === 'x-greeting');
    assert.deepEqual(hello?.requiredBy, []);
    assert.equal(hello?.purl, 'pkg:deb/debian/x-hello@2.10-3?arch=amd64');
    assert.equal(hello?.path, 'debian/pool/main/x/x-hello/x-hello_2.10-3_amd64.deb');
    assert.equal(
      hello?.url,
      `${bench.server.debianMirror}/pool/main/x/x-hello/x-hello_2.10-3_amd64.deb`,
    );
    assert.deepEqual(greeting?.requiredBy, [hello?.purl]);
    assert.equal(greeting?.proof, 'debian-release');
    assert.equal(greeting?.private, true, 'no public archive signed it');
    assert.deepEqual(greeting?.targets, [formatTarget(TARGET)]);
  });

  test('leaves Recommends out where told', async () => {
    const plan = await bench.plan('x-hello\n', { overrides: { withRecommends: false } });
    assert.ok(!labels(plan).includes('x-docs 2.10-3'));
  });

  test('carries everything where nothing is assumed to be there', async () => {
    const plan = await bench.plan('x-hello-next\n', none);
    assert.ok(labels(plan).includes('x-core 1.0-1'));
  });

  test('reads no package that a source excludes, and those alone that it includes', async () => {
    const planWith = (options: string) =>
      bench.plan('x-hello\n', {
        apt: fixtureHost(bench.fixture, bench.server.debianMirror, options),
      });
    assert.ok(!labels(await planWith('exclude=x-docs,x-screen')).includes('x-docs 2.10-3'));
    await assert.rejects(planWith('exclude=x-hello'), { code: 'PACKAGE_NOT_FOUND' });
    await assert.rejects(planWith('include=x-hello,x-core'), { code: 'NOT_RESOLVABLE' });
  });

  test('takes what a status file says for installed, and upgrades it where it must', async () => {
    const text = [
      'Package: x-greeting\nStatus: install ok installed\nVersion: 1:1.2+ds-1\nArchitecture: all\nMulti-Arch: foreign\nDepends: x-language-de | x-language\n',
      'Package: x-language-de\nStatus: install ok installed\nVersion: 0.9~rc1\nArchitecture: all\n',
      'Package: gone\nStatus: deinstall ok config-files\nVersion: 1\nArchitecture: all\n',
    ].join('\n');
    const base = { baseOf: () => ({ kind: 'status', text }) as const };
    assert.deepEqual(labels(await bench.plan('x-hello\n', base)), [
      'x-docs 2.10-3',
      'x-hello 2.10-3',
      'x-screen 3.0',
    ]);
    const next = await bench.plan('x-hello-next\n', base);
    assert.ok(labels(next).includes('x-greeting 1:1.3+ds-1'));
  });

  test('honours versions, suites, purls and what is already chosen', async () => {
    const old = await bench.plan('x-greeting (<< 1:1.3)\n');
    assert.ok(labels(old).includes('x-greeting 1:1.2+ds-1'));
    const suite = await bench.plan('x-greeting/fixture\n');
    assert.ok(labels(suite).includes('x-greeting 1:1.2+ds-1'));
    const purl = await bench.plan(
      'pkg:deb/debian/x-greeting@1%3A1.2%2Bds-1?arch=all&distro=bookworm\n',
    );
    assert.ok(labels(purl).includes('x-greeting 1:1.2+ds-1'));
    const printer = await bench.plan('x-printer\nx-hello\n');
    assert.ok(labels(printer).includes('x-printer 3.1'));
    assert.ok(!labels(printer).includes('x-screen 3.0'), 'x-printer provides what x-hello needs');
    const english = await bench.plan('x-language-en\nx-hello\n');
    assert.ok(labels(english).includes('x-language-en 1.0'));
  });

  test('is made for several targets at once, what they share once', async () => {
    const arm = parseTarget('linux/arm64/glibc2.36,debian=bookworm');
    const { artifacts } = await bench.plan('x-hello\n', {}, [TARGET, arm]);
    const shared = artifacts.filter(({ name }) => name === 'x-docs');
    assert.deepEqual(
      shared.map(({ targets }) => targets.length),
      [2],
    );
    assert.equal(artifacts.filter(({ name }) => name === 'x-hello').length, 2);
  });

  test('fetches an index once', async () => {
    await bench.plan('x-hello\n');
    const before = bench.server.requests.length;
    await bench.plan('x-docs\n');
    const paths = bench.server.requests.slice(before).map(({ path }) => path);
    assert.deepEqual(
      paths.filter((path) => !path.endsWith('InRelease')),
      [],
    );
  });

  test('is empty without requirements, and asks nobody', async () => {
    const before = bench.server.requests.length;
    assert.deepEqual(await bench.plan('# nothing\n'), { artifacts: [], warnings: [] });
    assert.equal(bench.server.requests.length, before);
  });
});

describe('a plan that cannot be', () => {
  test('says what its sources lack before why there is no answer', async () => {
    const told: string[] = [];
    const source = createDebianSource(await bench.deps({ overrides: { components: ['nosuch'] } }));
    const read = await source.read({ path: 'a.apt', text: 'x-hello\n' }, () =>
      Promise.reject(new Error('nothing is nested')),
    );
    const planned = source.plan({
      requirements: [read.requirements],
      purls: [],
      targets: [TARGET],
      now: NOW,
      report: (event) => told.push(event.event === 'warning' ? event.message : ''),
    });
    await assert.rejects(planned, { code: 'PACKAGE_NOT_FOUND' });
    assert.match(told.join('\n'), /fixture has no Packages of nosuch for amd64/);
  });

  test('names the nearest package', async () => {
    await assert.rejects(
      bench.plan('x-helo\n'),
      (error: { code: string; message: string; hint: string }) => {
        assert.equal(error.code, 'PACKAGE_NOT_FOUND');
        assert.match(error.message, /^test\.apt:1: .*x-helo/);
        assert.match(error.hint, /x-hello/);
        return true;
      },
    );
  });

  test('names the versions that exist', async () => {
    await assert.rejects(bench.plan('x-greeting=9\n'), (error: { code: string; hint: string }) => {
      assert.equal(error.code, 'VERSION_NOT_FOUND');
      assert.match(error.hint, /1:1\.3\+ds-1 \(fixture-updates\), 1:1\.2\+ds-1 \(fixture\)/);
      return true;
    });
  });

  test('gives the chain of reasons', async () => {
    await assert.rejects(bench.plan('x-docs\nx-impossible\n'), {
      code: 'NOT_RESOLVABLE',
      message:
        /x-impossible 1\.0 depends on x-greeting \(>= 1:9\), but of x-greeting there is only 1:1\.3/,
    });
    await assert.rejects(bench.plan('x-printer\nx-screen\n'), {
      code: 'NOT_RESOLVABLE',
      message:
        /you ask for x-printer\nyou ask for x-screen\nx-printer 3\.1 conflicts with x-screen/,
    });
  });

  test('lists what provides a virtual package', async () => {
    await assert.rejects(bench.plan('x-output\n'), {
      code: 'NOT_RESOLVABLE',
      hint: /x-printer, x-screen/,
    });
  });

  test('says where a line is malformed', async () => {
    const source = createDebianSource(await bench.deps());
    assert.throws(
      () =>
        void source.read({ path: 'a.apt', text: 'ok\n  not/a/line (\n' }, () =>
          Promise.reject(new Error()),
        ),
      { code: 'INPUT_MALFORMED', message: /^a\.apt:2:3: / },
    );
  });
});

test('a list is claimed by its name or as the selections of dpkg', async () => {
  const source = createDebianSource(await bench.deps());
  assert.ok(source.claims({ path: 'base.apt', text: '' }));
  assert.ok(source.claims({ path: 'list', text: 'adduser\t\t\tinstall\nlibc6:amd64\tinstall\n' }));
  assert.ok(!source.claims({ path: 'requirements.txt', text: 'numpy\n' }));
  const { requirements } = await source.read(
    { path: 'list', text: 'adduser\tinstall\nold\tdeinstall\nlibc6:amd64\thold\n' },
    () => Promise.reject(new Error()),
  );
  assert.deepEqual(
    requirements.requirements.map(({ name, architecture }) => [name, architecture]),
    [
      ['adduser', undefined],
      ['libc6', 'amd64'],
    ],
  );
});
