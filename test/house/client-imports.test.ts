import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, extname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Libraries whose purpose is to fetch from the outside. */
const FETCHING = [
  'pacote',
  '@npmcli/arborist',
  '@npmcli/config',
  'npm-registry-fetch',
  'make-fetch-happen',
  'undici',
  'sigstore',
  '@sigstore/sign',
  'got',
  'axios',
  'node-fetch',
  'minipass-fetch',
  'tuf-js',
];

interface Walk {
  /** Each file reached, with the file that led to it. */
  reached: Map<string, string | undefined>;
  unresolved: string[];
}

/** Follows every import, re-export, import() and require() with a literal, into packages too. */
function walk(entry: string): Walk {
  const reached = new Map<string, string | undefined>([[entry, undefined]]);
  const unresolved: string[] = [];
  const queue = [entry];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (!['.js', '.mjs', '.cjs'].includes(extname(file))) continue;
    for (const specifier of specifiersOf(readFileSync(file, 'utf8'))) {
      if (isBuiltin(specifier)) continue;
      const target = resolve(specifier, file);
      if (target === undefined) unresolved.push(`${specifier} in ${relative(root, file)}`);
      else if (!reached.has(target)) {
        reached.set(target, file);
        queue.push(target);
      }
    }
  }
  return { reached, unresolved };
}

function specifiersOf(text: string): Set<string> {
  const found = new Set<string>();
  const code = text.replaceAll(/\/\*[\s\S]*?\*\//g, '').replaceAll(/(^|\s)\/\/.*$/gm, '$1');
  for (const match of code.matchAll(/(?:\bfrom|\bimport|\brequire)\s*\(?\s*(['"])([^'"\n\\]+)\1/g))
    found.add(match[2] ?? '');
  return found;
}

function resolve(specifier: string, from: string): string | undefined {
  const attempts = [
    (): string => fileURLToPath(import.meta.resolve(specifier, pathToFileURL(from))),
    (): string => createRequire(from).resolve(specifier),
    (): string => join(dirname(from), specifier),
  ];
  for (const attempt of attempts) {
    try {
      const path = attempt();
      if (existsSync(path) && statSync(path).isFile()) return path;
    } catch {
      // Not resolvable this way: the next one may know it, and what none knows is reported.
    }
  }
  return undefined;
}

function chain({ reached }: Walk, file: string): string {
  const steps: string[] = [];
  for (let at: string | undefined = file; at !== undefined; at = reached.get(at))
    steps.unshift(relative(root, at));
  return steps.join('\n  -> ');
}

for (const role of ['client', 'run', 'import', 'verify', 'export', 'list', 'request']) {
  test(`the isolated half (roles/${role}) reaches no library that fetches, packages included`, () => {
    const walked = walk(join(root, `dist/src/roles/${role}.js`));
    assert.ok(walked.reached.size > 20, 'the walk goes somewhere');
    const wrong = [...walked.reached.keys()].filter((file) => {
      const path = relative(root, file);
      if (path.startsWith('dist/src/upstream/')) return true;
      const name = /.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1];
      return name !== undefined && FETCHING.includes(name);
    });
    assert.deepEqual(
      wrong.map((file) => chain(walked, file)),
      [],
    );
  });
}

test('the walk does find a fetching library where there is one', () => {
  const { reached } = walk(join(root, 'dist/src/roles/source.js'));
  assert.ok([...reached.keys()].some((file) => file.includes('node_modules/undici/')));
});
