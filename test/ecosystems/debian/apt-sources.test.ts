import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseAptSources, writtenOut } from '../../../src/ecosystems/debian/apt/sources-list.js';
import { openBench } from './support.js';

const list = (text: string) => parseAptSources([{ path: '/etc/apt/sources.list', text }]);
const deb822 = (text: string) => parseAptSources([{ path: '/etc/apt/x.sources', text }]);

describe('apt sources', () => {
  test('one line: options in any order and spelling, comments, deb-src passed over', () => {
    const [one, two, three, ...others] = list(
      [
        '# a comment',
        'deb-src http://a.example/debian bookworm main',
        'deb [ arch=amd64,i386 signed-by=/k/a.gpg,/k/b.gpg by-hash=no trusted=yes ] http://a.example/debian bookworm main contrib # why',
        'deb [arch-=i386 check-valid-until=no check-date=no lang=en] http://a.example/debian/ bookworm-updates main',
        '\tdeb\t[arch=amd64 arch+=arm64]\tfile:/srv/repo\t./',
      ].join('\n'),
    );
    assert.deepEqual(one?.architectures, ['amd64', 'i386']);
    assert.deepEqual(one.signedBy, ['/k/a.gpg', '/k/b.gpg']);
    assert.deepEqual([one.uri, one.suite], ['http://a.example/debian/', 'bookworm']);
    assert.deepEqual(one.components, ['main', 'contrib']);
    assert.deepEqual([two?.architectures, two?.exceptArchitectures], [undefined, ['i386']]);
    assert.deepEqual([two?.checkValidUntil, two?.checkDate], [false, false]);
    assert.deepEqual([three?.suite, three?.components], ['./', []]);
    assert.deepEqual(three?.architectures, ['amd64', 'arm64']);
    assert.deepEqual(others, []);
  });

  test('the system’s architecture in suites and addresses, packages by name', () => {
    const [line, other] = deb822(
      [
        'Types: deb',
        'URIs: http://a.example/$(ARCH)',
        'Suites: unstable/binary-$(ARCH)/',
        'Include: hello',
        ' jq',
        '',
        'Types: deb',
        'URIs: http://a.example/debian',
        'Suites: bookworm',
        'Components: main',
        'Exclude: hello',
      ].join('\n'),
    );
    assert.ok(line && other);
    const { uri, suite } = writtenOut(line, 'arm64');
    assert.deepEqual([uri, suite], ['http://a.example/arm64/', 'unstable/binary-arm64/']);
    assert.deepEqual([line.include, line.exclude], [['hello', 'jq'], []]);
    assert.deepEqual([other.include, other.exclude], [undefined, ['hello']]);
    const [one] = list('deb [include=a,b] http://a.example/debian bookworm main');
    assert.deepEqual(one?.include, ['a', 'b']);
    assert.throws(() => list('deb [include=a exclude=b] http://a.example/d bookworm main'), {
      code: 'INPUT_MALFORMED',
    });
  });

  test('deb822: several suites and addresses, a key inside, what is disabled left out', () => {
    const key = [
      '-----BEGIN PGP PUBLIC KEY BLOCK-----',
      '.',
      'abcd',
      '-----END PGP PUBLIC KEY BLOCK-----',
    ];
    const sources = deb822(
      [
        '# comment',
        'Types: deb deb-src',
        'URIs: http://a.example/ubuntu http://b.example/ubuntu/',
        'Suites: noble noble-updates',
        ' noble-backports',
        'Components: main universe',
        'Architectures-Remove: i386',
        `Signed-By:\n${key.map((line) => ` ${line}`).join('\n')}`,
        '',
        'Enabled: no',
        'Types: deb',
        'URIs: http://c.example/',
        'Suites: noble',
        'Components: main',
        '',
        'Types: deb-src',
        'URIs: http://c.example/',
        'Suites: noble',
        'Components: main',
      ].join('\n'),
    );
    assert.equal(sources.length, 6);
    assert.deepEqual(
      sources.slice(0, 3).map(({ suite }) => suite),
      ['noble', 'noble-updates', 'noble-backports'],
    );
    assert.equal(sources[0]?.signedBy[0], key.join('\n').replace('\n.\n', '\n\n'));
    assert.deepEqual(sources[5]?.exceptArchitectures, ['i386']);
  });

  test('what is no source is refused with its place', () => {
    const lines = [
      'deb http://a.example/debian', 'deb http://a.example/debian bookworm', 'bed http://a.example bookworm main',
      'deb [arch=amd64 http://a.example bookworm main', 'deb cdrom:[Debian]/ bookworm main', 'deb ftp://a.example/ bookworm main',
      'deb http://a.example/ ./ main',
    ]; // prettier-ignore
    for (const line of lines) {
      assert.throws(() => list(`\n${line}\n`), {
        code: 'INPUT_MALFORMED',
        message: /^\/etc\/apt\/sources\.list:2: /,
      });
    }
    const stanzas = [
      'Types: deb\nURIs: http://a.example/\nComponents: main\n',
      'Types: deb\nSuites: x\nComponents: main\n',
      'Types: deb\nTypes: deb\n',
      'no field\n',
    ];
    for (const stanza of stanzas) {
      assert.throws(() => deb822(stanza), {
        code: 'INPUT_MALFORMED',
        message: /^\/etc\/apt\/x\.sources/,
      });
    }
  });
});

test('everything that is not found is told at once, in the order of the list', async () => {
  await using bench = await openBench();
  await assert.rejects(bench.plan('x-helo\nx-dcs^\nx-greeting=9\nx-output\nzz*\n'), {
    code: 'PACKAGE_NOT_FOUND',
    message:
      /^test\.apt:1: .*x-helo\ntest\.apt:2: .*task x-dcs\ntest\.apt:3: no version fits x-greeting=9\ntest\.apt:4: x-output is a virtual package.*\ntest\.apt:5: .*zz\*/,
    hint: /^x-helo: Nearest names: x-hello\.\n/,
  });
});
