import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const THREATS = 'docs/threat-model.md';
/** Attacks whose names stand there without a file. */
const TABLE = 'test/trust/attack-table.ts';

interface Promised {
  promise: string;
  /** Files that its second column names, as they stand there. */
  files: string[];
  /** Names of tests; `…` stands for whatever is left out. */
  tests: string[];
}

function promises(text: string): Promised[] {
  const [, table = ''] = text.split(/^\| promise .*\n\|[ -|]*\n/m);
  const rows = table.split('\n').map((line) => line.split('|').map((cell) => cell.trim()));
  const end = rows.findIndex((cells) => cells.length < 4);
  return rows.slice(0, end).map(([, promise = '', held = '']) => ({
    promise,
    files: [...held.matchAll(/`([^`]+\.test\.ts)`/g)].map(([, file = '']) => file),
    tests: [...held.matchAll(/“([^”]+)”/g)].map(([, name = '']) => name),
  }));
}

const sources = new Map(
  globSync('test/**/*.ts', { cwd: root }).map((file) => [
    file,
    readFileSync(join(root, file), 'utf8'),
  ]),
);
const rows = promises(readFileSync(join(root, THREATS), 'utf8'));

/** Whether a source file has every part of a test's name. */
function has(text: string, name: string): boolean {
  return name
    .split('…')
    .map((part) => part.trim())
    .every((part) => text.includes(part));
}

test('every promise of the threat model names a test', () => {
  assert.ok(rows.length > 30, `${rows.length} promises are found`);
  for (const { promise, files, tests } of rows) assert.ok(files.length + tests.length > 0, promise);
});

test('every test file that the threat model names is there', () => {
  const known = new Set([...sources.keys()].flatMap((file) => [file, basename(file)]));
  const wrong = rows.flatMap(({ files }) => files.filter((file) => !known.has(file)));
  assert.deepEqual(wrong, []);
});

test('every test that the threat model names is there, in a file that stands beside it', () => {
  const wrong = rows.flatMap(({ files, tests }) => {
    const named = [...sources].filter(
      ([path]) => files.length === 0 || files.some((file) => path.endsWith(file)) || path === TABLE,
    );
    return tests.filter((name) => !named.some(([, text]) => has(text, name)));
  });
  assert.deepEqual(wrong, []);
});
