import assert from 'node:assert/strict';
import { accessSync, constants, existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { load } from 'js-yaml';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

/** There may be no Docker where this runs: what can be read is held to what is in the project. */

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const DOCKERFILE = 'docs/docker/Dockerfile';
const COMPOSE = 'docs/docker/compose.yaml';
const INSTRUCTIONS =
  /^(ARG|FROM|WORKDIR|COPY|RUN|USER|ENV|VOLUME|EXPOSE|STOPSIGNAL|ENTRYPOINT|CMD) (.+)$/;

interface Service {
  build: { context: string; dockerfile: string; args: Record<string, string> };
  command: string[];
  volumes: string[];
}

const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');

/** Continued lines in one, remarks left out. */
const instructions = text(DOCKERFILE)
  .replaceAll(/\\\n\s*/g, '')
  .split('\n')
  .filter((line) => line !== '' && !line.startsWith('#'))
  .map((line) => INSTRUCTIONS.exec(line) ?? assert.fail(`no instruction: ${line}`))
  .map(([, name = '', rest = '']) => ({ name, rest }));
const all = (name: string): string[] =>
  instructions.filter((one) => one.name === name).map(({ rest }) => rest);

test('every stage of the image is made from the one base that a build argument names', () => {
  assert.match(text(DOCKERFILE), /^ARG BASE=/m);
  assert.deepEqual(all('FROM'), ['${BASE} AS build', '${BASE}']);
});

test('the image takes what is there, starts x as nobody in particular, and stops by SIGTERM', () => {
  for (const copied of all('COPY').filter((rest) => !rest.startsWith('--from=')))
    for (const path of copied.split(' ').slice(0, -1))
      assert.ok(existsSync(join(ROOT, path)), path);
  // The README has people start this file itself, before it is linked anywhere.
  accessSync(join(ROOT, 'bin/run.js'), constants.X_OK);
  const { scripts } = JSON.parse(text('package.json')) as { scripts: Record<string, string> };
  for (const [, script = ''] of text(DOCKERFILE).matchAll(/npm run ([\w:-]+)/g))
    assert.ok(script in scripts, script);
  assert.deepEqual(
    all('ENTRYPOINT').map((words) => JSON.parse(words) as unknown),
    [['x']],
  );
  assert.deepEqual([all('USER'), all('STOPSIGNAL')], [['x'], ['SIGTERM']]);
});

test('compose has a source and a client, with commands and folders that are there', () => {
  const { services, volumes } = load(text(COMPOSE)) as {
    services: Record<string, Partial<Service> & { '<<': Partial<Service> }>;
    volumes: Record<string, unknown>;
  };
  assert.deepEqual(Object.keys(services), ['source', 'client']);
  const [home = ''] = all('VOLUME');
  for (const [name, { '<<': both, ...own }] of Object.entries(services)) {
    const { build, command, volumes: mounts } = { ...both, ...own } as Service;
    assert.equal(command[0], name);
    assert.ok(existsSync(join(ROOT, 'commands', `${name}.ts`)));
    assert.ok(existsSync(join(ROOT, 'docs/docker', build.context, build.dockerfile)));
    assert.deepEqual(Object.keys(build.args), ['BASE']);
    assert.ok(mounts.includes(`${name}:${home}`), `${name} keeps its data folder`);
    assert.ok(name in volumes);
  }
});

test('neither names a host of a registry', () => {
  const addresses = [DOCKERFILE, COMPOSE].flatMap((path) =>
    [...text(path).matchAll(/https?:\/\/([^/:\s']+)/g)].map((match) => match[1]),
  );
  assert.deepEqual([...new Set(addresses)].sort(), ['127.0.0.1', 'depot.lan']);
});
