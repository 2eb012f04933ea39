import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { buildNpmFixture } from '../../../fixtures/upstream/npm.js';
import { startFixtureUpstream, type FixtureServer } from '../../../fixtures/upstream/server.js';
import type { NpmSourceOptions } from '../../../src/ecosystems/npm/source.js';
import { createNpmRegistry } from '../../../src/upstream/npm-registry.js';
import { chosen, planOf } from './held.js';

let server: FixtureServer;
let folder: string;
let options: NpmSourceOptions;
/** Publication times by version, as the fixture's registry states them. */
let time: Record<string, string>;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'x-npm-age-'));
  server = await startFixtureUpstream({ npm: buildNpmFixture() });
  const env = { PATH: '', HOME: folder, npm_config_registry: server.npmRegistry };
  options = { registry: createNpmRegistry({ env, folder }) };
  const answer = await fetch(new URL('x-fix-leaf', server.npmRegistry));
  ({ time } = (await answer.json()) as { time: Record<string, string> });
});

after(async () => {
  await server.close();
  await rm(folder, { recursive: true });
});

const atTime = (version: string): Date => new Date(time[version] ?? '');

test('versions are chosen among those that are not newer', async () => {
  const notNewerThan = atTime('1.1.0');
  const files = { 'package.json': { dependencies: { 'x-fix-leaf': '*' } } };
  assert.deepEqual(chosen(await planOf(options, { files })), ['x-fix-leaf@2.0.0']);
  assert.deepEqual(chosen(await planOf(options, { files, notNewerThan })), ['x-fix-leaf@1.1.0']);
  const purls = ['pkg:npm/x-fix-leaf'];
  assert.deepEqual(chosen(await planOf(options, { purls, notNewerThan })), ['x-fix-leaf@1.1.0']);
});

test('where nothing is old enough, the failure says that the age limit is why', async () => {
  const notNewerThan = new Date(atTime('1.0.0').getTime() - 1);
  await assert.rejects(planOf(options, { purls: ['pkg:npm/x-fix-leaf@^1'], notNewerThan }), {
    code: 'VERSION_NOT_FOUND',
    message: /x-fix-leaf@\^1: no published version fits of those not newer than 2025-12-31T/,
  });
});

test('a lockfile that names a newer version is refused, and not resolved anew', async () => {
  const files = {
    'package-lock.json': {
      lockfileVersion: 3,
      packages: {
        '': { dependencies: { 'x-fix-leaf': '^2.0.0' } },
        'node_modules/x-fix-leaf': { version: '2.0.0' },
      },
    },
  };
  await planOf(options, { files, notNewerThan: atTime('2.0.0') });
  await assert.rejects(planOf(options, { files, notNewerThan: atTime('1.1.0') }), {
    code: 'NOT_RESOLVABLE',
    message: /published after .*: x-fix-leaf@2\.0\.0 \(2026-/,
  });
});
