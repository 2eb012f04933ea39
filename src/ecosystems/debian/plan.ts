import { isSafePath } from '../../domain/bundle.js';
import { isDigest } from '../../domain/digest.js';
import { XError } from '../../domain/errors.js';
import type { JsonObject, PlannedArtifact } from '../../domain/plan.js';
import { formatPurl } from '../../domain/purl.js';
import { formatTarget } from '../../domain/target.js';
import { DEPENDS_FIELDS } from './resolver/selection.js';
import { resolve, type Resolution } from './resolver/resolve.js';
import { isLocal } from './local-packages.js';
import { wishesOf } from './wishes.js';
import { isDpkgVersion } from './version.js';
import type { AptSettings } from './apt/settings.js';
import type { PackageVersion } from './package-version.js';
import type { DebianRequirement } from './requirements.js';
import type { PackageNode, Universe } from './resolver/universe.js';
import type { World } from './world.js';

export interface TargetPlan {
  world: World;
  resolution: Resolution;
  artifacts: PlannedArtifact[];
  warnings: string[];
}

/**
 * What one target must get so that every requirement can be installed on it.
 * @throws XError as wishesOf and resolve; UPSTREAM_MALFORMED.
 */
export function planTarget(
  world: World,
  asked: readonly DebianRequirement[],
  settings: AptSettings & { upgrade?: boolean },
): TargetPlan {
  const { universe, mentions } = world;
  const { requirements, wishes } = wishesOf(universe, world.indexes, asked, settings.pins);
  const { pins, withRecommends, followsSuggests, upgrade = false } = settings;
  const options = { pins, withRecommends, followsSuggests, mentions, upgrade };
  const resolution = resolve(universe, wishes, options);
  const requested = new Set(wishes.flatMap(({ solutions }) => solutions.map(({ node }) => node)));
  const artifacts = artifactsOf(world, resolution, requested);
  return { world, resolution, artifacts, warnings: warningsOf(world, requirements, resolution) };
}

function warningsOf(
  { universe, target }: World,
  requirements: readonly DebianRequirement[],
  { added, removed, selection }: Resolution,
): string[] {
  const id = formatTarget(target);
  const warnings = removed.map(
    (node) => `${id}: installing this removes ${node.name} from the target.`,
  );
  for (const { name, architecture, where } of requirements) {
    const node = universe.node(name, architecture ?? universe.nativeArchitecture);
    if (node !== undefined && selection.has(node) && !added.has(node)) {
      warnings.push(
        `${where}: ${name} is taken to be installed on the target (${id}), so it is not carried; --debian-base none carries everything.`,
      );
    }
  }
  return warnings;
}

function artifactsOf(
  { universe, target }: World,
  { added, selection }: Resolution,
  requested: ReadonlySet<PackageNode>,
): PlannedArtifact[] {
  // A user's own files are there, so they are not carried; what they need is asked for.
  const carried = [...added].filter(([, version]) => !isLocal(version));
  const purls = new Map(carried.map(([node, version]) => [node, purlOf(version)]));
  const requires = new Map<PackageNode, string[]>();
  const requiredBy = new Map<PackageNode, string[]>();
  for (const [node, version] of added) {
    const own = purls.get(node);
    const needed: string[] = [];
    for (const other of neededBy(universe, node, version, selection)) {
      const purl = purls.get(other);
      if (purl === undefined) continue;
      needed.push(purl);
      if (own === undefined) continue;
      const known = requiredBy.get(other);
      if (known === undefined) requiredBy.set(other, [own]);
      else known.push(own);
    }
    requires.set(node, needed);
  }
  return carried.map(([node, version]) => ({
    ...artifactOf(version),
    requires: (requires.get(node) ?? []).sort(),
    requiredBy: requested.has(node) ? [] : (requiredBy.get(node) ?? []).sort(),
    targets: [formatTarget(target)],
  }));
}

/** Selected packages that meet a dependency or a recommendation of one. */
function neededBy(
  universe: Universe,
  owner: PackageNode,
  version: PackageVersion,
  selection: ReadonlyMap<PackageNode, PackageVersion>,
): PackageNode[] {
  const needed = new Set<PackageNode>();
  for (const field of [...DEPENDS_FIELDS, 'Recommends'] as const) {
    for (const group of version.relations(field)) {
      const solution = group
        .flatMap((relation) => universe.solutions(relation, owner.architecture))
        .find((candidate) => selection.get(candidate.node) === candidate.version);
      if (solution !== undefined && solution.node !== owner) needed.add(solution.node);
    }
  }
  return [...needed];
}

/** `pkg:deb/debian/hello@2.10-3?arch=amd64` */
export function purlOf(version: PackageVersion): string {
  const isUbuntu = version.indexes[0]?.release.origin === 'Ubuntu';
  return formatPurl({
    type: 'deb',
    namespace: isUbuntu ? 'ubuntu' : 'debian',
    name: version.name,
    version: version.version,
    qualifiers: { arch: version.architecture },
  });
}

/** @throws XError UPSTREAM_MALFORMED where the index does not say what, or says what is dangerous. */
function artifactOf(
  version: PackageVersion,
): Omit<PlannedArtifact, 'requires' | 'requiredBy' | 'targets'> {
  const index = version.indexes[0];
  const file = (version.field('Filename') ?? '').replace(/^(\.\/)+/, '');
  const sha256 = version.field('SHA256')?.toLowerCase() ?? '';
  const size = version.field('Size') ?? '';
  const inPool = file.startsWith('pool/') ? file : `pool/${index?.release.suiteId ?? ''}/${file}`;
  const path = `debian/${inPool}`;
  if (index === undefined || !isSafePath(path) || !file.endsWith('.deb')) {
    throw unusable(version, `Filename "${file.slice(0, 120)}"`);
  }
  if (!isDpkgVersion(version.version)) {
    throw unusable(version, 'a Version that dpkg does not take');
  }
  if (!isDigest('sha256', sha256)) throw unusable(version, 'no SHA256');
  if (!/^[0-9]{1,12}$/.test(size)) throw unusable(version, `Size "${size.slice(0, 40)}"`);
  const { release } = index;
  const sha512 = version.field('SHA512')?.toLowerCase();
  const detail: JsonObject = {
    architecture: version.architecture,
    suite: release.suiteId,
    component: index.component,
    forArchitectures: [index.architecture],
    index: index.path,
    indexSha256: index.sha256,
    releaseSha256: release.sha256,
    ...(release.signatureSha256 && { releaseSignatureSha256: release.signatureSha256 }),
  };
  return {
    purl: purlOf(version),
    ecosystem: 'debian',
    name: version.name,
    version: version.version,
    filename: file.slice(file.lastIndexOf('/') + 1),
    path,
    sizeBytes: Number(size),
    digests: {
      sha256,
      ...(sha512 !== undefined && isDigest('sha512', sha512) ? { sha512 } : {}),
    },
    url: release.baseUrl + file.split('/').map(encodeURIComponent).join('/'),
    proof: 'debian-release',
    private: !release.isPublic,
    detail,
  };
}

function unusable(version: PackageVersion, what: string): XError {
  return new XError(
    'UPSTREAM_MALFORMED',
    `${version.indexes[0]?.release.suiteId ?? 'index'}: ${version.label} has ${what}`,
    { hint: 'The index is signed, so its publisher made the fault; ask there.' },
  );
}

/**
 * One list over all targets: what several need stands once. Two different files under one path of
 * two archives are told apart by digest.
 */
export function mergeArtifacts(plans: readonly TargetPlan[]): PlannedArtifact[] {
  const merged = new Map<string, PlannedArtifact>();
  const pathOwners = new Map<string, string>();
  for (const artifact of plans.flatMap(({ artifacts }) => artifacts)) {
    const key = `${artifact.purl} ${artifact.digests.sha256 ?? ''}`;
    const known = merged.get(key);
    if (known !== undefined) {
      known.targets = union(known.targets, artifact.targets);
      known.requires = union(known.requires, artifact.requires);
      known.requiredBy = union(known.requiredBy, artifact.requiredBy);
      known.detail['forArchitectures'] = union(
        stringsOf(known.detail['forArchitectures']),
        stringsOf(artifact.detail['forArchitectures']),
      );
      continue;
    }
    const owner = pathOwners.get(artifact.path);
    if (owner !== undefined && owner !== key) {
      const digest = artifact.digests.sha256?.slice(0, 16) ?? '';
      artifact.path = `debian/pool/${digest}/${artifact.filename}`;
    }
    pathOwners.set(artifact.path, key);
    merged.set(key, artifact);
  }
  return [...merged.values()].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
}

function union(a: readonly string[], b: readonly string[]): string[] {
  return [...new Set([...a, ...b])].sort();
}

/** The texts of a JSON list. */
export function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
