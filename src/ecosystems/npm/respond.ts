import type { JsonObject } from '../../domain/plan.js';
import type { HeldView, NativeRequest, NativeResponse } from '../../ports/ecosystem.js';
import { heldPackument, tarballEntry } from './held-packages.js';
import { isObject } from './json.js';
import { isPackageName } from './names.js';
import type { PackumentDocument } from './packument.js';
import { gatewayTarball } from './gateway-address.js';
import { jsonReply, notFound, problemReply, rootReply } from './replies.js';
import { respondToService } from './services.js';
import type { RegistryKey } from './signatures.js';

/** What clients accept who need no more than to install. */
export const ABBREVIATED = 'application/vnd.npm.install-v1+json';

/** What npm's abbreviated metadata has of a version. */
const ABBREVIATED_KEYS = [
  'name', 'version', 'deprecated', 'bin', 'dist', 'engines', 'cpu', 'os', 'libc', 'dependencies',
  'optionalDependencies', 'bundleDependencies', 'peerDependencies', 'peerDependenciesMeta',
  'acceptDependencies', 'hasInstallScript', '_hasShrinkwrap', 'directories',
]; // prettier-ignore

/**
 * Answers a client's request from what the bundles hold.
 * @see https://github.com/npm/registry/blob/main/docs/REGISTRY-API.md
 */
export async function respond(
  request: NativeRequest,
  view: HeldView,
  keys: () => readonly RegistryKey[],
): Promise<NativeResponse> {
  const path = request.path.replace(/\/+$/, '');
  if (path === '') return rootReply();
  if (path.startsWith('-/')) return respondToService(path, request, view, keys);
  if (request.method === 'POST') {
    return problemReply(405, 'what signed bundles hold is served here; nothing can be published', {
      allow: 'GET, HEAD',
    });
  }
  const tarball = tarballOfPath(path);
  if (tarball !== undefined) return respondTarball(tarball.name, tarball.file, view);
  const match = /^((?:@[^/]+\/)?[^/]+)(?:\/([^/]+))?$/.exec(path);
  const name = match?.[1] ?? '';
  if (!isPackageName(name)) return notFound(path);
  const held = await heldPackument(view, name);
  if (held === undefined)
    return { kind: 'not-found', ecosystem: 'npm', what: name, isPackage: true };
  const wanted = match?.[2];
  return wanted === undefined
    ? respondPackument(held.document, request)
    : respondVersion(held.document, wanted, request);
}

/** `…/NAME/-/FILE.tgz`, below whatever prefix a lockfile had. */
export function tarballOfPath(path: string): { name: string; file: string } | undefined {
  const match = /(?:^|\/)((?:@[^/]+\/)?[^/@]+)\/-\/(?:@[^/]+\/)?([^/]+\.tgz)$/.exec(path);
  return match === null ? undefined : { name: match[1] ?? '', file: match[2] ?? '' };
}

function respondTarball(name: string, file: string, view: HeldView): NativeResponse {
  const entry = tarballEntry(view, name, file);
  if (entry === undefined) return notFound(`${name}: ${file}`);
  const headers = {
    'content-type': 'application/octet-stream',
    etag: `"${entry.sha256}"`,
    'cache-control': 'public, max-age=31536000, immutable',
  };
  return { kind: 'artifact', headers, entry };
}

/** A package's document, whole or abbreviated as the client asks. @param more headers. */
export function respondPackument(
  document: PackumentDocument,
  request: NativeRequest,
  more: Record<string, string> = {},
): NativeResponse {
  const abbreviated = request.headers['accept']?.includes(ABBREVIATED) === true;
  const versions: JsonObject = {};
  for (const [version, manifest] of Object.entries(document.versions)) {
    const answered = withTarball(manifest, document.name, version, request.baseUrl);
    versions[version] = abbreviated ? abbreviate(answered) : answered;
  }
  const common = { name: document.name, 'dist-tags': document.distTags, versions };
  const body = abbreviated
    ? { ...common, modified: newest(document) }
    : { _id: document.name, ...common, time: timesOf(document) };
  return jsonReply(body, request, {
    'content-type': abbreviated ? ABBREVIATED : 'application/json',
    ...more,
  });
}

/** The manifest of one version, or of what a tag points at. */
export function respondVersion(
  document: PackumentDocument,
  wanted: string,
  request: NativeRequest,
): NativeResponse {
  const version = document.distTags[wanted] ?? wanted;
  const manifest = Object.hasOwn(document.versions, version)
    ? document.versions[version]
    : undefined;
  if (manifest === undefined) return notFound(`${document.name}@${wanted}`);
  return jsonReply(withTarball(manifest, document.name, version, request.baseUrl), request);
}

function withTarball(
  manifest: JsonObject,
  name: string,
  version: string,
  baseUrl: string,
): JsonObject {
  const dist = isObject(manifest['dist']) ? manifest['dist'] : {};
  const id = `${name}@${version}`;
  const tarball = gatewayTarball(baseUrl, name, version);
  const { attestations } = dist;
  const attested = isObject(attestations)
    ? { attestations: { ...attestations, url: `${baseUrl}/npm/-/npm/v1/attestations/${id}` } }
    : {};
  return { ...manifest, _id: id, dist: { ...dist, ...attested, tarball } };
}

function abbreviate(manifest: JsonObject): JsonObject {
  const kept: JsonObject = {};
  for (const key of ABBREVIATED_KEYS) {
    const value = manifest[key];
    if (value !== undefined) kept[key] = value;
  }
  return kept;
}

/** Upstream's publication times; `modified` is the newest of what is held. */
function timesOf(document: PackumentDocument): JsonObject {
  const times = Object.values(document.time).sort();
  const [created] = times;
  const bounds: JsonObject = created === undefined ? {} : { created, modified: newest(document) };
  return { ...bounds, ...document.time };
}

function newest(document: PackumentDocument): string {
  return Object.values(document.time).sort().at(-1) ?? '1970-01-01T00:00:00.000Z';
}
