import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import Arborist, { type ArboristNode } from '@npmcli/arborist';
import pacote from 'pacote';
import { isSafePath } from '../domain/bundle.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { JsonObject } from '../domain/plan.js';
import type { NpmEdgeType, NpmTree, NpmTreeNode, NpmTreeRequest } from '../ports/npm-registry.js';
import type { NpmConfig } from './npm-config.js';
import { asXError, packageNotFound } from './npm-errors.js';
import {
  departuresFromLock,
  dropUninstalledPeers,
  leaveOutPeers,
  sayLacking,
  takenAsItStands,
} from './npm-locked-tree.js';
import { nearNpmNames } from './npm-near-names.js';
import type { PackumentCache } from './npm-packuments.js';
import { prefetch } from './npm-prefetch.js';

/** What of a root package.json decides the tree. */
const ROOT_KEYS = [
  'name', 'version', 'dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies',
  'peerDependenciesMeta', 'bundleDependencies', 'bundledDependencies', 'overrides', 'workspaces',
  'packageExtensions',
]; // prettier-ignore

/** Why an optional dependency may be missing; anything else must not pass as "optional". */
const MAY_BE_MISSING = new Set(['PACKAGE_NOT_FOUND', 'VERSION_NOT_FOUND', 'NOT_RESOLVABLE']);

/**
 * npm's ideal tree of a project, built by npm's own arborist in an empty folder. Nothing is
 * installed, no script runs.
 * @throws XError as NpmRegistry.tree.
 */
export async function buildTree(
  request: NpmTreeRequest,
  config: NpmConfig,
  packuments: PackumentCache,
): Promise<NpmTree> {
  const folder = await mkdtemp(join(tmpdir(), 'x-npm-'));
  try {
    const project = join(folder, 'project');
    await writeProject(project, request);
    const manifests = [request.manifest, ...request.folders.map(({ manifest }) => manifest)];
    const locked = request.lockfile === undefined ? [] : lockedNames(request.lockfile);
    await prefetch(locked.length > 0 ? [] : manifests, locked, config, packuments);
    const before = earliest(request.before, config.options['before']);
    const options = {
      ...config.options,
      path: project,
      cache: join(folder, 'cache'),
      packumentCache: packuments,
      packageLock: true,
      // npm 12 runs a project's .npm-extension file: nothing is run here.
      ignoreExtension: true,
      ...(request.lockfile === undefined ? {} : { save: false }),
      ...(request.nodeVersion === undefined ? {} : { nodeVersion: request.nodeVersion }),
      before: before ?? null,
    };
    const root = await idealTree(options, config, { ...request, before }, packuments);
    const tree = toData(root);
    if (request.lockfile !== undefined) {
      const virtual = await new Arborist(options).loadVirtual();
      const locked = toData(virtual);
      const departures = departuresFromLock(tree, locked);
      const taken = departures.length > 0 ? takenAsItStands(locked, departures) : tree;
      dropUninstalledPeers(taken, virtual);
      // npm 6 installed no peers, and its lockfile is not given any later.
      if (!isObject(request.lockfile['packages'])) leaveOutPeers(taken);
      sayLacking(taken, locked);
      if (taken !== tree) return taken;
    }
    await addShrinkwraps(root, tree, options, folder);
    return tree;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The stricter of two age gates: the user's, and the one that npm itself is configured with. */
function earliest(asked: Date | undefined, configured: unknown): Date | undefined {
  if (!(configured instanceof Date)) return asked;
  return asked !== undefined && asked < configured ? asked : configured;
}

async function idealTree(
  options: Record<string, unknown>,
  config: NpmConfig,
  request: NpmTreeRequest,
  packuments: PackumentCache,
): Promise<ArboristNode> {
  const arborist = new Arborist(options);
  try {
    return await arborist.buildIdealTree();
  } catch (thrown) {
    // Raised for this host's platform after the tree is whole; the targets' platforms are checked later.
    if (systemCodeOf(thrown) === 'EBADPLATFORM' && arborist.idealTree) return arborist.idealTree;
    const { before, label } = request;
    const invalid = invalidPart(messageOf(thrown));
    const asker =
      invalid === undefined || asks(request, invalid)
        ? undefined
        : await packuments.whoAsks(invalid);
    if (asker !== undefined) {
      throw new XError(
        'UPSTREAM_MALFORMED',
        `npm: ${asker} asks for ${JSON.stringify(invalid)}: ${messageOf(thrown).slice(0, 500)}`,
        {
          hint: 'A published package asks for it, and can get it from no registry. Use another version of it, or an override.',
          cause: thrown,
        },
      );
    }
    const what = describe(thrown, label);
    const error = await withNearNames(asXError(thrown, what, before), what, config);
    const by = requiredBy(thrown);
    if (by === undefined || error.message.includes(by)) throw error;
    throw new XError(error.code, `${error.message} (required by ${by})`, {
      hint: error.hint,
      cause: thrown,
    });
  }
}

/** The name, tag or address that npm's parser says it cannot read. */
function invalidPart(message: string): string | undefined {
  const parts =
    /^Invalid package name "([^"]*)"|^Unsupported URL Type "[^"]*": (.*)$|^Invalid tag name "([^"]*)"/m;
  return parts
    .exec(message)
    ?.slice(1)
    .find((part) => part !== undefined);
}

/** Whether the project itself names it. */
function asks({ manifest, folders }: NpmTreeRequest, part: string): boolean {
  const own = [manifest, ...folders.map((folder) => folder.manifest)];
  return JSON.stringify(own).includes(JSON.stringify(part));
}

async function withNearNames(error: XError, what: string, config: NpmConfig): Promise<XError> {
  if (error.code !== 'PACKAGE_NOT_FOUND') return error;
  const name = /^npm: (\S+): /.exec(error.message)?.[1] ?? what;
  const bare = name.replace(/(?<=.)@.*$/, '');
  return packageNotFound(name, await nearNpmNames(bare, config), error.cause);
}

function describe(thrown: unknown, label = 'the dependency tree'): string {
  const fields = thrown as { name?: string; wanted?: string; package?: string } | null;
  if (typeof fields?.package === 'string') return fields.package;
  if (typeof fields?.wanted === 'string') return `${fields.name ?? ''}@${fields.wanted}`;
  return label;
}

function requiredBy(thrown: unknown): string | undefined {
  const location = (thrown as { requiredBy?: unknown } | null)?.requiredBy;
  if (typeof location !== 'string') return undefined;
  // The project itself: the user knows who that is.
  if (location === '.' || location === '') return undefined;
  return location.slice(location.lastIndexOf('node_modules/') + 'node_modules/'.length);
}

async function writeProject(project: string, request: NpmTreeRequest): Promise<void> {
  await mkdir(project, { recursive: true });
  const root = Object.fromEntries(
    ROOT_KEYS.flatMap((key) => {
      const value = request.manifest[key];
      return value === undefined ? [] : [[key, value]];
    }),
  );
  await writeFile(join(project, 'package.json'), JSON.stringify(root));
  if (request.lockfile !== undefined) {
    await writeFile(join(project, 'package-lock.json'), JSON.stringify(request.lockfile));
  }
  for (const { path, manifest } of request.folders) {
    if (!isSafePath(path)) {
      throw new XError('INPUT_MALFORMED', `npm: "${path}" is no folder inside the project`);
    }
    await mkdir(dirname(join(project, path, 'package.json')), { recursive: true });
    await writeFile(join(project, path, 'package.json'), JSON.stringify(manifest));
  }
}

/** Names in a lockfile, for the prefetch; arborist checks everything else. */
function lockedNames(lockfile: JsonObject): string[] {
  const names = new Set<string>();
  const packages = lockfile['packages'];
  if (isObject(packages)) {
    for (const [location, entry] of Object.entries(packages)) {
      const at = location.lastIndexOf('node_modules/');
      if (at < 0 || !isObject(entry) || entry['link'] === true) continue;
      const own = entry['name'];
      names.add(typeof own === 'string' ? own : location.slice(at + 'node_modules/'.length));
    }
    return [...names];
  }
  const pending: unknown[] = [lockfile['dependencies']];
  for (let level = pending.pop(); level !== undefined; level = pending.pop()) {
    if (!isObject(level)) continue;
    for (const [name, entry] of Object.entries(level)) {
      names.add(name);
      if (isObject(entry) && entry['dependencies'] !== undefined)
        pending.push(entry['dependencies']);
    }
  }
  return [...names];
}

function toData(root: ArboristNode): NpmTree {
  const inventory = [...root.inventory.values()];
  const linked = new Set(inventory.filter((node) => node.isLink).map((node) => node.target));
  const nodes = inventory
    .filter((node) => !node.isLink)
    .map((node) => nodeData(node, linked.has(node)));
  nodes.sort((a, b) => (a.id === b.id ? 0 : a.id < b.id ? -1 : 1));
  return { nodes, warnings: [] };
}

function nodeData(node: ArboristNode, isFolder: boolean): NpmTreeNode {
  const manifest = node.package;
  const engines = manifest['engines'];
  return {
    id: node.location,
    name: node.packageName ?? node.name,
    version: node.version,
    kind: kindOf(node, isFolder),
    resolved: node.resolved === null ? undefined : withoutCredentials(node.resolved),
    integrity: node.integrity ?? undefined,
    failure: failureOf(node, isFolder),
    os: list(manifest['os']),
    cpu: list(manifest['cpu']),
    libc: list(manifest['libc']),
    engineNode:
      isObject(engines) && typeof engines['node'] === 'string' ? engines['node'] : undefined,
    edges: [...node.edgesOut.values()].filter(isOurs(node)).map((edge) => ({
      name: edge.name,
      type: edge.type as NpmEdgeType,
      spec: edge.spec,
      overridden: edge.spec !== edge.rawSpec,
      to:
        edge.to === null ? undefined : edge.to.isLink ? edge.to.target.location : edge.to.location,
    })),
  };
}

/** What a package bundles comes inside its tarball, whether or not the tree says so. */
function isOurs({ package: manifest, isProjectRoot }: ArboristNode) {
  const bundled = manifest['bundleDependencies'] ?? manifest['bundledDependencies'];
  const names = new Set(list(bundled));
  return (edge: { name: string; to: unknown }): boolean =>
    isProjectRoot || edge.to !== null || !(bundled === true || names.has(edge.name));
}

function kindOf(node: ArboristNode, isFolder: boolean): NpmTreeNode['kind'] {
  if (node.isProjectRoot) return 'root';
  if (isFolder) return 'folder';
  if (node.inDepBundle) return 'bundled';
  return node.isRegistryDependency ? 'registry' : 'other';
}

/** @throws XError where a registry failed for reasons that "optional" does not excuse. */
function failureOf(node: ArboristNode, isFolder: boolean): string | undefined {
  const error = node.errors[0];
  if (error !== undefined) {
    const failure = asXError(error, node.name);
    if (!MAY_BE_MISSING.has(failure.code)) throw failure;
    return failure.message;
  }
  if (node.version !== '' || node.isProjectRoot || isFolder) return undefined;
  return node.isRegistryDependency ? 'it has no version' : 'it could not be fetched';
}

/**
 * Packages that publish an npm-shrinkwrap.json bring their dependencies' exact versions inside the
 * tarball. npm up to 11 installs those, npm 12 what the ranges give: a bundle holds both. They are
 * unpacked (no script runs) and read as npm reads them.
 */
async function addShrinkwraps(
  root: ArboristNode,
  tree: NpmTree,
  options: Record<string, unknown>,
  folder: string,
): Promise<void> {
  let count = 0;
  for (const node of root.inventory.values()) {
    if (node.package['_hasShrinkwrap'] !== true || node.isLink || node.inert) continue;
    count += 1;
    const path = join(folder, `shrinkwrap-${count}`);
    const what = `${node.packageName ?? node.name}@${node.version}`;
    try {
      await pacote.extract(what, path, { ...options, integrity: node.integrity ?? undefined });
      const shrinkwrap = join(path, 'npm-shrinkwrap.json');
      if (!existsSync(shrinkwrap)) continue;
      // This arborist no longer looks for the other name; the format is the same.
      await rename(shrinkwrap, join(path, 'package-lock.json'));
      const inner = toData(await new Arborist({ ...options, path }).loadVirtual());
      graft(tree, node.location, inner);
    } catch (thrown) {
      throw asXError(thrown, `${what}, its npm-shrinkwrap.json`);
    }
  }
}

/** Hangs a shrinkwrapped package's own tree below its node. */
function graft(tree: NpmTree, location: string, inner: NpmTree): void {
  const parent = tree.nodes.find(({ id }) => id === location);
  if (parent === undefined) return;
  const moved = (id: string): string => (id === '' ? location : `${location}#${id}`);
  for (const node of inner.nodes) {
    // What a shrinkwrap leaves open (peers, mostly) is answered outside of it.
    const edges = node.edges.flatMap((edge) =>
      edge.to === undefined ? [] : [{ ...edge, to: moved(edge.to) }],
    );
    if (node.id !== '') tree.nodes.push({ ...node, id: moved(node.id), edges });
    else parent.edges.push(...edges.filter(({ type }) => type !== 'dev'));
  }
}

function withoutCredentials(address: string): string {
  if (!URL.canParse(address)) return address;
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url.href;
}

function list(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
