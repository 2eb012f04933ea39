import { LRUCache } from 'lru-cache';
import { BOUNDS } from '../../domain/bounds.js';
import { digestsOfIntegrity, type Digests } from '../../domain/digest.js';
import type { JsonObject, JsonValue } from '../../domain/plan.js';
import type { GatewayServer, NativeRequest, NativeResponse } from '../../ports/ecosystem.js';
import type { NpmPackument, NpmPackuments } from '../../ports/npm-registry.js';
import type { PassedArtifact, Prefetch } from '../../ports/passing.js';
import { isObject, strings } from './json.js';
import { isPackageName, tarballFile } from './names.js';
import type { PackumentDocument } from './packument.js';
import { registryKeys } from './registry-keys.js';
import { jsonReply, notFound, problemReply, rootReply } from './replies.js';
import { ABBREVIATED, respondPackument, respondVersion, tarballOfPath } from './respond.js';
import { keysDocument } from './services.js';

export interface NpmPassThroughDeps {
  packuments: NpmPackuments;
  prefetch: Prefetch;
  warn: (message: string) => void;
  /** Told of an index that could not be asked, and when it was seen. */
  onLastSeen: (what: string, seenAt: Date) => Record<string, string>;
}

/** Versions with a hash alone. */
interface Package extends Omit<NpmPackument, 'versions'> {
  document: PackumentDocument;
  /** By version. */
  tarballs: Map<string, PassedArtifact>;
}

type Packages = LRUCache<string, Package>;

/** In the key of the kept packuments. */
const FULL = 'full ';
const SHORT = 'short ';

/**
 * The registry API over the registries that npm is configured with. A tarball's address has the
 * package's name and version, from which every gateway finds where it is and what its hash is.
 */
export function createNpmPassThrough(deps: NpmPassThroughDeps): GatewayServer {
  const packages: Packages = new LRUCache<string, Package>({
    max: BOUNDS.gatewayIndexes,
    ttl: BOUNDS.gatewayIndexFreshMs,
    maxSize: BOUNDS.gatewayIndexBytes,
    sizeCalculation: ({ tarballs }) => 1_000 + tarballs.size * 2_000,
    fetchMethod: async (key) => {
      const isFull = key.startsWith(FULL);
      const name = key.slice(isFull ? FULL.length : SHORT.length);
      const found = packageOf(await deps.packuments.packument(name, isFull), deps.warn);
      tellVersions(deps.prefetch, found);
      return found;
    },
  });
  return {
    name: 'npm',
    mount: 'npm',
    commands: ['npm'],
    howTo: (gateway) => [`npm install --registry ${gateway}/npm/ NAME`],
    refresh: async (name) => {
      for (const key of [SHORT + name, FULL + name])
        if (packages.has(key)) await packages.fetch(key, { forceRefresh: true });
    },
    respond: (request) => respond(deps, packages, request),
  };
}

async function respond(
  deps: NpmPassThroughDeps,
  packages: Packages,
  request: NativeRequest,
): Promise<NativeResponse> {
  const path = request.path.replace(/\/+$/, '');
  if (path.startsWith('-/')) return service(packages, path, request);
  if (request.method === 'POST') {
    return problemReply(405, 'nothing is published through this gateway', { allow: 'GET, HEAD' });
  }
  const tarball = tarballOfPath(path);
  if (tarball !== undefined) return respondTarball(packages, tarball, request);
  const match = /^((?:@[^/]+\/)?[^/]+)(?:\/([^/]+))?$/.exec(path);
  const name = match?.[1] ?? '';
  if (path === '') return rootReply();
  if (!isPackageName(name)) return notFound(path);
  const isFull = request.headers['accept']?.includes(ABBREVIATED) !== true;
  const found = await packages.fetch((isFull ? FULL : SHORT) + name);
  if (found === undefined || !mayHave(request, found)) return notFound(name);
  prefetchLikely(deps.prefetch, packages, found);
  const wanted = match?.[2];
  if (wanted !== undefined) return respondVersion(found.document, wanted, request);
  const { seenAt } = found;
  const age = seenAt === undefined ? {} : deps.onLastSeen(`the packument of ${name}`, seenAt);
  // npm shows this one to its user.
  const notice = age['warning'] === undefined ? {} : { 'npm-notice': age['warning'] };
  return respondPackument(found.document, request, { ...age, ...notice });
}

async function respondTarball(
  packages: Packages,
  { name, file }: { name: string; file: string },
  request: NativeRequest,
): Promise<NativeResponse> {
  const found = isPackageName(name) ? await packages.fetch(SHORT + name) : undefined;
  const version = file.slice(tarballFile(name, '').length - '.tgz'.length, -'.tgz'.length);
  const artifact = found?.tarballs.get(version);
  if (found === undefined || artifact?.name !== file || !mayHave(request, found)) {
    return notFound(`${name}: ${file}`);
  }
  const headers = { 'cache-control': 'public, max-age=31536000, immutable' };
  return { kind: 'passed', headers, artifact };
}

async function service(
  packages: Packages,
  path: string,
  request: NativeRequest,
): Promise<NativeResponse> {
  const name = /^-\/package\/((?:@[^/]+\/)?[^/]+)\/dist-tags$/.exec(path)?.[1];
  if (name !== undefined && isPackageName(name) && request.method !== 'POST') {
    const found = await packages.fetch(SHORT + name);
    if (found === undefined || !mayHave(request, found)) return notFound(name);
    return jsonReply(found.document.distTags, request);
  }
  switch (path) {
    case '-/ping':
      return jsonReply({}, request);
    case '-/npm/v1/keys':
      return jsonReply({ keys: keysDocument(registryKeys()) }, request);
    default:
      return problemReply(404, `${path.slice(0, 200)} is not passed on by this gateway`);
  }
}

/** npm takes a version back by leaving it out. */
function tellVersions(prefetch: Prefetch, { name, isPublic, seenAt, tarballs }: Package): void {
  if (!isPublic || seenAt !== undefined) return;
  prefetch.versions?.('npm', name, new Map([...tarballs.keys()].map((one) => [one, false])));
}

/** What is private is there for this machine and its neighbours alone. */
function mayHave({ isNear }: NativeRequest, { isPublic }: Package): boolean {
  return isPublic || isNear === true;
}

function packageOf(packument: NpmPackument, warn: (message: string) => void): Package {
  const { name, distTags, time, isPublic } = packument;
  const document: PackumentDocument = { name, distTags, time, versions: {} };
  const tarballs = new Map<string, PassedArtifact>();
  let left = 0;
  for (const [version, manifest] of Object.entries(packument.versions)) {
    // Attestations have an address of their own at the registry, which is not passed on.
    const { attestations: _, ...dist } = isObject(manifest['dist']) ? manifest['dist'] : {};
    const digests = digestsOf(dist['integrity']);
    if (digests === undefined || typeof dist['tarball'] !== 'string') {
      left += 1;
      continue;
    }
    document.versions[version] = { ...manifest, dist };
    tarballs.set(version, {
      ecosystem: 'npm',
      urls: [dist['tarball']],
      digests,
      sizeBytes: undefined,
      name: tarballFile(name, version),
      isPrivate: !isPublic,
    });
  }
  if (left > 0) {
    warn(
      `${left} versions of ${name} have no integrity: nothing to check them by, so they are left out`,
    );
  }
  document.distTags = Object.fromEntries(
    Object.entries(distTags).filter(([, version]) => tarballs.has(version)),
  );
  return { ...packument, document, tarballs };
}

function digestsOf(integrity: JsonValue | undefined): Digests | undefined {
  if (typeof integrity !== 'string') return undefined;
  const digests = digestsOfIntegrity(integrity);
  return digests.sha256 === undefined && digests.sha512 === undefined ? undefined : digests;
}

/** The newest version, and the packuments of what it depends on: an install asks for those next. */
function prefetchLikely(
  prefetch: Prefetch,
  packages: Packages,
  { document, tarballs }: Package,
): void {
  const version = document.distTags['latest'] ?? '';
  const tarball = tarballs.get(version);
  const manifest: JsonObject = document.versions[version] ?? {};
  const size = isObject(manifest['dist']) ? manifest['dist']['unpackedSize'] : undefined;
  const isSmall = typeof size === 'number' && size <= BOUNDS.prefetchedBytes;
  if (tarball !== undefined && isSmall) prefetch.artifact(tarball);
  const names = Object.keys(strings(manifest['dependencies'])).filter(isPackageName);
  if (tarball !== undefined) prefetch.named?.(tarball, document.name, names);
  for (const name of names.slice(0, BOUNDS.prefetchedOfOne)) {
    if (packages.has(SHORT + name)) continue;
    prefetch.index(() => packages.fetch(SHORT + name));
  }
}
