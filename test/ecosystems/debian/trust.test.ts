import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AptHost } from '../../../src/ports/apt.js';
import { createRepositoryKey } from '../../../src/ecosystems/debian/repository-key.js';
import { fixtureHost, openBench } from './support.js';

const INDEX = 'dists/fixture/main/binary-amd64/Packages';

describe('an archive is refused', () => {
  test('when another key signed it', async () => {
    await using bench = await openBench();
    const other = await createRepositoryKey(new Date('2026-01-01T00:00:00Z'));
    const apt: AptHost = {
      ...fixtureHost(bench.fixture, bench.server.debianMirror),
      readKeyring: () => Promise.resolve(Buffer.from(other.publicKeyArmored)),
    };
    await assert.rejects(bench.plan('x-hello\n', { apt }), {
      code: 'SIGNATURE_INVALID',
      message: /no valid signature by a key of .*83AB94A1DAE56FA5/,
    });
  });

  test('when one byte of what is signed is another, or it is not signed at all', async () => {
    await using bench = await openBench();
    const { files } = bench.fixture;
    const text = Buffer.from(files.get('dists/fixture/InRelease') ?? []).toString();
    files.set(
      'dists/fixture/InRelease',
      Buffer.from(text.replace('Label: Fixture', 'Label: Fixturf')),
    );
    await assert.rejects(bench.plan('x-hello\n'), { code: 'SIGNATURE_INVALID' });
    files.set('dists/fixture/InRelease', Buffer.from('<html>log in first</html>'));
    await assert.rejects(bench.plan('x-hello\n'), { code: 'SIGNATURE_INVALID' });
    const more = [`Suite: other\n\n${text}`, `${text}Suite: other\n`, `${text}${text}`];
    for (const unsigned of more) {
      files.set('dists/fixture/InRelease', Buffer.from(unsigned));
      await assert.rejects(bench.plan('x-hello\n'), {
        code: 'SIGNATURE_INVALID',
        message: /not all of it is within one signature/,
      });
    }
    files.set('dists/fixture/InRelease', Buffer.from(''));
    await assert.rejects(bench.plan('x-hello\n'), { message: /it is empty/ });
    files.delete('dists/fixture/InRelease');
    await bench.plan('x-hello\n');
    files.delete('dists/fixture/Release.gpg');
    await assert.rejects(bench.plan('x-hello\n'), {
      code: 'SIGNATURE_INVALID',
      message: /Release is not signed/,
    });
  });

  test('when Signed-By allows other fingerprints alone', async () => {
    await using bench = await openBench();
    const host = fixtureHost(bench.fixture, bench.server.debianMirror);
    const text = (fingerprint: string) =>
      `deb [signed-by=${fingerprint}] ${bench.server.debianMirror} fixture main\n`;
    const hostFor = (fingerprint: string): AptHost => ({
      ...host,
      trustedKeyrings: ['/trusted.gpg'],
      sources: [{ path: '/etc/apt/sources.list', text: text(fingerprint) }],
    });
    await bench.plan('x-hello\n', { apt: hostFor('DBF7F3899074A4CF967578C983AB94A1DAE56FA5') });
    await assert.rejects(bench.plan('x-hello\n', { apt: hostFor('A'.repeat(40)) }), {
      code: 'SIGNATURE_INVALID',
      message: /not one that Signed-By allows/,
    });
  });

  test('when it expired, or is from the future, unless apt is told not to mind', async () => {
    await using bench = await openBench();
    await bench.fixture.sign('fixture', { 'Valid-Until': 'Mon, 05 Jan 2026 00:00:00 UTC' });
    await assert.rejects(bench.plan('x-hello\n'), {
      code: 'EXPIRED',
      message: /expired 5 days ago/,
    });
    const host = fixtureHost(bench.fixture, bench.server.debianMirror);
    const text = 'Acquire::Check-Valid-Until "false"; Acquire { Check-Date "no"; };';
    const apt = { ...host, configuration: [{ path: 'apt.conf', text }] };
    const { warnings } = await bench.plan('x-hello\n', { apt });
    assert.match(
      warnings.join('\n'),
      /expired 5 days ago .*made 2026-01-03; .*Check-Valid-Until is off/,
    );
    await bench.fixture.sign('fixture', { Date: 'Mon, 05 Jan 2099 00:00:00 UTC' });
    await assert.rejects(bench.plan('x-hello\n'), { code: 'EXPIRED', message: /from the future/ });
    const accepted = await bench.plan('x-hello\n', { apt });
    assert.match(accepted.warnings.join('\n'), /from the future/);
  });

  test('when it is another suite than asked for', async () => {
    await using bench = await openBench();
    const { files } = bench.fixture;
    const other = files.get('dists/fixture-updates/InRelease') ?? new Uint8Array();
    files.set('dists/fixture/InRelease', other);
    await assert.rejects(bench.plan('x-hello\n'), {
      code: 'METADATA_INVALID',
      message: /is for fixture-updates or fixture-updates, not for fixture/,
    });
  });

  test('when an index is another than the signed one', async () => {
    await using bench = await openBench();
    bench.fixture.files.set(`${INDEX}.gz`, Buffer.from('not it'));
    bench.server.inject({ path: /by-hash/, status: 404 });
    await assert.rejects(bench.plan('x-hello\n'), {
      code: 'DIGEST_MISMATCH',
      message: /Packages\.gz/,
    });
  });

  test('when an index or a Release file is malformed', async () => {
    const stanza =
      'Package: x-hello\nVersion: 1\nArchitecture: all\nSHA256: 00\nSize: 1\nFilename: pool/x.deb\n';
    const digest = 'a'.repeat(64);
    const cases: [index: string, code: string, message: RegExp][] = [
      ['Version: 1\n', 'UPSTREAM_MALFORMED', /stanza 1 lacks a proper Package/],
      [
        `${stanza}Depends: a (>= \n`,
        'UPSTREAM_MALFORMED',
        /x-hello 1 \(all\): cannot read Depends/,
      ],
      [stanza, 'UPSTREAM_MALFORMED', /x-hello 1 \(all\) has no SHA256/],
      [
        stanza.replace('pool/x.deb', '../../x.deb'),
        'UPSTREAM_MALFORMED',
        /Filename "\.\.\/\.\.\/x\.deb"/,
      ],
      [
        stanza.replace('00', digest).replace('Size: 1', 'Size: -1'),
        'UPSTREAM_MALFORMED',
        /Size "-1"/,
      ],
      [
        `${stanza}Provides: ${'x'.repeat(5 << 20)}\n`,
        'LIMIT_EXCEEDED',
        /larger than 4194304 bytes/,
      ],
    ];
    for (const [index, code, message] of cases) {
      await using bench = await openBench();
      bench.fixture.files.set(INDEX, Buffer.from(index));
      bench.fixture.files.delete(`${INDEX}.gz`);
      await bench.fixture.sign('fixture');
      await assert.rejects(bench.plan('x-hello\n', { baseOf: () => ({ kind: 'none' }) }), {
        code,
        message,
      });
    }
  });
});

test('packages that provide and need each other in a circle are no trouble', async () => {
  await using bench = await openBench();
  const stanza = (name: string, more: string) =>
    `Package: ${name}\nVersion: 1\nArchitecture: all\nSHA256: ${'b'.repeat(64)}\nSize: 1\nFilename: pool/${name}.deb\n${more}\n`;
  const index = [
    stanza('a', 'Depends: virtual-b\nProvides: virtual-a\n'),
    stanza('b', 'Depends: virtual-a, c\nProvides: virtual-b, virtual-a\n'),
    stanza('c', 'Pre-Depends: a\nProvides: c, virtual-b\nConflicts: c\n'),
  ].join('');
  bench.fixture.files.set(INDEX, Buffer.from(index));
  bench.fixture.files.delete(`${INDEX}.gz`);
  await bench.fixture.sign('fixture');
  const { artifacts } = await bench.plan('a\n', { baseOf: () => ({ kind: 'none' }) });
  assert.ok(artifacts.some(({ name }) => name === 'a'));
});

test('an index shorter than signed is named with its address', async () => {
  await using own = await openBench();
  for (const path of own.fixture.files.keys()) {
    if (path.includes('/by-hash/')) own.fixture.files.delete(path);
  }
  for (const path of [...own.fixture.files.keys()]) {
    if (!/\/Packages(\.gz|\.xz)?$/.test(path)) continue;
    const bytes = own.fixture.files.get(path) ?? new Uint8Array();
    own.fixture.files.set(path, bytes.subarray(0, bytes.length - 7));
  }
  await assert.rejects(own.plan('x-docs\n'), {
    code: 'DIGEST_MISMATCH',
    message: /^http:.*\/Packages(\.gz|\.xz)?: the download ended after \d+ of \d+ bytes$/,
    hint: /in the middle of an update/,
  });
});
