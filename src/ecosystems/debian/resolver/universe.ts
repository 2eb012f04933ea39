import { compareVersions } from '../version.js';
import { versionFits, type Relation } from '../relation.js';
import type { PackageVersion } from '../package-version.js';

/** A package of one architecture: what can be installed at most once. */
export interface PackageNode {
  /** `hello:amd64`. */
  readonly key: string;
  readonly name: string;
  /** Never `all`: such packages belong to the native architecture. */
  readonly architecture: string;
  /** Newest first; `installed` included. */
  readonly versions: PackageVersion[];
  installed: PackageVersion | undefined;
  /** Selected `hold` by dpkg. */
  isHeld: boolean;
}

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

/** Every version that can be had or is installed, by what it is called and what it provides. */
export class Universe {
  readonly #nodes = new Map<string, PackageNode[]>();
  readonly #providers = new Map<string, Provider[]>();
  readonly #nodeOf = new Map<PackageVersion, PackageNode>();

  constructor(
    readonly nativeArchitecture: string,
    available: Iterable<PackageVersion>,
    installed: Iterable<PackageVersion> = [],
    isHeld: (name: string) => boolean = () => false,
  ) {
    for (const version of available) this.#add(version);
    for (const version of installed) {
      const { node, version: known } = this.#add(version);
      node.installed = known;
      node.isHeld = isHeld(version.name);
    }
    for (const nodes of this.#nodes.values()) {
      for (const { versions } of nodes) {
        if (versions.length > 1) versions.sort((a, b) => compareVersions(b.version, a.version));
      }
    }
  }

  #add(version: PackageVersion): Solution {
    const architecture =
      version.architecture === 'all' ? this.nativeArchitecture : version.architecture;
    const nodes = this.#nodes.get(version.name) ?? [];
    if (nodes.length === 0) this.#nodes.set(version.name, nodes);
    let node = nodes.find((candidate) => candidate.architecture === architecture);
    if (node === undefined) {
      node = {
        key: `${version.name}:${architecture}`,
        name: version.name,
        architecture,
        versions: [],
        installed: undefined,
        isHeld: false,
      };
      nodes.push(node);
    }
    const same = node.versions.find((known) => isSameVersion(known, version));
    if (same !== undefined) {
      same.indexes.push(...version.indexes.filter((index) => !same.indexes.includes(index)));
      return { node, version: same };
    }
    node.versions.push(version);
    this.#nodeOf.set(version, node);
    if (version.stanza.includes('\nProvides:')) this.#addProvides(node, version);
    return { node, version };
  }

  #addProvides(node: PackageNode, version: PackageVersion): void {
    for (const relation of version.relations('Provides').flat()) {
      const providers = this.#providers.get(relation.name);
      if (providers === undefined)
        this.#providers.set(relation.name, [{ node, version, relation }]);
      else providers.push({ node, version, relation });
    }
  }

  /** The packages of a name, one for each architecture. */
  nodesOf(name: string): readonly PackageNode[] {
    return this.#nodes.get(name) ?? [];
  }

  node(name: string, architecture: string): PackageNode | undefined {
    return this.nodesOf(name).find((node) => node.architecture === architecture);
  }

  nodeOf(version: PackageVersion): PackageNode {
    const node = this.#nodeOf.get(version);
    if (node === undefined) throw new Error(`${version.label} is not of this universe`);
    return node;
  }

  providersOf(name: string): readonly Provider[] {
    return this.#providers.get(name) ?? [];
  }

  names(): Iterable<string> {
    return this.#nodes.keys();
  }

  *nodes(): Iterable<PackageNode> {
    for (const nodes of this.#nodes.values()) yield* nodes;
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
    const isAimedAt = (node: PackageNode): boolean =>
      relation.arch === undefined || relation.arch === 'any' || relation.arch === node.architecture;
    const named = this.nodesOf(relation.name)
      .filter((node) => node.name !== owner.name && isAimedAt(node))
      .flatMap((node) =>
        node.versions
          .filter((version) => versionFits(version.version, relation))
          .map((version) => ({ node, version })),
      );
    const provided = this.providersOf(relation.name).filter(
      ({ node, relation: { op, version } }) =>
        node.name !== owner.name &&
        isAimedAt(node) &&
        (relation.op === undefined || (op === '=' && versionFits(version, relation))),
    );
    return [...named, ...provided];
  }
}

/** The same version in two indexes; a rebuild under an old version number is not. */
function isSameVersion(a: PackageVersion, b: PackageVersion): boolean {
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
