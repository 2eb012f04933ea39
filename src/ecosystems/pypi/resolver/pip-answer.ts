import { baseOf, type Dependency, type Node } from './package-provider.js';
import { walkLikePip } from './pip-walk.js';
import { resolve, type Resolution, type ResolveRequest } from './resolve.js';
import { satisfies } from '../specifier.js';
import { compareVersions, type Version } from '../version.js';

/**
 * pip's own answer where its way leads to one soon, and else whatever answer there is.
 * @throws as `resolve`.
 */
export async function resolveAsPip(request: ResolveRequest): Promise<Resolution> {
  const versions = await walkLikePip(request);
  const walked = versions && (await closureOf(versions, request));
  return walked ?? resolve(request);
}

/** What is needed of these versions, with every edge held against them; undefined where one is not met. */
async function closureOf(
  versions: ReadonlyMap<string, Version>,
  { requirements, constraints, provider }: ResolveRequest,
): Promise<Resolution | undefined> {
  const resolution = new Map<Node, { version: Version; dependencies: readonly Dependency[] }>();
  const pending: Dependency[] = [...requirements];
  for (let edge = pending.pop(); edge !== undefined; edge = pending.pop()) {
    const { node, specifiers, exact } = edge;
    const version = versions.get(baseOf(node));
    if (version === undefined || !satisfies(specifiers, version)) return undefined;
    if (exact !== undefined && compareVersions(exact, version) !== 0) return undefined;
    if (resolution.has(node)) continue;
    const facts = await provider.facts(node, version);
    if ('unusable' in facts) return undefined;
    resolution.set(node, { version, dependencies: facts.dependencies });
    pending.push(...facts.dependencies);
  }
  const isKept = constraints.every(({ name, specifiers }) => {
    const version = resolution.get(name)?.version;
    return version === undefined || satisfies(specifiers, version);
  });
  return isKept ? resolution : undefined;
}
