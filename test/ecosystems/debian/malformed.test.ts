import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { XError } from '../../../src/domain/errors.js';
import { checkControl } from '../../../src/ecosystems/debian/control.js';
import { PackageVersion } from '../../../src/ecosystems/debian/package-version.js';
import { parseRelease } from '../../../src/ecosystems/debian/release.js';
import type { SeenRelease, SeenReleases } from '../../../src/ports/apt.js';
import { openBench, type Bench } from './support.js';

const DIGEST = 'a'.repeat(64);
const INDEX = 'dists/fixture/main/binary-amd64/Packages';
const FIELDS: Readonly<Record<string, string>> = {
  Package: 'x-bad',
  Version: '1.0-1',
  Architecture: 'amd64',
  Filename: 'pool/main/x/x-bad_1.0-1_amd64.deb',
  Size: '1',
  SHA256: DIGEST,
};

const RELATIONS = ['Depends', 'Pre-Depends', 'Recommends', 'Conflicts', 'Breaks'];
const NO_RELATIONS = [
  'b (>= ', 'b (>= 1', 'b >= 1', 'b (== 1)', 'b (>= )', '|', 'b || c', 'b c', '-b', 'b:',
  'b (>= 1) (<< 2)', 'b (>= a b)', '../b', '\u0000', 'b (>= :1)',
]; // prettier-ignore
const NO_PATHS = [
  '../x.deb', 'pool/../../x.deb', 'pool/./../x.deb', '/etc/x.deb', '//host/x.deb', 'pool//x.deb',
  'pool\\..\\x.deb', 'C:\\x.deb', 'pool/x\u0000.deb', 'pool/x', '', '.', '..', 'pool/', 'http://h/x.rpm',
]; // prettier-ignore

/** What a stanza has instead of what it should: the field and its value; undefined where it is left out. */
const STANZAS: readonly (readonly [field: string, value: string | undefined])[] = [
  ...[undefined, '', '../x', 'a b', '-x', 'x/y', 'x\u0001'].map((v) => ['Package', v] as const),
  ...[
    undefined,
    '',
    '1 2',
    '\u00a0',
    '1\u0000',
    '-1',
    '1-',
    'a:1',
    '1_2',
    '2147483648:1',
    '1:',
  ].map((v) => ['Version', v] as const),
  ...[undefined, '', 'AMD64', '../amd64', 'amd64 i386'].map((v) => ['Architecture', v] as const),
  ...[undefined, '', 'x', '-1', '1.5', '0x10', '1e3', '9'.repeat(13)].map(
    (v) => ['Size', v] as const,
  ),
  ...[undefined, '', '00', 'g'.repeat(64), `${DIGEST}a`, `../${DIGEST}`].map(
    (v) => ['SHA256', v] as const,
  ),
  ...NO_PATHS.map((v) => ['Filename', v] as const),
  ['Filename', undefined],
  ...RELATIONS.flatMap((field) => NO_RELATIONS.map((value) => [field, value] as const)),
];

describe(`${STANZAS.length} stanzas with one bad field`, () => {
  let bench: Bench;
  before(async () => {
    bench = await openBench();
    bench.fixture.files.delete(`${INDEX}.gz`);
  });
  after(() => bench[Symbol.asyncDispose]());

  for (const field of new Set(STANZAS.map(([name]) => name))) {
    const values = STANZAS.filter(([name]) => name === field).map(([, value]) => value);
    test(`${field}: ${values.length} of them are refused with a reason`, async () => {
      for (const value of values) {
        const fields = { ...FIELDS, [field]: value };
        const text = Object.entries(fields)
          .flatMap(([name, one]) => (one === undefined ? [] : [`${name}: ${one}\n`]))
          .join('');
        bench.fixture.files.set(INDEX, Buffer.from(text, 'latin1'));
        await bench.fixture.sign('fixture');
        const planned = bench.plan('x-bad\n', { baseOf: () => ({ kind: 'none' }) });
        await assert.rejects(planned, (error) => {
          assert.ok(error instanceof XError, `${field}: ${String(value)}: ${String(error)}`);
          assert.equal(error.code, 'UPSTREAM_MALFORMED', `${field}: ${String(value)}`);
          assert.match(error.message, /^fixture[:/]|^x-bad /);
          return true;
        });
      }
    });
  }
});

/** Lines of a Release file, each one bad by itself. */
const RELEASES: readonly string[] = [
  'Date: yesterday', 'Date: ', 'Date: Mon, 99 Jan 2026 00:00:00 UTC', 'Valid-Until: soon',
  'Valid-Until: 2026-13-45', 'SHA256:\n 00 1 main/x', `SHA256:\n ${DIGEST} -1 main/x`,
  `SHA256:\n ${DIGEST} x main/x`, `SHA256:\n ${DIGEST} 1`, `SHA256:\n ${DIGEST} 1 a b`,
  `SHA256:\n ${DIGEST} 1 ../x`, `SHA256:\n ${DIGEST} 1 main/../../x`, `SHA256:\n ${DIGEST} ${'9'.repeat(16)} x`,
  'SHA256\n', ' a continuation of nothing', 'Suite: a\nSuite: b', 'Suite: a\n\nSuite: b', 'no field at all', ': nothing',
]; // prettier-ignore

test(`${RELEASES.length} bad Release files are each refused with a reason`, () => {
  for (const text of RELEASES) {
    const whole = text.startsWith('SHA256') ? text : `${text}\nSHA256:\n ${DIGEST} 1 main/x\n`;
    assert.throws(
      () => parseRelease(whole, 'http://made.example/InRelease'),
      (error) => error instanceof XError && error.code === 'UPSTREAM_MALFORMED',
      text,
    );
  }
  assert.throws(() => parseRelease('Suite: a\n', 'here'), /lists no SHA256/);
  assert.throws(() => parseRelease('', 'here'), /not one stanza/);
});

const CONTROL_FIELDS = [
  'Package', 'Version', 'Architecture', 'Multi-Arch', 'Essential', 'Pre-Depends', 'Depends',
  'Recommends', 'Conflicts', 'Breaks', 'Provides',
]; // prettier-ignore

test('a control file that has more, less or something else in a field than the index is refused', () => {
  const basis = 'Package: x\nVersion: 1\nArchitecture: all\n';
  const versionOf = (stanza: string) => new PackageVersion('x', '1', 'all', stanza, undefined);
  for (const field of CONTROL_FIELDS) {
    const drop = (text: string) => text.replace(new RegExp(`^${field}: .*\n`, 'm'), '');
    const [one, other] = [`${drop(basis)}${field}: one\n`, `${drop(basis)}${field}: other\n`];
    const pairs = [[one, other], [one, drop(basis)], [drop(basis), one]]; // prettier-ignore
    for (const [inside = '', listed = ''] of pairs) {
      assert.throws(() => checkControl(inside, versionOf(listed.trim()), 'x.deb'), {
        code: 'METADATA_INVALID',
        message: new RegExp(`^x\\.deb: its control file has ${field}: `),
      });
    }
    checkControl(one, versionOf(one.trim()), 'x.deb');
  }
});

/** How an archive can fail to be trusted, and what is said of it; the exit code is 3 each time. */
const UNTRUSTED: readonly {
  name: string;
  code: XError['code'];
  message: RegExp;
  spoil: (bench: Bench, seen: Map<string, SeenRelease>) => Promise<void> | void;
}[] = [
  {
    name: 'it expired',
    code: 'EXPIRED',
    message: /InRelease expired 5 days ago \(Valid-Until 2026-01-05/,
    spoil: ({ fixture }) =>
      fixture.sign('fixture', { 'Valid-Until': 'Mon, 05 Jan 2026 00:00:00 UTC' }),
  },
  {
    name: 'it is from the future',
    code: 'EXPIRED',
    message: /InRelease is from the future: 2099/,
    spoil: ({ fixture }) => fixture.sign('fixture', { Date: 'Mon, 05 Jan 2099 00:00:00 UTC' }),
  },
  {
    name: 'what is signed was changed',
    code: 'SIGNATURE_INVALID',
    message: /no valid signature by a key of/,
    spoil: ({ fixture: { files } }) => {
      const text = Buffer.from(files.get('dists/fixture/InRelease') ?? []).toString();
      files.set('dists/fixture/InRelease', Buffer.from(text.replace('Fixture', 'Fixturf')));
    },
  },
  {
    name: 'its signature is cut off',
    code: 'SIGNATURE_INVALID',
    message: /not signed properly/,
    spoil: ({ fixture: { files } }) => {
      const text = Buffer.from(files.get('dists/fixture/InRelease') ?? []).toString();
      files.set('dists/fixture/InRelease', Buffer.from(text.slice(0, -120)));
    },
  },
  {
    name: 'it is no signed file',
    code: 'SIGNATURE_INVALID',
    message: /not signed properly/,
    spoil: ({ fixture: { files } }) =>
      void files.set('dists/fixture/InRelease', Buffer.from('<html>log in</html>')),
  },
  {
    name: 'it has a Release file alone',
    code: 'SIGNATURE_INVALID',
    message: /Release is not signed: no Release\.gpg/,
    spoil: ({ fixture: { files } }) => {
      files.delete('dists/fixture/InRelease');
      files.delete('dists/fixture/Release.gpg');
    },
  },
  {
    name: 'it is of another suite',
    code: 'METADATA_INVALID',
    message: /is for fixture-updates .* not for fixture that was asked for/,
    spoil: ({ fixture: { files } }) => {
      const other = files.get('dists/fixture-updates/InRelease') ?? new Uint8Array();
      files.set('dists/fixture/InRelease', other);
    },
  },
  {
    name: 'its codename is another than before',
    code: 'METADATA_INVALID',
    message: /has the codename \S+ now; it was before when it was read before/,
    spoil: (_bench, seen) => {
      for (const [suite, one] of seen) seen.set(suite, { ...one, codename: 'before' });
    },
  },
  {
    name: 'its origin is another than before',
    code: 'METADATA_INVALID',
    message: /has the origin \S+ now; it was Elsewhere/,
    spoil: (_bench, seen) => {
      for (const [suite, one] of seen) seen.set(suite, { ...one, origin: 'Elsewhere' });
    },
  },
  {
    name: 'it goes back behind one seen before',
    code: 'ROLLBACK',
    message: /is of 2026-01-02T00:00:00\.000Z, older than the one of 2026-01-03/,
    spoil: ({ fixture }) => fixture.sign('fixture', { Date: 'Fri, 02 Jan 2026 00:00:00 UTC' }),
  },
  {
    name: 'an index is missing, by digest and by name',
    code: 'METADATA_INVALID',
    message: /Packages\.gz is signed for, but is not there/,
    spoil: ({ server }) => server.inject({ path: /Packages|by-hash/, status: 404 }),
  },
  {
    name: 'an index is another than the signed one',
    code: 'DIGEST_MISMATCH',
    message: /Packages\.gz/,
    spoil: ({ fixture, server }) => {
      fixture.files.set(`${INDEX}.gz`, Buffer.from('not it, but as long as it likes to be'));
      server.inject({ path: /by-hash/, status: 404 });
    },
  },
];

describe('an archive that is not to be trusted ends with exit code 3 and the reason', () => {
  for (const { name, code, message, spoil } of UNTRUSTED) {
    test(name, async () => {
      await using bench = await openBench();
      const known = new Map<string, SeenRelease>();
      const seen: SeenReleases = {
        get: (suite) => Promise.resolve(known.get(suite)),
        put: (suite, release) => Promise.resolve(void known.set(suite, release)),
      };
      await bench.plan('x-docs\n', { seen });
      bench.store.blobs.clear();
      await spoil(bench, known);
      await assert.rejects(bench.plan('x-docs\n', { seen }), (error) => {
        assert.ok(error instanceof XError, String(error));
        assert.equal(error.exitCode, 3);
        assert.equal(error.code, code);
        assert.match(error.message, message);
        return true;
      });
    });
  }
});
