import { digestsOfIntegrity, disagreements } from '../../domain/digest.js';
import { XError } from '../../domain/errors.js';
import type { JsonObject, PlannedArtifact, ProofKind } from '../../domain/plan.js';
import type { NpmForeign, NpmRegistry, NpmRelease } from '../../ports/npm-registry.js';
import { isObject, strings } from './json.js';
import { prunedManifest } from './manifest.js';
import { foreignFile } from './foreign.js';
import { tarballFile, tarballPath } from './names.js';
import { checkSignatures, signaturesOf, type RegistryKey } from './signatures.js';

export interface ArtifactOptions {
  registry: NpmRegistry;
  keys: readonly RegistryKey[];
  /** Registries that count as public beside the official one. */
  publicIndexes: readonly string[];
}

/** One package version while projects and targets are gathered. */
export interface Selected {
  purl: string;
  name: string;
  version: string;
  /** Its bytes, where no registry has it. */
  foreign: NpmForeign | undefined;
  /** Names that it is installed under, where no registry has it. */
  installedAs: Set<string>;
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

/** @throws XError DIGEST_MISMATCH, SIGNATURE_INVALID, UPSTREAM_*, VERSION_NOT_FOUND. */
export async function artifactsOf(
  selected: readonly Selected[],
  options: ArtifactOptions,
  warnings: Set<string>,
): Promise<PlannedArtifact[]> {
  const artifacts = await Promise.all(
    selected.map(async (entry) => {
      if (entry.foreign !== undefined) return foreignArtifact(entry, entry.foreign, options);
      const release = await options.registry.release(entry.name, entry.version, entry.folder);
      return artifactOf(entry, release, options, warnings);
    }),
  );
  return artifacts.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function artifactOf(
  entry: Selected,
  release: NpmRelease,
  options: ArtifactOptions,
  warnings: Set<string>,
): PlannedArtifact {
  const { purl, name, version } = entry;
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
    (proof === 'npm-signature' && !isScoped(name)) ||
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

/** What comes from a git repository or a tarball's address: nobody but its host vouches for it. */
function foreignArtifact(
  entry: Selected,
  foreign: NpmForeign,
  { publicIndexes }: ArtifactOptions,
): PlannedArtifact {
  const { purl, name, version } = entry;
  const { address, manifest, digests, sizeBytes, url } = foreign;
  const filename = foreignFile(name, version, address);
  const scripts = installScripts(manifest);
  return {
    purl,
    ecosystem: 'npm',
    name,
    version,
    filename,
    path: `npm/${name}/${filename}`,
    sizeBytes,
    digests,
    url,
    // A lockfile's digest of a tarball was made by whoever wrote the lockfile; of a commit there is none.
    proof: foreign.kind === 'remote' && entry.integrities.size > 0 ? 'index-hash' : 'none',
    requiredBy: [...entry.requiredBy].sort(),
    requires: [...entry.requires].sort(),
    targets: [...entry.targets].sort(),
    private: !publicIndexes.some((index) => isBelow(address, index)),
    detail: {
      manifest: {
        ...prunedManifest(manifest),
        name,
        version,
        ...(Object.keys(scripts).length > 0 ? { hasInstallScript: true } : {}),
      },
      tags: [],
      asked: entry.asked,
      address,
      installedAs: [...entry.installedAs].sort(),
      ...(Object.keys(scripts).length > 0 ? { scripts } : {}),
      ...(Object.keys(entry.overrides).length > 0 ? { overrides: entry.overrides } : {}),
    },
  };
}

const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'];

function installScripts(manifest: JsonObject): Record<string, string> {
  return Object.fromEntries(
    Object.entries(strings(manifest['scripts'])).filter(([name]) => INSTALL_SCRIPTS.includes(name)),
  );
}

function detailOf(entry: Selected, release: NpmRelease): JsonObject {
  const detail: JsonObject = {
    manifest: prunedManifest(release.manifest),
    tags: release.tags,
    asked: entry.asked,
  };
  if (release.time !== undefined) detail['time'] = release.time;
  const attestations = attestationsAddress(release);
  if (attestations !== undefined) detail['attestations'] = attestations;
  if (Object.keys(entry.overrides).length > 0) detail['overrides'] = entry.overrides;
  const scripts = strings(release.manifest['scripts']);
  // A binding.gyp without an install script: npm runs this.
  if (release.manifest['gypfile'] === true && scripts['install'] === undefined) {
    scripts['install'] = 'node-gyp rebuild';
  }
  if (Object.keys(scripts).length > 0) detail['scripts'] = scripts;
  return detail;
}

/** Asked of the registry that answered, whatever host a mirror's copy of the metadata names. */
function attestationsAddress({ manifest, registry }: NpmRelease): string | undefined {
  const dist = manifest['dist'];
  const attestations = isObject(dist) ? dist['attestations'] : undefined;
  const url = isObject(attestations) ? attestations['url'] : undefined;
  if (typeof url !== 'string' || !URL.canParse(url)) return undefined;
  return new URL(new URL(url).pathname, registry).href;
}

/** @throws XError DIGEST_MISMATCH where a lockfile and the registry name different bytes. */
function compareIntegrity(
  purl: string,
  locked: string,
  published: string,
  dist: JsonObject,
  digests: PlannedArtifact['digests'],
): void {
  if (locked === published) return;
  const lockedDigests = digestsOfIntegrity(locked);
  const isDigest =
    Object.keys(lockedDigests).length > 0 || /(?:^|\s)(?:sha1|sha384|md5)-/.test(locked);
  if (!isDigest) {
    throw new XError(
      'INPUT_MALFORMED',
      `${purl}: the lockfile's integrity is none: ${locked.slice(0, 120)}`,
      {
        hint: 'Its client would refuse it too: let it write the lockfile anew.',
      },
    );
  }
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

/** npm signs private packages as it signs public ones; but each of those has a scope. */
function isScoped(name: string): boolean {
  return name.startsWith('@');
}

function isBelow(address: string, index: string): boolean {
  const withSlash = (url: string): string => `${url.replace(/\/+$/, '')}/`;
  return withSlash(address).startsWith(withSlash(index));
}
