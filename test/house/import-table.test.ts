import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Who may import whom (docs/architecture.md holds the same table). A room may always import itself. */
const TABLE: Record<string, readonly string[]> = {
  domain: [],
  ports: ['domain'],
  platform: ['domain', 'ports'],
  config: ['domain'],
  ecosystems: ['domain', 'ports'],
  trust: ['domain', 'ports'],
  transfer: ['domain', 'ports'],
  store: ['domain', 'ports'],
  upstream: ['domain', 'ports'],
  archive: ['domain', 'ports'],
  gateway: ['domain', 'ports'],
  page: ['domain', 'ports'],
  network: ['domain', 'ports', 'trust'],
  swarm: ['domain', 'ports', 'transfer', 'network'],
  operations: ['domain', 'ports', 'trust', 'transfer'],
  commands: ['operations', 'roles', 'config', 'domain'],
};

/** Libraries that fetch from outside live in upstream/ alone. */
const FETCHING =
  /^(pacote|@npmcli\/(arborist|config)|npm-registry-fetch|undici|make-fetch-happen|node:https?)$/;
const FETCHING_ALLOWED: Record<string, RegExp> = { gateway: /^node:https?$/ };

/** What domain may use of Node. */
const DOMAIN_BUILTINS = new Set(['node:crypto']);

interface Import {
  file: string;
  room: string;
  specifier: string;
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8');
  const room = file.startsWith('src/') ? (file.split('/')[1] ?? '') : 'commands';
  const pattern =
    /(?:^|\n)\s*(?:import|export)\s[^;'"]*?from\s+['"]([^'"]+)['"]|import\(\s*['"]([^'"]+)['"]\s*\)|(?:^|\n)\s*import\s+['"]([^'"]+)['"]/g;
  return [...text.matchAll(pattern)].map((match) => ({
    file,
    room,
    specifier: match[1] ?? match[2] ?? match[3] ?? '',
  }));
}

function roomOf(imported: Import): string | undefined {
  if (!imported.specifier.startsWith('.')) return undefined;
  const path = relative(root, join(root, dirname(imported.file), imported.specifier));
  return path.startsWith('src/') ? path.split('/')[1] : path.split('/')[0];
}

const all = globSync(['src/**/*.ts', 'commands/**/*.ts'], { cwd: root }).flatMap(importsOf);

test('every import is one that the table of rooms allows', () => {
  assert.ok(all.length > 20, 'the pattern finds imports');
  const wrong = all.filter((imported) => {
    const to = roomOf(imported);
    if (to === undefined || to === imported.room || imported.room === 'roles') return false;
    return !(TABLE[imported.room] ?? []).includes(to);
  });
  assert.deepEqual(wrong, []);
});

test('domain uses nothing but itself and hashing', () => {
  const wrong = all.filter(
    ({ room, specifier }) =>
      room === 'domain' && !specifier.startsWith('.') && !DOMAIN_BUILTINS.has(specifier),
  );
  assert.deepEqual(wrong, []);
});

test('libraries that fetch are imported by upstream alone', () => {
  const wrong = all.filter(
    ({ room, specifier }) =>
      FETCHING.test(specifier) && room !== 'upstream' && !FETCHING_ALLOWED[room]?.test(specifier),
  );
  assert.deepEqual(wrong, []);
});

/** Evidence of one kind that several ecosystems' publishers leave. */
const SHARED_EVIDENCE = 'sigstore';

test('ecosystems do not import each other', () => {
  const wrong = all.filter((imported) => {
    const from = /^src\/ecosystems\/([^/]+)\//.exec(imported.file)?.[1];
    if (from === undefined || !imported.specifier.startsWith('.')) return false;
    const to = /^src\/ecosystems\/([^/]+)\//.exec(
      join(dirname(imported.file), imported.specifier),
    )?.[1];
    return to !== undefined && to !== from && to !== SHARED_EVIDENCE;
  });
  assert.deepEqual(wrong, []);
});
