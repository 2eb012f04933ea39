import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { affects, parseOsv } from '../../src/domain/osv.js';
import { compareVersionsOf } from '../../src/roles/advisories.js';

const record = {
  id: 'GHSA-0000',
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
  const [advisory] = parseOsv(JSON.stringify(record), 'a.json');
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

test('lists and answers of queries are read, withdrawn records are not, nonsense is named', () => {
  assert.equal(parseOsv(JSON.stringify([record, record]), 'a').length, 2);
  assert.equal(parseOsv(JSON.stringify({ vulns: [record] }), 'a').length, 1);
  assert.equal(parseOsv(JSON.stringify({ ...record, withdrawn: '2026-01-01' }), 'a').length, 0);
  for (const text of ['', '{', 'null', '{}', '{"id":5}', '[1]']) {
    assert.throws(
      () => parseOsv(text, 'a.json'),
      (error) =>
        error instanceof XError &&
        error.code === 'INPUT_MALFORMED' &&
        /^a\.json/.test(error.message),
    );
  }
});
