import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { startFixtures, type Fixtures } from '../../fixtures/upstream/fixtures.js';
import type { Hint } from '../../src/network/seen-versions.js';
import { startNode, until } from '../swarm/public/hosts.js';
import { openWorld, type World } from './world.js';

interface Scene extends World {
  own: Fixtures;
  /** What a node of the swarm heard, in order. */
  heard: string[];
  /** Signs a bundle of these lines and ends; what it says of hints. */
  plan(
    lines: readonly string[],
    options?: { name?: string; hasSwarm?: boolean },
  ): Promise<string[]>;
}

/** A node that only listens, and a source whose one peer it is. */
async function openScene(context: TestContext, publicIndexes: (own: Fixtures) => string[]) {
  const world = await openWorld(context);
  const own = await startFixtures(join(world.folder, 'own-fixtures'));
  context.after(() => own.close());
  const heard: string[] = [];
  const onHint = ({ type, ecosystem, name, version }: Hint): void =>
    void heard.push([type, ecosystem, name, version].join(' '));
  const node = await startNode(context, 78, { network: 'x-test', onHint });
  const [address = ''] = node.host.listening().map(String);
  const peer = `127.0.0.78:${/\/tcp\/([0-9]+)/.exec(address)?.[1] ?? ''}`;
  const plan: Scene['plan'] = async (lines, { name = 'wanted', hasSwarm = true } = {}) => {
    const file = join(world.folder, 'wanted.txt');
    await writeFile(file, `${lines.join('\n')}\n`);
    const process = world.start(
      [
        ...['source', '-r', file, '--name', name, '--once', '--data', world.data('source')],
        ...['--target', 'linux/amd64/glibc2.36,python=3.12,node=22'],
        ...publicIndexes(own).flatMap((url) => ['--public-index', url]),
        ...(hasSwarm ? ['--network', 'x-test', '--peer', peer] : ['--no-swarm']),
      ],
      own.allEnv,
    );
    const { code, stdout, stderr } = await process.exited;
    assert.equal(code, 0, stdout + stderr);
    return process.events
      .filter(({ event }) => event === 'hint')
      .map((event) =>
        [event['type'], event['ecosystem'], event['name'], event['version']].join(' '),
      );
  };
  return { ...world, own, heard, plan } satisfies Scene;
}

test('what a source plans that is newer than all it knew is told to the swarm, once it is signed', async (context) => {
  const { heard, plan } = await openScene(context, ({ server }) => [
    server.pypiIndex,
    server.npmRegistry,
  ]);
  const old = ['x-alpha==1.0', 'x-beta==1.5', '#x pkg:npm/x-fix-leaf@1.0.0'];
  assert.deepEqual(await plan(old), [], 'seen for the first time');
  const fresh = ['x-alpha', 'x-beta', '#x pkg:npm/x-fix-leaf@1.1.0'];
  const told = await plan(fresh);
  assert.deepEqual(told.sort(), ['version npm x-fix-leaf 1.1.0', 'version pypi x-alpha 2.0']);
  await until('it is heard', () => heard.length >= told.length);
  assert.deepEqual([...heard].sort(), told);
  assert.deepEqual(await plan(fresh), [], 'it is known now');
  assert.deepEqual(await plan(old), [], 'what is older is no news');
  assert.equal(heard.length, told.length);
});

test('with --no-swarm nobody is told', async (context) => {
  const { heard, plan } = await openScene(context, ({ server }) => [server.pypiIndex]);
  await plan(['x-alpha==1.0']);
  // It remembers the node that it met.
  assert.deepEqual(await plan(['x-alpha'], { hasSwarm: false }), []);
  // What is said later is heard: so would that have been.
  await plan(['x-gamma==0.9', 'x-delta==1.0'], { name: 'other' });
  const told = await plan(['x-delta==2.0rc1'], { name: 'other' });
  assert.deepEqual(told, ['version pypi x-delta 2.0rc1']);
  await until('it is heard', () => heard.length > 0);
  assert.deepEqual(heard, told);
});

test('a private name is never told, nor one that is private elsewhere', async (context) => {
  let indexes: (own: Fixtures) => string[] = ({ server }) => [server.npmRegistry];
  const { heard, plan } = await openScene(context, (own) => indexes(own));
  const leaf = (version: string): string => `#x pkg:npm/x-fix-leaf@${version}`;
  await plan(['x-alpha==1.0', 'x-delta==1.0', leaf('1.0.0')]);
  const told = await plan(['x-alpha', 'x-delta==1.0', leaf('1.1.0')]);
  assert.deepEqual(told, ['version npm x-fix-leaf 1.1.0']);
  // Another bundle has it from an index that is public: the name stays what it is.
  indexes = ({ server }) => [server.npmRegistry, server.pypiIndex];
  assert.deepEqual(await plan(['x-delta==2.0rc1'], { name: 'public' }), []);
  await until('it is heard', () => heard.length > 0);
  assert.deepEqual(heard, told);
});
