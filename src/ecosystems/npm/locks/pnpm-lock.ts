import { posix } from 'node:path';
import { BOUNDS } from '../../../domain/bounds.js';
import { messageOf, XError } from '../../../domain/errors.js';
import type { JsonObject } from '../../../domain/plan.js';
import type { InputFile } from '../../../ports/ecosystem.js';
import type { NpmEdgeType, NpmTree } from '../../../ports/npm-registry.js';
import { isObject, list, strings } from '../json.js';
import { isVersion } from '../names.js';
import { isOutside, LockedTree } from './locked-tree.js';

/** What the ids of a workspace's folders begin with. */
const IMPORTER = 'importer:';

/** The tables of an importer, and how what they ask for is asked. */
const IMPORTER_TABLES: readonly (readonly [string, NpmEdgeType])[] = [
  ['dependencies', 'prod'],
  ['optionalDependencies', 'optional'],
  ['devDependencies', 'dev'],
  // pnpm 10 and newer: plugins of its own configuration, and itself.
  ['configDependencies', 'prod'],
  ['packageManagerDependencies', 'prod'],
];

/**
 * Reads a pnpm-lock.yaml of version 6 or 9, whose graph holds everything: no package.json is needed.
 * @throws XError INPUT_MALFORMED.
 * @see https://github.com/pnpm/spec/tree/master/lockfile
 */
export async function readPnpmLock(file: InputFile): Promise<NpmTree> {
  const documents = await parsePnpmYaml(file, 'text');
  const tree = new LockedTree(file.path, 'pnpm');
  // Since version 11, what pnpm itself needs stands in a document of its own before the project's.
  for (const [at, document] of documents.entries()) readDocument(tree, file, document, at);
  const ignoredOptionals = documents.flatMap((document) =>
    list(document['ignoredOptionalDependencies']),
  );
  return { ...tree.finish(), ignoredOptionals };
}

/**
 * The documents of a pnpm-lock.yaml: every value as text, or numbers and booleans as such.
 * @throws XError INPUT_MALFORMED.
 */
export async function parsePnpmYaml(
  file: InputFile,
  values: 'text' | 'typed',
): Promise<JsonObject[]> {
  // Only who has a pnpm-lock.yaml pays for the parser.
  const { CORE_SCHEMA, FAILSAFE_SCHEMA, loadAll, YAMLException } = await import('js-yaml');
  let documents: unknown[];
  try {
    documents = loadAll(file.text.replace(/^\uFEFF/, ''), {
      schema: values === 'text' ? FAILSAFE_SCHEMA : CORE_SCHEMA,
      maxDepth: BOUNDS.inputNesting,
      maxAliases: 0,
    });
  } catch (cause) {
    const mark = cause instanceof YAMLException ? cause.mark : undefined;
    const reason = cause instanceof YAMLException ? cause.reason : messageOf(cause);
    throw new XError(
      'INPUT_MALFORMED',
      `${file.path}:${(mark?.line ?? 0) + 1}:${(mark?.column ?? 0) + 1}: no YAML: ${reason.slice(0, 300)}`,
      {
        hint: /^<{7}|^>{7}/m.test(file.text)
          ? 'It has merge conflict markers: run "pnpm install", which resolves them.'
          : 'Run "pnpm install" where the project is developed, which writes it anew.',
        cause,
      },
    );
  }
  const tables = documents.filter(isObject);
  if (tables.length > 0) return tables;
  throw new XError('INPUT_MALFORMED', `${file.path}:1:1: no pnpm lockfile: it holds nothing`);
}

function readDocument(tree: LockedTree, file: InputFile, document: JsonObject, at: number): void {
  const version = document['lockfileVersion'];
  const major = typeof version === 'string' ? Number.parseInt(version, 10) : Number.NaN;
  if (major !== 6 && major !== 9) {
    throw new XError(
      'INPUT_MALFORMED',
      `${file.path}: lockfileVersion ${JSON.stringify(version ?? null)}`,
      {
        hint: 'Versions 6 and 9 are read: pnpm 8 and newer write them ("pnpm install --lockfile-only").',
      },
    );
  }
  const lock = new PnpmLock(tree, document, major, at);
  lock.addPackages();
  lock.connectPackages();
  lock.connectImporters();
}

/** The folders of the workspace that a tree read here is of. */
export function importersOf({ nodes }: NpmTree): string[] {
  return nodes.flatMap(({ id }) => (id.startsWith(IMPORTER) ? [id.slice(IMPORTER.length)] : []));
}

/** One document of a lockfile. */
class PnpmLock {
  readonly #tree: LockedTree;
  readonly #document: JsonObject;
  readonly #packages: ReadonlyMap<string, JsonObject>;
  /** By the keys that references lead to: with peers, without them where the version is 6. */
  readonly #instances: ReadonlyMap<string, JsonObject>;
  readonly #prefix: string;
  readonly #at: number;

  constructor(tree: LockedTree, document: JsonObject, major: number, at: number) {
    this.#tree = tree;
    this.#document = document;
    this.#at = at;
    this.#packages = tableOf(document['packages']);
    this.#instances = major === 6 ? this.#packages : tableOf(document['snapshots']);
    this.#prefix = major === 6 ? '/' : '';
  }

  addPackages(): void {
    for (const key of this.#instances.keys()) {
      const bare = withoutPeers(key);
      const entry = this.#packages.get(key) ?? this.#packages.get(bare);
      if (entry === undefined) {
        this.#tree.problem(`${bare} is used, but not among its packages`);
        continue;
      }
      this.#add(key, bare, entry);
    }
  }

  #add(key: string, bare: string, entry: JsonObject): void {
    const id = this.#id(key);
    const parts = nameAndVersion(bare);
    const name = textOf(entry['name']) ?? parts.name;
    const version = textOf(entry['version']) ?? parts.version;
    const resolution = isObject(entry['resolution']) ? entry['resolution'] : {};
    const integrity = textOf(resolution['integrity']);
    const type = textOf(resolution['type']);
    if (type === 'directory' || /^(file|link):/.test(parts.version) || /^(file|link):/.test(bare)) {
      const path = textOf(resolution['directory']) ?? bare.replace(/^.*?(?:file|link):/, '');
      this.#tree.addLocal({ id, name, version }, bare, path);
    } else if (type === 'git') {
      const address = gitAddress(resolution);
      this.#tree.add({ id, name, version, kind: 'remote', address });
    } else if (type !== undefined) {
      this.#tree.warn(
        `${bare} is a ${type} that pnpm fetches from its maker's own servers; it is not carried`,
      );
      this.#tree.add({ id, name, version, kind: 'folder' });
    } else if (isVersion(parts.version)) {
      this.#tree.add({ id, name: parts.name, version: parts.version, kind: 'registry', integrity });
    } else {
      const address = textOf(resolution['tarball']) ?? parts.version;
      this.#tree.add({ id, name, version, kind: 'remote', address, integrity });
    }
  }

  connectPackages(): void {
    for (const [key, entry] of this.#instances) {
      for (const [type, field] of [
        ['prod', 'dependencies'],
        ['optional', 'optionalDependencies'],
      ] as const) {
        for (const [name, reference] of Object.entries(strings(entry[field]))) {
          this.#connect(this.#id(key), name, type, reference);
        }
      }
    }
  }

  connectImporters(): void {
    const importers = tableOf(this.#document['importers']);
    if (importers.size === 0) importers.set('.', this.#document);
    for (const path of importers.keys()) {
      if (path === '.') continue;
      const id = IMPORTER + path;
      this.#tree.add({ id, name: path, version: '0.0.0', kind: 'folder' });
      this.#tree.connect('', { name: path, type: 'workspace', spec: '*', to: id });
    }
    for (const [path, importer] of importers) {
      const from = path === '.' ? '' : IMPORTER + path;
      for (const [table, type] of IMPORTER_TABLES) {
        for (const [name, locked] of tableOf(importer[table])) {
          const reference = textOf(locked['version']);
          const asked = textOf(locked['specifier']);
          if (reference !== undefined) this.#connect(from, name, type, reference, asked);
        }
      }
    }
  }

  #connect(from: string, name: string, type: NpmEdgeType, reference: string, asked?: string): void {
    if (reference.startsWith('link:')) {
      this.#sayLinked(from, name, reference.slice('link:'.length));
      return;
    }
    const keys = [`${this.#prefix}${name}@${reference}`, reference];
    const found = keys.find((key) => this.#instances.has(key));
    const to = found === undefined ? undefined : this.#id(found);
    this.#tree.connect(from, { name, type, spec: reference, asked, to });
  }

  /** A folder of the workspace is linked; one outside has a lockfile of its own, if any. */
  #sayLinked(from: string, name: string, path: string): void {
    const importer = from.startsWith(IMPORTER) ? from.slice(IMPORTER.length) : '';
    if (!isOutside(posix.join(importer, path))) return;
    this.#tree.warn(
      `${name} is linked to ${path}, outside the project: it has to lie there on the isolated machine too, and what it needs is carried only where its own lockfile is asked for`,
    );
  }

  /** Documents are graphs of their own. */
  #id(key: string): string {
    return this.#at === 0 ? key : `${this.#at}:${key}`;
  }
}

/** `/@scope/name@1.2.3(peer@1)` without slash and peers, in two. */
export function nameAndVersion(bare: string): { name: string; version: string } {
  const text = bare.replace(/^\//, '');
  const at = text.indexOf('@', 1);
  return at < 0
    ? { name: text, version: '' }
    : { name: text.slice(0, at), version: text.slice(at + 1) };
}

export function withoutPeers(key: string): string {
  const at = key.indexOf('(');
  return at < 0 ? key : key.slice(0, at);
}

/** As npm writes a git address. */
export function gitAddress(resolution: JsonObject): string {
  const repository = textOf(resolution['repo']) ?? '';
  const prefix = /^git(\+|:)/.test(repository) ? '' : 'git+';
  const path = textOf(resolution['path']);
  const inside = path === undefined ? '' : `::path:${path}`;
  return `${prefix}${repository}#${textOf(resolution['commit']) ?? ''}${inside}`;
}

function tableOf(value: unknown): Map<string, JsonObject> {
  const pairs = isObject(value) ? Object.entries(value) : [];
  return new Map(pairs.map(([key, entry]) => [key, isObject(entry) ? entry : { version: entry }]));
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}
