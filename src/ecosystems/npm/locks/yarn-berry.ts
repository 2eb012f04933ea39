import { posix } from 'node:path';
import type { JsonObject } from '../../../domain/plan.js';
import type { InputFile } from '../../../ports/ecosystem.js';
import type { NpmTree } from '../../../ports/npm-registry.js';
import { isObject, strings } from '../json.js';
import { addressKind } from './address.js';
import { LockedTree } from './locked-tree.js';
import { askedOf, partsOf, Patterns, type LockedProject, type YarnTable } from './yarn-patterns.js';

/** @see https://yarnpkg.com/configuration/yarnrc (a yarn.lock of Yarn 2 and newer is the project's whole graph) */
export function readBerry(file: InputFile, table: YarnTable, project: LockedProject): NpmTree {
  const tree = new LockedTree(file.path, 'yarn');
  const isAlone = project.manifest === undefined;
  const patterns = new Patterns(project.manifest?.['resolutions'], 'berry');
  const folders = new Map(project.folders.map(({ path, manifest }) => [path, manifest]));
  if (project.manifest !== undefined) folders.set('.', project.manifest);
  const roots: string[] = [];
  for (const [key, entry] of Object.entries(table)) {
    const resolution = text(entry['resolution']) ?? '';
    const { name, spec } = partsOf(resolution);
    const version = text(entry['version']) ?? '';
    addBerry(tree, key, name, spec, version);
    if (spec.startsWith('workspace:')) roots.push(key);
    for (const pattern of key.split(/,\s*/)) patterns.add(pattern.trim(), key, version);
  }
  for (const [key, entry] of Object.entries(table)) {
    const { name, spec } = partsOf(text(entry['resolution']) ?? '');
    const workspace = spec.startsWith('workspace:') ? folders.get(spec.slice(10)) : undefined;
    connectDependencies(tree, key, entry, { patterns, workspace, isAlone });
    connectOriginal(tree, key, { name, spec }, patterns);
  }
  for (const key of roots) {
    tree.connect('', { name: key, type: 'workspace', spec: '*', to: key });
  }
  if (isAlone) connectAll(tree, Object.keys(table));
  if (roots.length === 0) tree.problem('it has no workspace entry, so nothing says what is needed');
  return { ...tree.finish(), throughUnfit: true };
}

/** What an entry needs; of a workspace its package.json says what is for development. */
function connectDependencies(
  tree: LockedTree,
  key: string,
  entry: YarnTable[string],
  known: { patterns: Patterns; workspace: JsonObject | undefined; isAlone: boolean },
): void {
  const { patterns, workspace = {}, isAlone } = known;
  const dev = new Set(
    askedOf(workspace).flatMap(({ type, name }) => (type === 'dev' ? [name] : [])),
  );
  const meta = jsonOf(entry['dependenciesMeta']);
  // What is relative to a package is bound to it.
  const resolution = text(entry['resolution']) ?? '';
  const locator = encodeURIComponent(resolution);
  const { name: from } = partsOf(resolution);
  for (const [name, range] of Object.entries(strings(jsonOf(entry['dependencies'])))) {
    const about = isObject(meta) ? meta[name] : undefined;
    const optional = isObject(about) && String(about['optional']) === 'true';
    const specs = [range, `npm:${range}`, `${range}::locator=${locator}`];
    const [to] = patterns.find(name, specs, { name: from, version: text(entry['version']) ?? '' });
    // What "resolutions" put in its place, only the package.json says.
    if (to === undefined && isAlone) continue;
    const type = optional ? 'optional' : dev.has(name) ? 'dev' : 'prod';
    tree.connect(key, { name, type, spec: range, to });
  }
}

/** Without a package.json nothing says what stands for what: then everything is carried, for the platforms that it fits. */
function connectAll(tree: LockedTree, keys: readonly string[]): void {
  tree.warn('there is no package.json beside it, so everything that is locked is carried');
  for (const key of keys) {
    if (tree.has(key)) tree.connect('', { name: key, type: 'optional', spec: '*', to: key });
  }
}

/** What an entry patches is fetched before it is known whether the platform fits. */
function connectOriginal(
  tree: LockedTree,
  key: string,
  { name, spec }: { name: string; spec: string },
  patterns: Patterns,
): void {
  const original = patchedOf(spec);
  if (original === undefined) return;
  const to = patterns.unreplaced(name, [original]);
  tree.connect(key, { name, type: 'prod', spec: original, to });
  if (to !== undefined) tree.fetchEverywhere(to);
}

function addBerry(tree: LockedTree, id: string, name: string, spec: string, version: string): void {
  const protocol = /^([a-z+]+):/.exec(spec)?.[1] ?? '';
  switch (protocol) {
    case 'npm':
      // Behind `::` stands where Yarn took it from.
      tree.add({ id, name, version: spec.slice(4).split('::')[0] ?? '', kind: 'registry' });
      return;
    case 'workspace':
      tree.add({ id, name, version, kind: 'folder' });
      return;
    case 'patch':
      // The package that is patched is an entry of its own; the patch is a file of the project.
      tree.add({ id, name, version, kind: 'folder' });
      return;
    case 'link':
    case 'portal':
    case 'file':
    case 'exec':
      tree.addLocal({ id, name, version }, `${name}@${spec.split(/#|::/)[0]}`, localPath(spec));
      return;
    default:
      if (addressKind(spec) === undefined) {
        tree.problem(`${name}@${spec.slice(0, 200)}: no protocol that is known`);
        return;
      }
      tree.add({ id, name, version, kind: 'remote', address: berryAddress(spec) });
  }
}

/** Where a local entry lies in the project; undefined where that is relative to no workspace of it. */
function localPath(spec: string): string | undefined {
  const locator = /[:&]locator=([^&]*)/.exec(spec)?.[1];
  const workspace = /@workspace:(.*)$/.exec(decoded(locator ?? '@workspace:.'))?.[1];
  if (workspace === undefined) return undefined;
  const path = decoded(/^[a-z]+:([^#]*?)(?:#|::|$)/.exec(spec)?.[1] ?? '');
  if (path.startsWith('~/')) return path.slice(2);
  return posix.isAbsolute(path) ? path : posix.join(workspace, path);
}

/** `https://github.com/u/r.git#commit=…` as npm writes a git address. */
export function berryAddress(spec: string): string {
  const commit = /#(?:.*&)?commit=([0-9a-f]+)/.exec(spec)?.[1];
  if (commit === undefined) return spec.split('::')[0] ?? spec;
  const repository = spec.split('#')[0] ?? spec;
  return `${/^git\+|^git:/.test(repository) ? '' : 'git+'}${repository}#${commit}`;
}

/** What a `patch:` resolution patches: `patch:fsevents@npm%3A2.3.2#…` is of `npm:2.3.2`. */
function patchedOf(spec: string): string | undefined {
  const source = /^patch:([^#]+)#/.exec(spec)?.[1];
  if (source === undefined) return undefined;
  return partsOf(decoded(source)).spec;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // Not encoded, then.
    return text;
  }
}

/** The parser's answer is plain JSON: strings and tables of them. */
function jsonOf(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
