import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFilename } from '../../src/ecosystems/pypi/filename.js';
import {
  evaluateMarker,
  formatMarker,
  type MarkerEnvironment,
} from '../../src/ecosystems/pypi/marker.js';
import { isProblem, parseMarker, parseRequirement } from '../../src/ecosystems/pypi/requirement.js';
import {
  formatSpecifiers,
  parseSpecifiers,
  satisfies,
} from '../../src/ecosystems/pypi/specifier.js';
import { compareVersions, isPreRelease, parseVersion } from '../../src/ecosystems/pypi/version.js';
import { missing, readVectors } from './pypi-vectors.js';

interface VersionCase {
  a: string;
  b?: string;
  cmp?: number;
  normal?: string;
  pre?: boolean;
  invalid?: boolean;
}

test(
  'versions: normal form, pre-release and order',
  { skip: missing('pep440-versions.json') },
  () => {
    const wrong = readVectors<VersionCase[]>('pep440-versions.json').filter((vector) => {
      const a = parseVersion(vector.a);
      if (vector.invalid) return a !== undefined;
      if (a === undefined) return true;
      if (vector.b === undefined) return a.text !== vector.normal || isPreRelease(a) !== vector.pre;
      const b = parseVersion(vector.b);
      return b === undefined || Math.sign(compareVersions(a, b)) !== vector.cmp;
    });
    assert.deepEqual(wrong, []);
  },
);

interface SpecifierCase {
  spec: string;
  version?: string;
  contains?: boolean;
  invalid?: boolean;
}

test('specifiers', { skip: missing('pep440-specifiers.json') }, () => {
  const wrong = readVectors<SpecifierCase[]>('pep440-specifiers.json').filter((vector) => {
    const specifiers = parseSpecifiers(vector.spec);
    if (vector.invalid) return specifiers !== undefined;
    const version = parseVersion(vector.version ?? '');
    if (specifiers === undefined || version === undefined) return true;
    return satisfies(specifiers, version) !== vector.contains;
  });
  assert.deepEqual(wrong, []);
});

interface MarkerCase {
  env: MarkerEnvironment & { extra: string };
  marker: string;
  value: boolean;
}

test('markers', { skip: missing('pep508-markers.json') }, () => {
  const wrong = readVectors<MarkerCase[]>('pep508-markers.json').filter((vector) => {
    const marker = parseMarker(vector.marker);
    return (
      isProblem(marker) || evaluateMarker(marker, vector.env, vector.env.extra) !== vector.value
    );
  });
  assert.deepEqual(wrong, []);
});

interface RequirementCase {
  req: string;
  invalid?: boolean;
  name?: string;
  extras?: string[];
  spec?: string;
  url?: string | null;
  marker?: string | null;
}

test('requirements', { skip: missing('pep508-requirements.json') }, () => {
  for (const { req, invalid, ...expected } of readVectors<RequirementCase[]>(
    'pep508-requirements.json',
  )) {
    const parsed = parseRequirement(req);
    if (isProblem(parsed)) {
      assert.ok(invalid, `${req}: ${parsed.message}`);
      continue;
    }
    assert.ok(!invalid, `${req} is invalid`);
    assert.deepEqual(
      {
        name: parsed.name,
        extras: [...parsed.extras],
        spec: formatSpecifiers(parsed.specifiers),
        url: parsed.url ?? null,
        marker: parsed.marker === undefined ? null : formatMarker(parsed.marker),
      },
      expected,
      req,
    );
  }
});

interface FilenameCase {
  file: string;
  invalid?: boolean;
  name?: string;
  version?: string;
  build?: string;
  tags?: string[];
}

test('file names', { skip: missing('python-filenames.json') }, () => {
  for (const { file, invalid, ...expected } of readVectors<FilenameCase[]>(
    'python-filenames.json',
  )) {
    const parsed = parseFilename(file);
    if (invalid) {
      assert.equal(parsed, undefined, file);
      continue;
    }
    assert.ok(parsed, file);
    const { name, version } = parsed;
    const wheel = parsed.kind === 'wheel' ? { build: parsed.build, tags: parsed.tags } : {};
    assert.deepEqual({ name, version: version.text, ...wheel }, expected, file);
  }
});
