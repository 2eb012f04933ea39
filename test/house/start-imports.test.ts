import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Packages that a module of ours loads with itself: imports written at its top, followed through ours alone. */
function loadedWith(entry: string): Set<string> {
  const packages = new Set<string>();
  const reached = new Set([pathToFileURL(join(root, entry)).href]);
  for (const file of reached) {
    const code = readFileSync(new URL(file), 'utf8');
    for (const [, specifier = ''] of code.matchAll(
      /^(?:import|export)\b(?:[^'";()]*\bfrom)?\s*'([^']+)';$/gm,
    )) {
      if (isBuiltin(specifier)) continue;
      if (specifier.startsWith('.')) reached.add(new URL(specifier, file).href);
      else packages.add(/^(?:@[^/]+\/)?[^/]+/.exec(specifier)?.[0] ?? specifier);
    }
  }
  return packages;
}

test('a source that only plans Python loads nothing for signatures, http, npm’s trees or siblings', () => {
  const packages = loadedWith('dist/src/roles/source.js');
  assert.ok(packages.has('better-sqlite3'), 'the walk goes somewhere');
  for (const heavy of [
    'undici',
    'openpgp',
    'libp2p',
    'pacote',
    'yauzl',
    '@npmcli/arborist',
    '@sigstore/verify',
    '@tufjs/models',
  ]) {
    assert.ok(!packages.has(heavy), `${heavy} is loaded at the start`);
  }
  assert.ok(loadedWith('dist/src/roles/carry-plan.js').has('@tufjs/models'));
  assert.ok(loadedWith('dist/src/upstream/http-dispatcher.js').has('undici'));
});

test('the list of commands is the one of the folder, so that one command loads one', () => {
  const manifest = JSON.parse(readFileSync(join(root, 'oclif.manifest.json'), 'utf8')) as {
    commands: Record<string, { relativePath: string[] }>;
  };
  for (const [id, { relativePath }] of Object.entries(manifest.commands)) {
    assert.deepEqual(relativePath, ['dist', 'commands', `${id}.js`]);
  }
  assert.ok(Object.keys(manifest.commands).includes('source'));
});
