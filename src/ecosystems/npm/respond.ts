import { sha256 } from '../../domain/digest.js';
import type { JsonObject, JsonValue } from '../../domain/plan.js';
import type { HeldView, NativeRequest, NativeResponse } from '../../ports/ecosystem.js';
import { heldPackument, tarballEntry, type HeldPackument } from './held-packages.js';
import { isObject } from './json.js';
import { isPackageName } from './names.js';
import type { PackumentDocument } from './packument.js';
import { gatewayTarball } from './gateway-address.js';
import { search } from './search.js';
import type { RegistryKey } from './signatures.js';

const ABBREVIATED = 'application/vnd.npm.install-v1+json';

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
  if (path.startsWith('-/')) return respondToService(path, request, view, keys);
  const tarball = /(?:^|\/)((?:@[^/]+\/)?[^/@]+)\/-\/(?:@[^/]+\/)?([^/]+\.tgz)$/.exec(path);
  if (tarball !== null) return respondTarball(tarball[1] ?? '', tarball[2] ?? '', view);
  const match = /^((?:@[^/]+\/)?[^/]+)(?:\/([^/]+))?$/.exec(path);
  const name = match?.[1] ?? '';
  if (!isPackageName(name)) return notFound(path === '' ? 'the registry root' : path);
  const held = await heldPackument(view, name);
  if (held === undefined)
    return { kind: 'not-found', ecosystem: 'npm', what: name, isPackage: true };
  const wanted = match?.[2];
  return wanted === undefined
    ? respondPackument(held, request)
    : respondVersion(held, wanted, request);
}

async function respondToService(
  path: string,
  request: NativeRequest,
  view: HeldView,
  keys: () => readonly RegistryKey[],
): Promise<NativeResponse> {
  switch (path) {
    case '-/ping':
      return json({}, request);
    case '-/npm/v1/keys':
      return json({ keys: keysDocument(keys()) }, request);
    case '-/v1/search':
      return json(await search(request, view), request);
    // Nobody publishes advisories here: no answer but "none known" keeps an install from failing.
    case '-/npm/v1/security/advisories/bulk':
      return json({}, request);
    case '-/npm/v1/security/audits':
    case '-/npm/v1/security/audits/quick':
      return json(
        { actions: [], advisories: {}, muted: [], metadata: { vulnerabilities: {} } },
        request,
      );
    default:
      return notFound(path);
  }
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

function respondPackument(held: HeldPackument, request: NativeRequest): NativeResponse {
  const { document } = held;
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
  return json(body, request, abbreviated ? ABBREVIATED : 'application/json');
}

function respondVersion(
  held: HeldPackument,
  wanted: string,
  request: NativeRequest,
): NativeResponse {
  const { document } = held;
  const version = document.distTags[wanted] ?? wanted;
  const manifest = Object.hasOwn(document.versions, version)
    ? document.versions[version]
    : undefined;
  if (manifest === undefined) return notFound(`${document.name}@${wanted}`);
  return json(withTarball(manifest, document.name, version, request.baseUrl), request);
}

function withTarball(
  manifest: JsonObject,
  name: string,
  version: string,
  baseUrl: string,
): JsonObject {
  const dist = isObject(manifest['dist']) ? manifest['dist'] : {};
  const id = `${name}@${version}`;
  return {
    ...manifest,
    _id: id,
    dist: { ...dist, tarball: gatewayTarball(baseUrl, name, version) },
  };
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

/** In the registry's own form, so that `npm audit signatures` finds them. */
function keysDocument(keys: readonly RegistryKey[]): JsonValue[] {
  return keys.map(({ keyid, spki, end }) => ({
    expires: end ?? null,
    keyid,
    keytype: 'ecdsa-sha2-nistp256',
    scheme: 'ecdsa-sha2-nistp256',
    key: spki,
  }));
}

function json(
  body: JsonObject,
  request: NativeRequest,
  contentType = 'application/json',
): NativeResponse {
  const bytes = Buffer.from(JSON.stringify(body));
  const etag = `"${sha256(bytes).slice(0, 32)}"`;
  const headers = {
    'content-type': contentType,
    etag,
    'cache-control': 'no-cache',
    vary: 'accept',
  };
  const known = request.headers['if-none-match']?.split(/\s*,\s*/) ?? [];
  if (known.some((tag) => tag.replace(/^W\//, '') === etag)) {
    return { kind: 'bytes', status: 304, headers, bytes: new Uint8Array(0) };
  }
  return { kind: 'bytes', status: 200, headers, bytes };
}

function notFound(what: string): NativeResponse {
  return { kind: 'not-found', ecosystem: 'npm', what };
}
