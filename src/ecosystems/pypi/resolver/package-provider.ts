import type { SpecifierSet } from '../specifier.js';
import type { Version } from '../version.js';

/** What resolution works on: `name`, or `name[extra]` for what an extra adds. */
export type Node = string;

export interface CandidateVersion {
  version: Version;
  isYanked: boolean;
}

/** One edge: a node needs another within a range. */
export interface Dependency {
  node: Node;
  /** The node without its extra. */
  name: string;
  specifiers: SpecifierSet;
  /** As a person would write it: `werkzeug>=3.0`. */
  text: string;
  /** The extras written with it, on the edge to the package itself; those to its extras stand beside it. */
  extras?: readonly string[];
  /** The exact version that an extra shares with its package; not something anybody asked for. */
  exact?: Version;
}

/** A version's edges, or why it cannot be installed here. */
export type VersionFacts = { dependencies: readonly Dependency[] } | { unusable: string };

/** Where the resolver gets its facts; answers are the same every time they are asked for. */
export interface PackageProvider {
  /** Most preferred first; none where the package is unknown. */
  versions(name: string): Promise<readonly CandidateVersion[]>;
  facts(node: Node, version: Version): Promise<VersionFacts>;
  /** Says that a version's facts are likely to be asked for. */
  expect?(node: Node, version: Version): void;
}

/** The root's edges: what the user asks for, each with where it stands. */
export interface RootRequirement extends Dependency {
  where: string;
}

/** A range that holds for a package if it is chosen at all. */
export interface Constraint {
  name: string;
  specifiers: SpecifierSet;
  where: string;
}

/** Thrown where nothing fits. */
export class Unresolvable extends Error {
  constructor(
    /** The chain that leads there, from what the user asks for to what cannot be met. */
    readonly chain: readonly string[],
    /** Packages that the failure rests on. */
    readonly involved: ReadonlySet<string>,
    /** Those of them that no index knows. */
    readonly unknown: readonly string[],
  ) {
    super(chain.join('; '));
  }
}

export function baseOf(node: Node): string {
  const bracket = node.indexOf('[');
  return bracket < 0 ? node : node.slice(0, bracket);
}
