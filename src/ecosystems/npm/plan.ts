import { BOUNDS } from '../../domain/bounds.js';
import { digestsOfIntegrity, disagreements } from '../../domain/digest.js';
import { XError } from '../../domain/errors.js';
import type { EcosystemPlan, JsonObject, PlannedArtifact, ProofKind } from '../../domain/plan.js';
import { formatTarget, type Target } from '../../domain/target.js';
import type { Report } from '../../ports/progress.js';
import type { NpmRegistry, NpmRelease, NpmTree, NpmTreeNode } from '../../ports/npm-registry.js';
import { closureFor, label } from './closure.js';
import { isObject, strings } from './json.js';
import { prunedManifest } from './manifest.js';
import { isPackageName, isVersion, npmPurl, tarballFile, tarballPath } from './names.js';
import { nodeVersionOf, platformOf } from './platform.js';
import type { NpmProject } from './project.js';
import { checkSignatures, signaturesOf, type RegistryKey } from './signatures.js';

export interface PlanOptions {
  registry: NpmRegistry;
  keys: readonly RegistryKey[];
  /** Whether the project's own devDependencies are wanted. */
  dev: boolean;
  /** Registries that count as public beside the official one. */
  publicIndexes: readonly string[];
  report: Report;
  signal?: AbortSignal | undefined;
}

/** One package version while projects and targets are gathered. */
interface Selected {
  name: string;
  version: string;
  /** The project whose configuration found it. */
  folder: string | undefined;
  /** Subresource Integrity by lockfiles and registry. */
  integrities: Set<string>;
  asked: boolean;
  requires: Set<string>;
  requiredBy: Set<string>;
  targets: Set<string>;
  /** Ranges that an override put in place of the declared ones. */
  overrides: Record<string, string>;
}

/** @throws XError as EcosystemSource.plan. */
export async function planProjects(
  projects: readonly NpmProject[],
  targets: readonly Target[],
  options: PlanOptions,
): Promise<EcosystemPlan> {
  const selected = new Map<string, Selected>();
  const warnings = new Set<string>(projects.flatMap((project) => project.warnings));
  for (const project of projects) {
    for (const [nodeVersion, group] of byNodeVersion(project, targets)) {
      options.report({ event: 'step', text: `npm: resolving ${project.label}` });
      const tree = await options.registry.tree({
        manifest: project.manifest,
        lockfile: project.lockfile,
        folders: project.folders,
        project: project.folder,
        nodeVersion,
        signal: options.signal,
      });
      for (const warning of tree.warnings) warnings.add(`npm: ${project.label}: ${warning}`);
      for (const target of group) select(tree, target, project, options.dev, selected, warnings);
    }
  }
  const artifacts = await artifactsOf([...selected.values()], options, warnings);
  warnAboutScripts(artifacts, warnings);
  return { artifacts, warnings: [...warnings] };
}

/** Versions are chosen for a Node version; a lockfile has chosen already. */
function byNodeVersion(
  project: NpmProject,
  targets: readonly Target[],
): Map<string | undefined, Target[]> {
  const groups = new Map<string | undefined, Target[]>();
  for (const target of targets) {
    const key = project.lockfile === undefined ? nodeVersionOf(target) : undefined;
    groups.set(key, [...(groups.get(key) ?? []), target]);
  }
  return groups;
}

function select(
  tree: NpmTree,
  target: Target,
  project: NpmProject,
  dev: boolean,
  selected: Map<string, Selected>,
  warnings: Set<string>,
): void {
  const targetId = formatTarget(target);
  const closure = closureFor(tree, platformOf(target), { targetId, dev });
  for (const { node, requiredBy } of closure.missing) {
    warnings.add(
      `npm: optional dependency ${node.name} of ${requiredBy} is left out: ${node.failure ?? ''}. ` +
        'A lockfile that names it without a version is one that "npm ci" refuses',
    );
  }
  const byId = new Map(tree.nodes.map((node) => [node.id, node]));
  for (const id of closure.included) {
    const node = byId.get(id);
    if (node === undefined) continue;
    const entry = node.kind === 'registry' ? entryOf(node, project, selected) : undefined;
    entry?.targets.add(targetId);
    if (entry === undefined) refuseOthers(node, project, warnings);
    for (const edge of node.edges) {
      const to =
        edge.to === undefined || !closure.included.has(edge.to) ? undefined : byId.get(edge.to);
      if (to?.kind !== 'registry' || (node.kind === 'root' && edge.type === 'dev' && !dev))
        continue;
      const required = entryOf(to, project, selected);
      if (entry === undefined) required.asked ||= node.kind !== 'bundled';
      else {
        entry.requires.add(npmPurl(to.name, to.version));
        required.requiredBy.add(npmPurl(node.name, node.version));
        if (edge.overridden) entry.overrides[edge.name] = edge.spec;
      }
    }
  }
}

/** @throws XError UPSTREAM_MALFORMED where a name or version could not be a package's. */
function entryOf(
  node: NpmTreeNode,
  project: NpmProject,
  selected: Map<string, Selected>,
): Selected {
  if (!isPackageName(node.name) || !isVersion(node.version)) {
    const shown = JSON.stringify(`${node.name}@${node.version}`).slice(0, 300);
    throw new XError('UPSTREAM_MALFORMED', `npm: ${shown} can be no package's name and version`);
  }
  const purl = npmPurl(node.name, node.version);
  let entry = selected.get(purl);
  if (entry === undefined) {
    if (selected.size >= BOUNDS.planArtifacts) {
      throw new XError('LIMIT_EXCEEDED', `npm: more than ${BOUNDS.planArtifacts} packages`);
    }
    entry = {
      name: node.name,
      version: node.version,
      folder: project.folder,
      integrities: new Set(),
      asked: false,
      requires: new Set(),
      requiredBy: new Set(),
      targets: new Set(),
      overrides: {},
    };
    selected.set(purl, entry);
  }
  if (node.integrity !== undefined) entry.integrities.add(node.integrity);
  return entry;
}

/** @throws XError NOT_RESOLVABLE for git and URL dependencies, which no registry serves. */
function refuseOthers(node: NpmTreeNode, project: NpmProject, warnings: Set<string>): void {
  if (node.kind !== 'other') return;
  if (node.resolved?.startsWith('file:') === true) {
    warnings.add(
      `npm: ${label(node)} (${node.resolved}) comes with the project and is not carried`,
    );
    return;
  }
  throw new XError(
    'NOT_RESOLVABLE',
    `npm: ${project.label}: ${label(node)} comes from ${node.resolved ?? 'no registry'}, which is no registry`,
    { hint: 'X carries packages of registries only; depend on a published version instead.' },
  );
}

async function artifactsOf(
  selected: readonly Selected[],
  options: PlanOptions,
  warnings: Set<string>,
): Promise<PlannedArtifact[]> {
  const artifacts = await Promise.all(
    selected.map(async (entry) => {
      const release = await options.registry.release(entry.name, entry.version, entry.folder);
      return artifactOf(entry, release, options, warnings);
    }),
  );
  return artifacts.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function artifactOf(
  entry: Selected,
  release: NpmRelease,
  options: PlanOptions,
  warnings: Set<string>,
): PlannedArtifact {
  const { name, version } = entry;
  const purl = npmPurl(name, version);
  const dist = isObject(release.manifest['dist']) ? release.manifest['dist'] : {};
  const integrity = typeof dist['integrity'] === 'string' ? dist['integrity'] : '';
  const digests = digestsOfIntegrity(integrity);
  for (const locked of entry.integrities) compareIntegrity(purl, locked, integrity, dist, digests);
  if (digests.sha512 === undefined && digests.sha256 === undefined) {
    warnings.add(
      `npm: ${name}@${version}: the registry gives no sha512 for it, so nothing but TLS vouches for its bytes`,
    );
  }
  const proof = expectedProof(entry, release, integrity, options.keys);
  const isPublic =
    proof === 'npm-signature' ||
    release.isPublic ||
    options.publicIndexes.some((index) => isBelow(release.registry, index));
  return {
    purl,
    ecosystem: 'npm',
    name,
    version,
    filename: tarballFile(name, version),
    path: tarballPath(name, version),
    sizeBytes: undefined,
    digests,
    url: addressOf(purl, dist),
    proof: digests.sha512 === undefined && digests.sha256 === undefined ? 'none' : proof,
    requiredBy: [...entry.requiredBy].sort(),
    requires: [...entry.requires].sort(),
    targets: [...entry.targets].sort(),
    private: !isPublic,
    detail: detailOf(entry, release),
  };
}

function detailOf(entry: Selected, release: NpmRelease): JsonObject {
  const detail: JsonObject = {
    manifest: prunedManifest(release.manifest),
    tags: release.tags,
    asked: entry.asked,
  };
  if (release.time !== undefined) detail['time'] = release.time;
  if (Object.keys(entry.overrides).length > 0) detail['overrides'] = entry.overrides;
  const scripts = strings(release.manifest['scripts']);
  if (Object.keys(scripts).length > 0) detail['scripts'] = scripts;
  return detail;
}

/** @throws XError DIGEST_MISMATCH where a lockfile and the registry name different bytes. */
function compareIntegrity(
  purl: string,
  locked: string,
  published: string,
  dist: JsonObject,
  digests: PlannedArtifact['digests'],
): void {
  const lockedDigests = digestsOfIntegrity(locked);
  const shasum = typeof dist['shasum'] === 'string' ? dist['shasum'] : undefined;
  const sha1 = /(?:^|\s)sha1-([A-Za-z0-9+/]+=*)/.exec(locked)?.[1];
  const lockedShasum = sha1 === undefined ? undefined : Buffer.from(sha1, 'base64').toString('hex');
  const sha1Differs = shasum !== undefined && lockedShasum !== undefined && shasum !== lockedShasum;
  if (disagreements(digests, lockedDigests).length > 0 || sha1Differs) {
    throw new XError(
      'DIGEST_MISMATCH',
      `${purl}: the lockfile says ${locked.slice(0, 120)}, the registry ${published.slice(0, 120) || shasum}`,
      { hint: 'The lockfile was made from other bytes. Find out which are right before going on.' },
    );
  }
  Object.assign(digests, { ...lockedDigests, ...digests });
}

/** @throws XError SIGNATURE_INVALID. */
function expectedProof(
  entry: Selected,
  release: NpmRelease,
  integrity: string,
  keys: readonly RegistryKey[],
): ProofKind {
  const subject = {
    name: entry.name,
    version: entry.version,
    integrity,
    publishedAt: release.time,
  };
  const verdict = checkSignatures(subject, signaturesOf(release.manifest['dist']), keys);
  if (verdict.verdict === 'broken') {
    throw new XError(
      'SIGNATURE_INVALID',
      `npm: ${entry.name}@${entry.version}: the registry's signature by ${verdict.keyid} is broken: ${verdict.reason}`,
      { hint: 'What the registry offers is not what it signed. Do not install it.' },
    );
  }
  return verdict.verdict === 'holds' ? 'npm-signature' : 'index-hash';
}

/** @throws XError UPSTREAM_MALFORMED. */
function addressOf(purl: string, dist: JsonObject): string {
  const tarball = dist['tarball'];
  if (typeof tarball === 'string' && /^https?:\/\//.test(tarball) && URL.canParse(tarball)) {
    return tarball;
  }
  throw new XError(
    'UPSTREAM_MALFORMED',
    `${purl}: the registry gives no http address for its tarball`,
  );
}

function isBelow(address: string, index: string): boolean {
  const withSlash = (url: string): string => `${url.replace(/\/+$/, '')}/`;
  return withSlash(address).startsWith(withSlash(index));
}

/** Install scripts that need nothing from outside. */
const HARMLESS = /^(node-gyp-build|exit 0|echo .*|husky( install)?|true)$/;
const NAMES_IN_A_LINE = 12;

/** Install scripts run on the isolated machine, and many fetch a binary there. */
function warnAboutScripts(artifacts: readonly PlannedArtifact[], warnings: Set<string>): void {
  const scripted = artifacts.filter(({ detail }) => {
    const manifest = detail['manifest'];
    if (!isObject(manifest) || manifest['hasInstallScript'] !== true) return false;
    const scripts = Object.values(strings(detail['scripts']));
    return scripts.length === 0 || !scripts.every((script) => HARMLESS.test(script.trim()));
  });
  if (scripted.length === 0) return;
  const shown = scripted.slice(0, NAMES_IN_A_LINE).map(({ name, version }) => `${name}@${version}`);
  const more = scripted.length > shown.length ? ` and ${scripted.length - shown.length} more` : '';
  warnings.add(
    `npm: install scripts, which may need the internet or a compiler where they run: ${shown.join(', ')}${more}`,
  );
}
