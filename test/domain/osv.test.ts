import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { affects, parseOsv } from '../../src/domain/osv.js';
import { compareVersionsOf } from '../../src/roles/advisories.js';

const record = {
  id: 'GHSA-0000',
  modified: '2026-03-01T10:00:00Z',
  aliases: ['CVE-2026-1'],
  summary: 'Something is wrong',
  database_specific: { severity: 'HIGH' },
  references: [{ type: 'WEB', url: 'javascript:alert(1)' }],
  affected: [
    {
      package: { ecosystem: 'npm', name: 'left-pad' },
      ranges: [
        {
          type: 'SEMVER',
          events: [
            { introduced: '0' },
            { fixed: '1.2.0' },
            { introduced: '2.0.0' },
            { last_affected: '2.1.0' },
          ],
        },
        { type: 'GIT', events: [{ introduced: '0' }] },
      ],
    },
    { package: { ecosystem: 'PyPI', name: 'Some_Thing' }, versions: ['1.0'], ranges: [] },
    {
      package: { ecosystem: 'Debian:12', name: 'nginx' },
      ranges: [{ type: 'ECOSYSTEM', events: [{ introduced: '0' }, { fixed: '1.22.1-9+deb12u1' }] }],
    },
    { package: { ecosystem: 'Go', name: 'left-pad' }, ranges: [] },
  ],
};

test('ranges, listed versions and each ecosystem’s own order of versions', () => {
  const advisory = parseOsv(record, 'a.json');
  assert.ok(advisory);
  assert.equal(advisory.severity, 'high');
  assert.equal(advisory.url, undefined);
  const ask = (ecosystem: 'npm' | 'pypi' | 'debian', name: string, version: string) => {
    const { isAffected, fixed } = affects(
      advisory,
      { ecosystem, name, version },
      compareVersionsOf,
    );
    return isAffected ? `fixed in ${fixed}` : 'no';
  };
  assert.equal(ask('npm', 'left-pad', '1.1.9'), 'fixed in 1.2.0');
  assert.equal(ask('npm', 'left-pad', '1.2.0'), 'no');
  assert.equal(ask('npm', 'left-pad', '1.10.0'), 'no');
  assert.equal(ask('npm', 'left-pad', '2.1.0'), 'fixed in undefined');
  assert.equal(ask('npm', 'left-pad', '2.1.1'), 'no');
  assert.equal(ask('npm', 'right-pad', '1.0.0'), 'no');
  assert.equal(ask('pypi', 'some-thing', '1.0.0'), 'fixed in undefined');
  assert.equal(ask('pypi', 'some-thing', '1.0.1'), 'no');
  assert.equal(ask('debian', 'nginx', '1.22.1-9'), 'fixed in 1.22.1-9+deb12u1');
  assert.equal(ask('debian', 'nginx', '1.22.1-9+deb12u2'), 'no');
});

test('withdrawn records are passed over, nonsense is named', () => {
  assert.equal(parseOsv({ ...record, withdrawn: '2026-01-01T00:00:00Z' }, 'a'), undefined);
  const never = { package: { ecosystem: 'npm', name: 'a' }, versions: {} };
  for (const json of [
    null,
    5,
    [record],
    {},
    { ...record, id: 5 },
    { ...record, id: 'x'.repeat(201) },
    { ...record, modified: 'today' },
    { ...record, withdrawn: 'yes' },
    { ...record, affected: {} },
    { ...record, affected: [never] },
  ]) {
    assert.throws(
      () => parseOsv(json, 'a.json'),
      (error) =>
        error instanceof XError &&
        error.code === 'INPUT_MALFORMED' &&
        /^a\.json: no OSV advisory: /.test(error.message),
      JSON.stringify(json).slice(0, 100),
    );
  }
});
