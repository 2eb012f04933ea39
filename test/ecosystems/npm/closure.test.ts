import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closureFor } from '../../../src/ecosystems/npm/closure.js';
import { proveClosure } from '../../../src/ecosystems/npm/second-walk.js';
import { fitsEngine, fitsPlatform, platformOf } from '../../../src/ecosystems/npm/platform.js';
import { parseTarget } from '../../../src/domain/target.js';
import type { NpmEdgeType, NpmTree, NpmTreeNode } from '../../../src/ports/npm-registry.js';

/** A tree written as `id: "type to, type to"`, with what differs from an ordinary package. */
function treeOf(
  edges: Record<string, string>,
  more: Record<string, Partial<NpmTreeNode>> = {},
): NpmTree {
  const nodes = Object.entries(edges).map(([id, text]) => ({
    id: id === 'root' ? '' : id,
    name: id,
    version: '1.0.0',
    kind: id === 'root' ? ('root' as const) : ('registry' as const),
    resolved: undefined,
    integrity: undefined,
    failure: undefined,
    os: [],
    cpu: [],
    libc: [],
    engineNode: undefined,
    edges: text
      .split(', ')
      .filter((part) => part !== '')
      .map((part) => {
        const [type, to] = part.split(' ');
        return { name: to ?? '', type: type as NpmEdgeType, spec: '*', overridden: false, to };
      }),
    ...more[id],
  }));
  return { nodes, warnings: [] };
}

const platform = platformOf(parseTarget('linux/amd64/glibc2.36,node=22'));
const options = { targetId: 'here', dev: true };

function included(tree: NpmTree, dev = true): string {
  return [...closureFor(tree, platform, { targetId: 'here', dev }).included]
    .sort()
    .join(' ')
    .trim();
}

test('a client that does not look at platforms gets what is for any of them', () => {
  const tree = treeOf(
    { root: 'optional mac, optional old', mac: 'prod deep', deep: '', old: '' },
    { mac: { os: ['darwin'] }, old: { engineNode: '^4' } },
  );
  assert.equal(included(tree), '');
  const all = closureFor(tree, platform, { targetId: 'here', dev: true, everyPlatform: true });
  assert.deepEqual([...all.included].sort(), ['', 'deep', 'mac', 'old']);
});

test('an optional package goes with everything that needs it, and with what only it needs', () => {
  const tree = treeOf(
    {
      root: 'prod a, optional wrapper',
      a: 'optional mac, prod shared',
      wrapper: 'prod mac, prod own, prod shared',
      mac: 'prod deep',
      own: '',
      deep: '',
      shared: '',
    },
    { mac: { os: ['darwin'] } },
  );
  assert.equal(included(tree), 'a shared');
});

test('something required that does not fit is refused, unless only dev wants it and dev is left out', () => {
  const tree = treeOf(
    { root: 'dev tool, prod a', tool: 'prod mac', mac: '', a: '' },
    { mac: { os: ['darwin'] } },
  );
  assert.throws(() => closureFor(tree, platform, options), {
    code: 'NOT_RESOLVABLE',
    message: /mac@1\.0\.0, required by tool@1\.0\.0/,
  });
  assert.equal(included(tree, false), 'a');
});

test('what nothing answers is refused, be it asked for or needed; optional and unwanted edges may lead nowhere', () => {
  const nowhere = (type: NpmEdgeType) => [
    { name: 'gone', type, spec: '^1', overridden: false, to: undefined },
  ];
  for (const type of ['prod', 'peer', 'dev'] as const) {
    assert.throws(
      () => closureFor(treeOf({ root: '' }, { root: { edges: nowhere(type) } }), platform, options),
      {
        code: 'NOT_RESOLVABLE',
        message: /nothing answers gone@\^1, which the project needs/,
      },
    );
  }
  const inner = (type: NpmEdgeType) =>
    treeOf({ root: 'prod a', a: '' }, { a: { edges: nowhere(type) } });
  assert.throws(() => closureFor(inner('prod'), platform, options), /which a@1\.0\.0 needs/);
  assert.equal(included(inner('peerOptional')), 'a');
  assert.equal(included(inner('optional')), 'a');
  assert.equal(included(treeOf({ root: '' }, { root: { edges: nowhere('dev') } }), false), '');
});

test('a seal asks for what the project itself names', () => {
  const held = [
    {
      name: 'a',
      version: '1.0.0',
      purl: 'pkg:npm/a@1.0.0',
      packageJson: {},
      targets: ['here'],
      overrides: {},
    },
  ];
  const root = (dependencies: Record<string, string>) => [
    { label: 'package.json', dependencies, targets: ['here'] },
  ];
  assert.deepEqual(proveClosure(held, root({ a: '^1' })), []);
  assert.throws(() => proveClosure(held, root({ A: '^1' })), {
    code: 'NOT_RESOLVABLE',
    message: /package\.json needs A@\^1 on here/,
  });
});

test('peers are followed, optional ones where npm put them into the tree, cycles end', () => {
  const tree = treeOf({ root: 'prod a', a: 'peer b, peerOptional c', b: 'prod a', c: '' });
  assert.equal(included(tree), 'a b c');
});

test('an optional package for other Node versions is left out, a required one is npm’s to warn of', () => {
  const edges = { root: 'prod a, optional b', a: '', b: '' };
  const tree = treeOf(edges, { a: { engineNode: '>=30' }, b: { engineNode: '>=30' } });
  assert.equal(included(tree), 'a');
});

test('targets are read in npm’s words', () => {
  const musl = platformOf(parseTarget('linux/armhf/musl1.2'));
  assert.deepEqual(musl, { os: 'linux', cpu: 'arm', libc: 'musl', node: undefined });
  assert.deepEqual(platformOf(parseTarget('windows/i386')), {
    os: 'win32',
    cpu: 'ia32',
    libc: undefined,
    node: undefined,
  });
  const wants = (os: string[], cpu: string[], libc: string[]): boolean =>
    fitsPlatform({ os, cpu, libc }, platform);
  assert.ok(wants(['!win32'], [], []));
  assert.ok(wants(['linux', 'darwin'], ['x64'], ['glibc']));
  assert.ok(!wants(['linux'], ['x64'], ['musl']));
  assert.ok(!wants(['!linux'], [], []));
  assert.ok(
    !fitsPlatform({ os: [], cpu: [], libc: ['glibc'] }, platformOf(parseTarget('macos14/arm64'))),
  );
  assert.ok(fitsEngine('^20 || >=22.12', platform));
  assert.ok(!fitsEngine('<22', platform));
});

test('newer Yarns fetch what a package for another platform needs, whatever Node it asks for', () => {
  const tree = treeOf(
    {
      root: 'optional wrapper',
      wrapper: 'optional mac',
      mac: 'prod tool',
      tool: 'prod deep',
      deep: '',
    },
    { mac: { os: ['darwin'] }, tool: { engineNode: '>=99' } },
  );
  assert.equal(included(tree), 'wrapper');
  assert.equal(included({ ...tree, throughUnfit: true }), 'deep tool wrapper');
  const patched = tree.nodes.map((node) =>
    node.id === 'mac' ? { ...node, everywhere: true } : node,
  );
  const all = included({ nodes: patched, warnings: [], throughUnfit: true });
  assert.equal(all, 'deep mac tool wrapper');
});
