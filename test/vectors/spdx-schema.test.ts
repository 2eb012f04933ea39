import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { spdxOf } from '../../src/operations/sbom-spdx.js';
import { contents, demo } from '../operations/contents-kit.js';

/** The schema that the SPDX project publishes for version 2.3 (schemas/spdx-schema.json of its specification). */
const file = join(process.env['X_VECTORS'] ?? '../shared/vectors', 'spdx-2.3.schema.json');
const skip = existsSync(file)
  ? false
  : `no schema at ${file}: schemas/spdx-schema.json of SPDX’s specification, tag v2.3`;

function problemsOf(document: unknown): string[] {
  const schema = JSON.parse(readFileSync(file, 'utf8')) as { title: string };
  assert.equal(schema.title, 'SPDX 2.3');
  const ajv = new Ajv({ strict: false, allErrors: true });
  formats.default(ajv);
  const isValid = ajv.compile(schema);
  isValid(document);
  return (isValid.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

test('SPDX documents are valid by the published schema', { skip }, () => {
  for (const bundle of [demo, contents([])]) {
    assert.deepEqual(problemsOf(JSON.parse(spdxOf(bundle, '1.2.3'))), []);
  }
});

test('what the schema refuses is seen', { skip }, () => {
  const document = JSON.parse(spdxOf(demo, '1.2.3')) as { packages: Record<string, unknown>[] };
  document.packages[1] = { ...document.packages[1], checksums: [{ algorithm: 'NONE' }] };
  assert.notDeepEqual(problemsOf(document), []);
});
