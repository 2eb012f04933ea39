import semver from 'semver';
import { BOUNDS } from '../../../domain/bounds.js';
import { XError } from '../../../domain/errors.js';
import type { JsonObject } from '../../../domain/plan.js';
import type { NpmRegistry, NpmTree, NpmTreeNode } from '../../../ports/npm-registry.js';
import { isObject, list, strings } from '../json.js';
import { requiredDependencies, requiredPeers } from '../manifest.js';
import { missingWarnings, type MissingOptional } from '../missing-optionals.js';

export interface CompleteOptions {
  registry: Pick<NpmRegistry, 'release' | 'choose'>;
  /** The project whose .npmrc counts. */
  folder: string | undefined;
  /** Names that the project leaves out on purpose. */
  ignored?: readonly string[];
  before?: Date | undefined;
}

/**
 * What a lockfile leaves unsaid, from the registry: the platforms that its packages are for, and the
 * optional binaries of other platforms, where it was made on one that did not need them
 * (npm/cli#4828). No locked version is chosen anew.
 */
export async function completeTree(tree: NpmTree, options: CompleteOptions): Promise<NpmTree> {
  const completion = new Completion(tree, options);
  await completion.run();
  return {
    nodes: completion.nodes,
    warnings: [...tree.warnings, ...missingWarnings(completion.missing)],
    ...(tree.throughUnfit === undefined ? {} : { throughUnfit: tree.throughUnfit }),
  };
}

class Completion {
  readonly nodes: NpmTreeNode[];
  readonly missing: MissingOptional[] = [];
  readonly #options: CompleteOptions;
  readonly #ignored: ReadonlySet<string>;
  readonly #everyPlatform: boolean | undefined;
  readonly #byName = new Map<string, NpmTreeNode[]>();

  constructor(tree: NpmTree, options: CompleteOptions) {
    this.nodes = tree.nodes.map((node) => ({ ...node, edges: [...node.edges] }));
    this.#options = options;
    this.#everyPlatform = tree.everyPlatform;
    this.#ignored = new Set(options.ignored);
    for (const node of this.nodes) this.#index(node);
  }

  async run(): Promise<void> {
    let round = this.nodes;
    while (round.length > 0) {
      const before = this.nodes.length;
      if (before > BOUNDS.planArtifacts) {
        throw new XError('LIMIT_EXCEEDED', `npm: more than ${BOUNDS.planArtifacts} packages`);
      }
      const manifests = await Promise.all(round.map((node) => this.#manifestOf(node)));
      for (const [at, manifest] of manifests.entries()) {
        const node = round[at];
        if (node !== undefined && manifest !== undefined) this.#describe(node, manifest);
      }
      await this.#askAhead(round, manifests);
      for (const [at, manifest] of manifests.entries()) {
        const node = round[at];
        if (node !== undefined && manifest !== undefined) await this.#addMissing(node, manifest);
      }
      round = this.nodes.slice(before);
    }
  }

  /** Asks for what is missing all at once; the registry keeps its answers. */
  async #askAhead(
    nodes: readonly NpmTreeNode[],
    manifests: readonly (JsonObject | undefined)[],
  ): Promise<void> {
    const names = new Set<string>();
    for (const [at, manifest] of manifests.entries()) {
      const known = new Set(nodes[at]?.edges.map(({ name }) => name));
      for (const [name, spec] of Object.entries(strings(manifest?.['optionalDependencies']))) {
        if (!known.has(name) && !this.#ignored.has(name) && !spec.includes(':')) names.add(name);
      }
    }
    const { registry, folder: project } = this.#options;
    await Promise.allSettled(
      [...names].map((name) => registry.choose(name, { spec: '*', project })),
    );
  }

  #index(node: NpmTreeNode): void {
    if (node.kind !== 'registry') return;
    const known = this.#byName.get(node.name);
    if (known === undefined) this.#byName.set(node.name, [node]);
    else known.push(node);
  }

  async #manifestOf(node: NpmTreeNode): Promise<JsonObject | undefined> {
    if (node.kind !== 'registry' || node.failure !== undefined) return undefined;
    const { registry, folder } = this.#options;
    return (await registry.release(node.name, node.version, folder)).manifest;
  }

  #describe(node: NpmTreeNode, manifest: JsonObject): void {
    if (this.#everyPlatform !== true) describePlatform(node, manifest);
    if (node.id.startsWith(ADDED)) return;
    const known = new Set(node.edges.map(({ name }) => name));
    const declared = { ...requiredPeers(manifest), ...requiredDependencies(manifest) };
    node.leftOut = Object.keys(declared).filter((name) => !known.has(name));
  }

  /** Optional dependencies that no edge of a locked package leads to; of an added one, all. */
  async #addMissing(node: NpmTreeNode, manifest: JsonObject): Promise<void> {
    const known = new Set(node.edges.map(({ name }) => name));
    const added = node.id.startsWith(ADDED);
    for (const [name, spec] of Object.entries(strings(manifest['optionalDependencies']))) {
      if (!known.has(name) && !this.#ignored.has(name))
        await this.#add(node, name, spec, 'optional');
    }
    if (!added) return;
    for (const [name, spec] of Object.entries(requiredDependencies(manifest))) {
      if (!known.has(name)) await this.#add(node, name, spec, 'prod');
    }
  }

  async #add(
    from: NpmTreeNode,
    name: string,
    spec: string,
    type: 'optional' | 'prod',
  ): Promise<void> {
    const alias = /^npm:(@?[^@]+)(?:@(.*))?$/.exec(spec);
    const real = alias?.[1] ?? name;
    const range = alias === null ? spec : (alias[2] ?? '*');
    const locked = this.#byName
      .get(real)
      ?.find(({ version }) => semver.satisfies(version, range, { loose: true }));
    const to = locked ?? (await this.#choose(from, real, range, type));
    if (to === undefined) return;
    from.edges.push({ name, type, spec, overridden: false, to: to.id });
  }

  /** What cannot be had is left out where it is optional, as the clients do. */
  async #choose(
    from: NpmTreeNode,
    name: string,
    spec: string,
    type: 'optional' | 'prod',
  ): Promise<NpmTreeNode | undefined> {
    const { registry, folder: project, before } = this.#options;
    try {
      const { manifest } = await registry.choose(name, { spec, project, before });
      const version = typeof manifest['version'] === 'string' ? manifest['version'] : '';
      const node = addedNode(name, version);
      this.nodes.push(node);
      this.#index(node);
      return node;
    } catch (thrown) {
      const missing =
        thrown instanceof XError &&
        ['PACKAGE_NOT_FOUND', 'VERSION_NOT_FOUND'].includes(thrown.code);
      if (!missing || type !== 'optional') throw thrown;
      const requiredBy = `${from.name}@${from.version}`;
      this.missing.push({ name, requiredBy, reason: thrown.message });
      return undefined;
    }
  }
}

/** Locations in a lockfile never begin like this. */
const ADDED = 'added:';

function addedNode(name: string, version: string): NpmTreeNode {
  return {
    id: `${ADDED}${name}@${version}`,
    name,
    version,
    kind: 'registry',
    resolved: undefined,
    integrity: undefined,
    failure: undefined,
    os: [],
    cpu: [],
    libc: [],
    engineNode: undefined,
    edges: [],
  };
}

function describePlatform(node: NpmTreeNode, manifest: JsonObject): void {
  const engines = manifest['engines'];
  const engineNode = isObject(engines) ? engines['node'] : undefined;
  node.os = list(manifest['os']);
  node.cpu = list(manifest['cpu']);
  node.libc = list(manifest['libc']);
  node.engineNode = typeof engineNode === 'string' ? engineNode : undefined;
}
