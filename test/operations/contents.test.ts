import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Spec, Validation } from '@cyclonedx/cyclonedx-library';
import parseExpression from 'spdx-expression-parse';
import type { BundleEntry } from '../../src/domain/bundle.js';
import { diffBundles } from '../../src/operations/diff-bundles.js';
import { reportHtml } from '../../src/operations/report-html.js';
import { cycloneDxOf } from '../../src/operations/sbom-cyclonedx.js';
import { spdxOf } from '../../src/operations/sbom-spdx.js';
import { formatBytes } from '../../src/roles/printer.js';
import { entries, entry } from '../trust/sample.js';
import { contents, demo, licensed } from './contents-kit.js';

describe('bills of materials', () => {
  test('CycloneDX is valid by the published schema, in its strict form', async () => {
    const text = cycloneDxOf(demo, '1.2.3');
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
    assert.equal(await validator.validate(text), null);
    const bom = JSON.parse(text);
    assert.equal(bom.components.length, 5);
    assert.deepEqual(bom.components.map((one: { purl: string }) => one.purl).sort(), [
      'pkg:npm/%40x/scoped@1.0.0',
      ...[0, 1, 2, 3].map((index) => `pkg:pypi/pkg${index}@1.0`),
    ]);
    const needs = bom.dependencies.find((one: { ref: string }) => one.ref === licensed(3).path);
    assert.deepEqual(needs.dependsOn, [licensed(2).path]);
  });

  test('what the schema refuses is seen: the validator is not blind', async () => {
    const bom = JSON.parse(cycloneDxOf(demo, '1.2.3'));
    bom.components[0].hashes[0].content = 'nothing';
    const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
    assert.notEqual(await validator.validate(JSON.stringify(bom)), null);
  });

  test('SPDX has what version 2.3 demands of a document, packages and relationships', () => {
    const document = JSON.parse(spdxOf(demo, '1.2.3'));
    assert.equal(document.spdxVersion, 'SPDX-2.3');
    assert.equal(document.dataLicense, 'CC0-1.0');
    assert.match(document.documentNamespace, /^[a-z][a-z0-9+.-]*:[^#]+$/);
    assert.match(document.creationInfo.created, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
    const ids = new Set([document.SPDXID]);
    for (const one of document.packages) {
      assert.match(one.SPDXID, /^SPDXRef-[A-Za-z0-9.-]+$/);
      assert.ok(!ids.has(one.SPDXID));
      ids.add(one.SPDXID);
      assert.ok(one.name && one.downloadLocation && one.filesAnalyzed === false);
      if (one.licenseDeclared !== 'NOASSERTION') parseExpression(one.licenseDeclared);
    }
    const named = document.hasExtractedLicensingInfos;
    assert.deepEqual(
      named.map((one: { name: string }) => one.name),
      ['Dual License'],
    );
    assert.match(named[0].licenseId, /^LicenseRef-[A-Za-z0-9.-]+$/);
    for (const { spdxElementId, relatedSpdxElement } of document.relationships) {
      assert.ok(ids.has(spdxElementId) && ids.has(relatedSpdxElement));
    }
    assert.equal(document.relationships.length, 1 + 5 + 4);
  });

  test('the same bundle gives the same bytes', () => {
    const again = contents([...demo.entries].reverse());
    assert.equal(cycloneDxOf(again, '1'), cycloneDxOf(demo, '1'));
    assert.equal(spdxOf(demo, '1'), spdxOf(contents([...demo.entries]), '1'));
  });
});

test('a difference names what came, went, changed its version, licence or bytes', () => {
  const from = [licensed(0), licensed(1), licensed(2), licensed(3), ...documents('a')];
  const to = [
    licensed(1, { version: '2.0', path: 'pypi/pkg1/pkg1-2.0.whl', sha256: 'c'.repeat(64) }),
    licensed(2, { detail: { licence: 'GPL-3.0-only' } }),
    licensed(3, { sha256: 'd'.repeat(64) }),
    licensed(5),
    ...documents('b'),
  ];
  const difference = diffBundles(from, to);
  assert.deepEqual(
    difference.added.map(({ name }) => name),
    ['pkg5'],
  );
  assert.deepEqual(
    difference.removed.map(({ name }) => name),
    ['pkg0'],
  );
  assert.deepEqual(
    difference.changed.map(({ name, differs }) => [name, differs]),
    [
      ['pkg1', ['version']],
      ['pkg2', ['licence']],
      ['pkg3', ['content']],
    ],
  );
  assert.deepEqual(difference.documents.changed, ['inputs/original/requirements.txt']);
  assert.equal(difference.transferBytes, 1001 + 1003 + 1005 + 7);
  const same = diffBundles(from, from);
  assert.equal(same.unchanged, 4);
  assert.deepEqual([same.added, same.removed, same.changed, same.transferBytes], [[], [], [], 0]);
});

test('a report lets nothing of a package’s name into its markup', () => {
  const evil = licensed(0, { name: '<script>alert(1)</script>', detail: { licence: '"&<i>' } });
  const html = reportHtml({
    contents: contents([evil, ...entries(2).slice(1)]),
    against: undefined,
    advisories: {
      read: 1,
      findings: [
        {
          id: '<b>',
          aliases: [],
          summary: '</table><img src=x>',
          severity: undefined,
          url: 'https://example/"><script>',
          purl: 'pkg:pypi/a@1',
          fixed: '2',
        },
      ],
    },
    toolVersion: '1',
    formatBytes,
  });
  assert.doesNotMatch(html, /<script|<img|<b>|<i>/);
  assert.match(html, /&lt;script&gt;alert\(1\)/);
  assert.match(html, /Signature/);
});

function documents(text: string): BundleEntry[] {
  return [
    {
      ...entry(90),
      path: 'inputs/original/requirements.txt',
      kind: 'input',
      lengthBytes: 7,
      sha256: text.repeat(64),
      ecosystem: undefined,
    },
  ];
}
