import { compareVersions } from '../version.js';
import { versionFits, type Relation } from '../relation.js';
import type { PackageVersion } from '../package-version.js';

/** A package of one architecture: what can be installed at most once. */
export class PackageNode {
  /** Newest first; `installed` included. */
  readonly versions: PackageVersion[] = [];
  installed: PackageVersion | undefined;
  /** Selected `hold` by dpkg. */
  isHeld = false;

  constructor(
    readonly name: string,
    /** Never `all`: such packages belong to the native architecture. */
    readonly architecture: string,
  ) {}

  /** `hello:amd64`. */
  get key(): string {
    return `${this.name}:${this.architecture}`;
  }
}

/** Which version of a package is, or would be, there. */
export type Selection = (node: PackageNode) => PackageVersion | undefined;

/** What provides a name, and as which version. */
export interface Provider {
  node: PackageNode;
  version: PackageVersion;
  relation: Relation;
}

/** A version that a relation can be met by. */
export interface Solution {
  node: PackageNode;
  version: PackageVersion;
}

/** Where versions come from, asked by name: an index, or a list. */
export interface VersionSource {
  /** In the order of the index. */
  named(name: string): readonly PackageVersion[];
  /** Those whose Provides name it. */
  providing(name: string): readonly PackageVersion[];
  names(): Iterable<string>;
}

/** Versions in a list, as a source. */
export function listedVersions(versions: Iterable<PackageVersion>): VersionSource {
  const named = new Map<string, PackageVersion[]>();
  const providing = new Map<string, PackageVersion[]>();
  const put = (map: typeof named, name: string, version: PackageVersion): void => {
    const known = map.get(name);
    if (known === undefined) map.set(name, [version]);
    else if (!known.includes(version)) known.push(version);
  };
  for (const version of versions) {
    put(named, version.name, version);
    for (const { name } of version.relations('Provides').flat()) put(providing, name, version);
  }
  return {
    named: (name) => named.get(name) ?? [],
    providing: (name) => providing.get(name) ?? [],
    names: () => named.keys(),
  };
}

/**
 * Every version that can be had or is installed, by what it is called and what it provides. Looked up
 * when it is first asked for: of an archive's names a run needs a few thousand.
 */
export class Universe {
  readonly #sources: readonly VersionSource[];
  readonly #installed: VersionSource;
  readonly #nodes = new Map<string, readonly PackageNode[]>();
  readonly #providers = new Map<string, readonly Provider[]>();
  /** What is installed, in the order of the list. */
  readonly installedNodes: readonly PackageNode[];

  constructor(
    readonly nativeArchitecture: string,
    sources: readonly VersionSource[],
    installed: readonly PackageVersion[] = [],
    readonly isHeld: (version: PackageVersion) => boolean = () => false,
  ) {
    this.#sources = sources;
    this.#installed = listedVersions(installed);
    const nodes = installed.map(({ name, architecture }) =>
      this.node(name, this.#architectureOf(architecture)),
    );
    this.installedNodes = [...new Set(nodes.filter((node) => node !== undefined))];
  }

  /** The packages of a name, one for each architecture. */
  nodesOf(name: string): readonly PackageNode[] {
    let nodes = this.#nodes.get(name);
    if (nodes === undefined) this.#nodes.set(name, (nodes = this.#makeNodes(name)));
    return nodes;
  }

  #makeNodes(name: string): PackageNode[] {
    const nodes: PackageNode[] = [];
    for (const source of this.#sources) {
      for (const version of source.named(name)) this.#add(nodes, version);
    }
    for (const version of this.#installed.named(name)) {
      const { node, known } = this.#add(nodes, version);
      node.installed = known;
      node.isHeld = this.isHeld(version);
    }
    for (const { versions } of nodes) {
      if (versions.length > 1) versions.sort((a, b) => compareVersions(b.version, a.version));
    }
    return nodes;
  }

  #add(
    nodes: PackageNode[],
    version: PackageVersion,
  ): { node: PackageNode; known: PackageVersion } {
    const architecture = this.#architectureOf(version.architecture);
    let node = nodes.find((candidate) => candidate.architecture === architecture);
    if (node === undefined) nodes.push((node = new PackageNode(version.name, architecture)));
    const known = node.versions.find((other) => isSameVersion(other, version));
    if (known === undefined) node.versions.push(version);
    else known.addIndexes(version.indexes);
    return { node, known: known ?? version };
  }

  #architectureOf(architecture: string): string {
    return architecture === 'all' ? this.nativeArchitecture : architecture;
  }

  node(name: string, architecture: string): PackageNode | undefined {
    return this.nodesOf(name).find((node) => node.architecture === architecture);
  }

  nodeOf(version: PackageVersion): PackageNode {
    const node = this.node(version.name, this.#architectureOf(version.architecture));
    if (node?.versions.includes(version) !== true) {
      throw new Error(`${version.label} is not of this universe`);
    }
    return node;
  }

  providersOf(name: string): readonly Provider[] {
    let providers = this.#providers.get(name);
    if (providers === undefined) this.#providers.set(name, (providers = this.#makeProviders(name)));
    return providers;
  }

  #makeProviders(name: string): Provider[] {
    const owners = [...this.#sources, this.#installed].flatMap((source) => source.providing(name));
    const versions = new Set<PackageVersion>();
    const providers: Provider[] = [];
    for (const owner of owners) {
      const node = this.node(owner.name, this.#architectureOf(owner.architecture));
      // The same file in two indexes is one version.
      const version = node?.versions.find((known) => isSameVersion(known, owner));
      if (node === undefined || version === undefined || versions.has(version)) continue;
      versions.add(version);
      for (const relation of version.relations('Provides').flat()) {
        if (relation.name === name) providers.push({ node, version, relation });
      }
    }
    return providers;
  }

  *names(): Iterable<string> {
    const seen = new Set<string>();
    for (const source of [...this.#sources, this.#installed]) {
      for (const name of source.names()) {
        if (seen.has(name)) continue;
        seen.add(name);
        yield name;
      }
    }
  }

  /** Every version that meets a relation of `owner`, those of the name itself before providers. */
  solutions(relation: Relation, ownerArchitecture: string): Solution[] {
    const solutions: Solution[] = [];
    for (const node of this.nodesOf(relation.name)) {
      for (const version of node.versions) {
        if (
          versionFits(version.version, relation) &&
          architectureFits(relation, ownerArchitecture, node, version)
        ) {
          solutions.push({ node, version });
        }
      }
    }
    for (const provider of this.providersOf(relation.name)) {
      if (this.providerFits(provider, relation, ownerArchitecture)) solutions.push(provider);
    }
    return solutions;
  }

  /** Whether a relation of `owner` is met under a selection: as `solutions`, without making the list. */
  isMet(relation: Relation, ownerArchitecture: string, selection: Selection): boolean {
    for (const node of this.nodesOf(relation.name)) {
      const version = selection(node);
      if (
        version !== undefined &&
        versionFits(version.version, relation) &&
        architectureFits(relation, ownerArchitecture, node, version)
      ) {
        return true;
      }
    }
    return this.providersOf(relation.name).some(
      (provider) =>
        selection(provider.node) === provider.version &&
        this.providerFits(provider, relation, ownerArchitecture),
    );
  }

  /** Versioned relations are met by versioned provides alone. */
  providerFits(provider: Provider, relation: Relation, ownerArchitecture: string): boolean {
    const { op, version } = provider.relation;
    const fits = relation.op === undefined || (op === '=' && versionFits(version, relation));
    return fits && architectureFits(relation, ownerArchitecture, provider.node, provider.version);
  }

  /**
   * Versions that a negative relation of `owner` forbids. A package never conflicts with itself,
   * nor with what it provides itself; across architectures it conflicts with all of a name.
   */
  forbidden(relation: Relation, owner: PackageNode): Solution[] {
    const named = this.nodesOf(relation.name)
      .filter((node) => isAimedAt(relation, node, owner))
      .flatMap((node) =>
        node.versions
          .filter((version) => versionFits(version.version, relation))
          .map((version) => ({ node, version })),
      );
    const provided = this.providersOf(relation.name).filter((provider) =>
      isProviderForbidden(provider, relation, owner),
    );
    return [...named, ...provided];
  }

  /** The first of what `forbidden` lists that a selection has. */
  findForbidden(
    relation: Relation,
    owner: PackageNode,
    selection: Selection,
  ): PackageVersion | undefined {
    for (const node of this.nodesOf(relation.name)) {
      const version = selection(node);
      const isHit = version !== undefined && isAimedAt(relation, node, owner);
      if (isHit && versionFits(version.version, relation)) return version;
    }
    return this.providersOf(relation.name).find(
      (provider) =>
        selection(provider.node) === provider.version &&
        isProviderForbidden(provider, relation, owner),
    )?.version;
  }
}

function isAimedAt({ arch }: Relation, node: PackageNode, owner: PackageNode): boolean {
  if (node.name === owner.name) return false;
  return arch === undefined || arch === 'any' || arch === node.architecture;
}

function isProviderForbidden(
  { node, relation: { op, version } }: Provider,
  relation: Relation,
  owner: PackageNode,
): boolean {
  const isCovered = relation.op === undefined || (op === '=' && versionFits(version, relation));
  return isCovered && isAimedAt(relation, node, owner);
}

/** The same version in two indexes; a rebuild under an old version number is not. */
function isSameVersion(a: PackageVersion, b: PackageVersion): boolean {
  if (a === b) return true;
  if (a.version !== b.version || a.architecture !== b.architecture) return false;
  const [left, right] = [a.field('SHA256'), b.field('SHA256')];
  return left === undefined || right === undefined || left === right;
}

/**
 * Multi-Arch: `name:any` wants Multi-Arch: allowed of any architecture, or the native one;
 * without a qualifier it is the owner's own architecture, or Multi-Arch: foreign of any.
 */
function architectureFits(
  relation: Relation,
  ownerArchitecture: string,
  node: PackageNode,
  version: PackageVersion,
): boolean {
  if (relation.arch === undefined || relation.arch === 'native') {
    return node.architecture === ownerArchitecture || version.multiArch === 'foreign';
  }
  if (relation.arch === 'any') {
    return version.multiArch === 'allowed' || node.architecture === ownerArchitecture;
  }
  return node.architecture === relation.arch;
}
