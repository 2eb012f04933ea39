import { posix } from 'node:path';
import { BOUNDS } from '../../../domain/bounds.js';
import { XError } from '../../../domain/errors.js';
import type {
  NpmEdgeType,
  NpmTree,
  NpmTreeEdge,
  NpmTreeNode,
} from '../../../ports/npm-registry.js';
import { isPackageName, isVersion } from '../names.js';

/** What a lockfile says of one thing that it locks. */
export interface LockedEntry {
  /** Unique in the tree; not empty, which is the root's. */
  id: string;
  name: string;
  version: string;
  /** `registry` by name and version, `remote` by its address, `folder` with the project. */
  kind: 'registry' | 'remote' | 'folder';
  /** The address of what is remote. */
  address?: string | undefined;
  /** Subresource Integrity of the tarball. */
  integrity?: string | undefined;
}

/** A dependency as a lockfile has it. */
export interface LockedDependency {
  /** The name it is installed under. */
  name: string;
  type: NpmEdgeType;
  /** For messages and for what is not locked. */
  spec: string;
  /** What the project's package.json says, where that is known to be something else. */
  asked?: string | undefined;
  /** The id of the entry that answers it; undefined where the lockfile has none. */
  to: string | undefined;
}

const MANY_PROBLEMS = 10;

/** Gathers what a foreign lockfile locks into the tree that npm's builder would have answered. */
export class LockedTree {
  readonly #file: string;
  readonly #client: string;
  readonly #nodes = new Map<string, NpmTreeNode>();
  readonly #problems: string[] = [];
  readonly #warnings: string[] = [];

  constructor(file: string, client: string) {
    this.#file = file;
    this.#client = client;
    this.#nodes.set('', emptyNode({ id: '', name: '', version: '', kind: 'root' }));
  }

  add(entry: LockedEntry): void {
    if (this.#nodes.has(entry.id)) return;
    if (this.#nodes.size > BOUNDS.planArtifacts) {
      throw new XError(
        'LIMIT_EXCEEDED',
        `${this.#file}: more than ${BOUNDS.planArtifacts} packages`,
      );
    }
    const { name, version, kind } = entry;
    if (kind === 'registry' && !(isPackageName(name) && isVersion(version))) {
      this.problem(`no package can be ${JSON.stringify(`${name}@${version}`).slice(0, 300)}`);
      return;
    }
    if (kind === 'remote' && !(isPackageName(name) && isVersion(version))) {
      this.problem(`${entry.address ?? entry.id} is locked without a usable name and version`);
      return;
    }
    this.#nodes.set(
      entry.id,
      emptyNode({
        ...entry,
        kind: kind === 'remote' ? 'other' : kind,
        resolved: entry.address,
      }),
    );
  }

  /**
   * What lies in the project and travels with it.
   * @param shown for messages.
   * @param path relative to the project; undefined where that is not known.
   * @throws XError NOT_RESOLVABLE where it lies outside.
   */
  addLocal(entry: Omit<LockedEntry, 'kind'>, shown: string, path: string | undefined): void {
    if (path !== undefined && isOutside(path)) {
      throw new XError('NOT_RESOLVABLE', `${this.#file}: ${shown} lies outside the project`, {
        hint: 'Only what lies in the project’s own folder travels with it: make it a workspace, or publish it.',
      });
    }
    this.warn(`${shown} comes with the project and is not carried`);
    this.add({ ...entry, kind: 'folder' });
  }

  /** @param from the id of the entry that needs it; empty for the project. */
  connect(from: string, dependency: LockedDependency): void {
    const node = this.#nodes.get(from);
    if (node === undefined) return;
    const { name, type, spec, asked, to } = dependency;
    if (to === undefined) {
      if (type === 'optional' || type === 'peerOptional') return;
      const by = node.kind === 'root' ? 'the project' : `${node.name}@${node.version}`;
      this.problem(`${name}@${spec}, which ${by} needs, is not in it`);
      return;
    }
    const edge: NpmTreeEdge = { name, type, spec, overridden: true, to };
    node.edges.push(asked === undefined ? edge : { ...edge, asked });
  }

  /** Its client fetches this entry for every platform. */
  fetchEverywhere(id: string): void {
    const node = this.#nodes.get(id);
    if (node !== undefined) node.everywhere = true;
  }

  has(id: string): boolean {
    return this.#nodes.has(id);
  }

  problem(text: string): void {
    this.#problems.push(text);
  }

  warn(text: string): void {
    this.#warnings.push(text);
  }

  /** @throws XError INPUT_MALFORMED with everything that is wrong at once. */
  finish(): NpmTree {
    for (const node of this.#nodes.values()) {
      node.edges = node.edges.map((edge) => ({ ...edge, spec: this.#lockedSpec(edge) }));
    }
    if (this.#problems.length > 0) {
      const shown = [...new Set(this.#problems)].slice(0, MANY_PROBLEMS);
      const more = this.#problems.length - shown.length;
      throw new XError(
        'INPUT_MALFORMED',
        [
          ...shown.map((problem) => `${this.#file}: ${problem}`),
          ...(more > 0 ? [`and ${more} more`] : []),
        ].join('\n'),
        {
          hint: `Run "${this.#client} install" where the project is developed, so that the lockfile fits the project again.`,
        },
      );
    }
    return { nodes: [...this.#nodes.values()], warnings: this.#warnings, taken: true };
  }

  /** What was locked counts, whatever range asked for it: the exact version, under its real name. */
  #lockedSpec(edge: NpmTreeEdge): string {
    const to = edge.to === undefined ? undefined : this.#nodes.get(edge.to);
    if (to === undefined) {
      this.problem(`${edge.name}@${edge.spec} is not in it`);
      return edge.spec;
    }
    if (to.kind !== 'registry') return edge.spec;
    return to.name === edge.name ? to.version : `npm:${to.name}@${to.version}`;
  }
}

/** Whether a path that is relative to the project leads out of it. */
export function isOutside(path: string): boolean {
  const normal = posix.normalize(path.replaceAll('\\', '/'));
  return /^(\.\.(\/|$)|\/|~|[A-Za-z]:)/.test(normal);
}

function emptyNode(
  fields: Pick<NpmTreeNode, 'id' | 'name' | 'version' | 'kind'> & Partial<NpmTreeNode>,
): NpmTreeNode {
  return {
    resolved: undefined,
    integrity: undefined,
    failure: undefined,
    os: [],
    cpu: [],
    libc: [],
    engineNode: undefined,
    edges: [],
    ...fields,
  };
}
