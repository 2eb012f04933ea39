import { messageOf, XError } from '../../../domain/errors.js';
import type { InputFile } from '../../../ports/ecosystem.js';
import type { NpmFolder, NpmTree } from '../../../ports/npm-registry.js';
import type { JsonObject } from '../../../domain/plan.js';
import semver from 'semver';
import { isObject, strings } from '../json.js';
import { addressKind } from './address.js';
import { LockedTree } from './locked-tree.js';

/** The project that a lockfile is of: what its package.json files ask for. */
export interface LockedProject {
  /** The root package.json; undefined where it is not there. */
  manifest: JsonObject | undefined;
  /** The workspaces. */
  folders: NpmFolder[];
}

type Table = Record<string, Record<string, unknown>>;

/**
 * Reads the two forms of yarn.lock with Yarn's own parser.
 * @throws XError INPUT_MALFORMED.
 */
export async function readYarnLock(file: InputFile, project: LockedProject): Promise<NpmTree> {
  // Only who has a yarn.lock pays for Yarn's parsers.
  const { parseSyml } = await import('@yarnpkg/parsers');
  let parsed: unknown;
  try {
    parsed = parseSyml(file.text.replace(/^\uFEFF/, ''));
  } catch (cause) {
    const place = /line (\d+)/.exec(messageOf(cause))?.[1];
    const reason = messageOf(cause).split('\n')[0]?.slice(0, 300) ?? '';
    throw new XError(
      'INPUT_MALFORMED',
      `${file.path}${place === undefined ? '' : `:${place}:1`}: no yarn.lock: ${reason}`,
      {
        hint: /^<{7}|^>{7}/m.test(file.text)
          ? 'It has merge conflict markers: run "yarn install", which resolves them.'
          : 'Run "yarn install" where the project is developed, which writes it anew.',
        cause,
      },
    );
  }
  const table: Table = Object.create(null) as Table;
  for (const [key, value] of Object.entries(isObject(parsed) ? parsed : {})) {
    if (isObject(value)) table[key] = value;
  }
  const metadata = table['__metadata'];
  delete table['__metadata'];
  return metadata === undefined
    ? readClassic(file, table, project)
    : readBerry(file, table, project);
}

/** Where the patterns of a lockfile lead: `name@range` to the key of the entry. */
class Patterns {
  readonly #ids = new Map<string, string>();
  readonly #byName = new Map<string, { id: string; version: string }[]>();
  readonly #resolutions: [string, string][];

  constructor(resolutions: unknown) {
    this.#resolutions = Object.entries(strings(isObject(resolutions) ? resolutions : {}));
  }

  add(pattern: string, id: string, version: string): void {
    this.#ids.set(pattern, id);
    const { name } = partsOf(pattern);
    const known = this.#byName.get(name) ?? [];
    if (!known.some((one) => one.id === id)) known.push({ id, version });
    this.#byName.set(name, known);
  }

  /**
   * The entry that answers a dependency. A range that the lockfile lacks was replaced by the project's
   * `resolutions` or `catalog`: then it is the one locked under that name, or the best that fits.
   */
  find(name: string, specs: readonly string[]): string | undefined {
    for (const spec of specs) {
      const exact = this.#ids.get(`${name}@${spec}`);
      if (exact !== undefined) return exact;
    }
    for (const [pattern, spec] of this.#resolutions) {
      if (pattern !== name && !pattern.endsWith(`/${name}`) && !pattern.includes(`/${name}@`)) {
        if (partsOf(pattern).name !== name) continue;
      }
      const replaced = this.#ids.get(`${name}@${spec}`) ?? this.#ids.get(`${name}@npm:${spec}`);
      if (replaced !== undefined) return replaced;
    }
    const known = this.#byName.get(name) ?? [];
    if (known.length === 1) {
      const fits = specs.some((spec) => this.#mayBe(spec, known[0]?.version ?? ''));
      return fits || this.#resolutions.length > 0 ? known[0]?.id : undefined;
    }
    const fitting = known.filter(({ version }) => specs.some((spec) => this.#mayBe(spec, version)));
    fitting.sort((a, b) => semver.compare(b.version, a.version));
    return fitting[0]?.id;
  }

  #mayBe(spec: string, version: string): boolean {
    if (spec.startsWith('catalog:')) return true;
    return semver.satisfies(version, spec.replace(/^npm:/, ''), { loose: true });
  }
}

/** `@scope/name@range` in two. */
export function partsOf(pattern: string): { name: string; spec: string } {
  const at = pattern.indexOf('@', 1);
  return at < 0
    ? { name: pattern, spec: '' }
    : { name: pattern.slice(0, at), spec: pattern.slice(at + 1) };
}

/** An alias's real name: `npm:lodash@^3`; undefined for a plain range. */
export function aliased(spec: string): string | undefined {
  const text = spec.startsWith('npm:') ? spec.slice(4) : undefined;
  if (text === undefined || text.indexOf('@', 1) < 0) {
    return text !== undefined && /^@?[a-z]/i.test(text) && semver.validRange(text) === null
      ? text
      : undefined;
  }
  return partsOf(text).name;
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** @see https://classic.yarnpkg.com/lang/en/docs/yarn-lock/ */
function readClassic(file: InputFile, table: Table, project: LockedProject): NpmTree {
  const tree = new LockedTree(file.path, 'yarn');
  const patterns = new Patterns(project.manifest?.['resolutions']);
  for (const [key, entry] of Object.entries(table)) {
    const asked = key.split(/,\s*/).map(unquoted);
    const [first = key] = asked;
    const { name, spec } = partsOf(first);
    const version = text(entry['version']) ?? '';
    const resolved = text(entry['resolved']);
    const kind = addressKind(spec);
    if (kind === 'local') {
      tree.warn(`${first} comes with the project and is not carried`);
      tree.add({ id: key, name, version, kind: 'folder' });
    } else if (kind !== undefined) {
      const address = resolved === undefined ? spec : withoutShasum(resolved, kind);
      tree.add({
        id: key,
        name,
        version,
        kind: 'remote',
        address,
        integrity: text(entry['integrity']),
      });
    } else {
      tree.add({
        id: key,
        name: aliased(spec) ?? name,
        version,
        kind: 'registry',
        integrity: text(entry['integrity']) ?? shasumOf(resolved),
      });
    }
    for (const pattern of asked) patterns.add(pattern, key, version);
  }
  for (const [key, entry] of Object.entries(table)) {
    for (const [type, field] of [
      ['prod', 'dependencies'],
      ['optional', 'optionalDependencies'],
    ] as const) {
      for (const [name, spec] of Object.entries(strings(jsonOf(entry[field])))) {
        tree.connect(key, { name, type, spec, to: patterns.find(name, [spec]) });
      }
    }
  }
  connectProject(tree, project, (name, spec) => patterns.find(name, [spec]), Object.keys(table));
  return { ...tree.finish(), everyPlatform: true };
}

function unquoted(pattern: string): string {
  return pattern.trim().replace(/^"(.*)"$/, '$1');
}

/** Yarn 1 writes `#sha1` behind a tarball's address; behind a git address it is the commit. */
export function withoutShasum(resolved: string, kind: 'remote' | 'git'): string {
  return kind === 'remote' || /^https:\/\/codeload\./.test(resolved)
    ? resolved.replace(/#[0-9a-f]{40}$/, '')
    : resolved;
}

/** The sha1 behind an address, as Subresource Integrity: for lockfiles older than `integrity`. */
function shasumOf(resolved: string | undefined): string | undefined {
  const sha1 = /#([0-9a-f]{40})$/.exec(resolved ?? '')?.[1];
  return sha1 === undefined ? undefined : `sha1-${Buffer.from(sha1, 'hex').toString('base64')}`;
}

/** The project's own dependencies, its workspaces' too; without a package.json, everything that is locked. */
function connectProject(
  tree: LockedTree,
  project: LockedProject,
  find: (name: string, spec: string) => string | undefined,
  keys: readonly string[],
): void {
  const { manifest, folders } = project;
  if (manifest === undefined) {
    tree.warn('there is no package.json beside it, so everything that is locked is carried');
    for (const id of keys) {
      if (tree.has(id)) tree.connect('', { name: id, type: 'prod', spec: '*', to: id });
    }
    return;
  }
  const own = new Map<string, string>();
  for (const { path, manifest: workspace } of folders) {
    const id = `workspace:${path}`;
    const name = text(workspace['name']) ?? path;
    own.set(name, id);
    tree.add({ id, name, version: text(workspace['version']) ?? '0.0.0', kind: 'folder' });
    tree.connect('', { name, type: 'workspace', spec: '*', to: id });
  }
  const members: [string, JsonObject][] = [
    ['', manifest],
    ...folders.map((folder): [string, JsonObject] => [`workspace:${folder.path}`, folder.manifest]),
  ];
  for (const [from, asking] of members) {
    for (const { name, type, spec } of askedOf(asking)) {
      if (addressKind(spec) === 'local') continue;
      const workspace = own.get(name);
      tree.connect(from, { name, type, spec, to: find(name, spec) ?? workspace });
    }
  }
}

/** A package.json's dependencies, each name once, as Yarn weighs them: optional over prod over dev. */
function askedOf(
  manifest: JsonObject,
): { name: string; type: 'prod' | 'dev' | 'optional'; spec: string }[] {
  const asked = new Map<
    string,
    { name: string; type: 'prod' | 'dev' | 'optional'; spec: string }
  >();
  for (const [type, field] of [
    ['dev', 'devDependencies'],
    ['prod', 'dependencies'],
    ['optional', 'optionalDependencies'],
  ] as const) {
    for (const [name, spec] of Object.entries(strings(manifest[field])))
      asked.set(name, { name, type, spec });
  }
  return [...asked.values()];
}

/** @see https://yarnpkg.com/configuration/yarnrc (a yarn.lock of Yarn 2 and newer is the project's whole graph) */
function readBerry(file: InputFile, table: Table, project: LockedProject): NpmTree {
  const tree = new LockedTree(file.path, 'yarn');
  const patterns = new Patterns(project.manifest?.['resolutions']);
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
    const dev = new Set(
      workspace === undefined
        ? []
        : askedOf(workspace).flatMap((asked) => (asked.type === 'dev' ? [asked.name] : [])),
    );
    const meta = jsonOf(entry['dependenciesMeta']);
    for (const [dependency, range] of Object.entries(strings(jsonOf(entry['dependencies'])))) {
      const about = isObject(meta) ? meta[dependency] : undefined;
      const optional = isObject(about) && String(about['optional']) === 'true';
      tree.connect(key, {
        name: dependency,
        type: optional ? 'optional' : dev.has(dependency) ? 'dev' : 'prod',
        spec: range,
        to: patterns.find(dependency, [range, `npm:${range}`]),
      });
    }
    connectOriginal(tree, key, { name, spec }, patterns);
  }
  for (const key of roots) {
    tree.connect('', { name: key, type: 'workspace', spec: '*', to: key });
  }
  if (roots.length === 0) tree.problem('it has no workspace entry, so nothing says what is needed');
  return { ...tree.finish(), throughUnfit: true };
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
  const to = patterns.find(name, [original]);
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
      tree.warn(`${name}@${spec.split('::')[0]} comes with the project and is not carried`);
      tree.add({ id, name, version, kind: 'folder' });
      return;
    default:
      if (addressKind(spec) === undefined) {
        tree.problem(`${name}@${spec.slice(0, 200)}: no protocol that is known`);
        return;
      }
      tree.add({ id, name, version, kind: 'remote', address: berryAddress(spec) });
  }
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
