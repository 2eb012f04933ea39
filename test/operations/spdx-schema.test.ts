import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import formats from 'ajv-formats';
import { spdxOf } from '../../src/operations/sbom-spdx.js';
import { contents, demo } from './contents-kit.js';

/**
 * What schemas/spdx-schema.json of SPDX's specification (tag v2.3, sha256 239208b7…) demands: its names, types,
 * enumerations and required fields, without its texts.
 */
const constraints = readJson(
  new URL('../../../fixtures/spdx-2.3.constraints.json', import.meta.url),
);

/** The published file itself. */
const file = join(process.env['X_VECTORS'] ?? '../shared/vectors', 'spdx-2.3.schema.json');
const skip = existsSync(file)
  ? false
  : `no schema at ${file}: schemas/spdx-schema.json of SPDX’s specification, tag v2.3`;

function readJson(path: string | URL): Record<string, unknown> {
  return JSON.parse(readFileSync(path, 'utf8')) as Record<string, unknown>;
}

function problemsOf(document: unknown): string[] {
  const ajv = new Ajv({ strict: false, allErrors: true });
  formats.default(ajv);
  const isValid = ajv.compile(constraints);
  isValid(document);
  return (isValid.errors ?? []).map(({ instancePath, message }) => `${instancePath} ${message}`);
}

/** Of a schema: what tells people, and demands nothing, goes. A property may be named as such a key is. */
function withoutTexts(schema: unknown, isNames = false): unknown {
  if (Array.isArray(schema)) return schema.map((item) => withoutTexts(item));
  if (typeof schema !== 'object' || schema === null) return schema;
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([key]) => isNames || !['title', 'description', '$comment'].includes(key))
      .map(([key, value]) => [key, withoutTexts(value, !isNames && key === 'properties')]),
  );
}

test('SPDX documents are valid by the published schema', () => {
  for (const bundle of [demo, contents([])]) {
    assert.deepEqual(problemsOf(JSON.parse(spdxOf(bundle, '1.2.3'))), []);
  }
});

test('what the schema refuses is seen', () => {
  const document = JSON.parse(spdxOf(demo, '1.2.3')) as { packages: Record<string, unknown>[] };
  document.packages[1] = { ...document.packages[1], checksums: [{ algorithm: 'NONE' }] };
  assert.notDeepEqual(problemsOf(document), []);
});

test('the constraints are those of the published schema', { skip }, () => {
  assert.deepEqual(constraints, withoutTexts(readJson(file)));
});
