import PQueue from 'p-queue';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, XError } from '../domain/errors.js';
import type { JsonObject, JsonValue } from '../domain/plan.js';
import { tarballAddress, type NpmConfig } from './npm-config.js';
import { asXError } from './npm-errors.js';

/** A packument as npm's libraries read it, reduced to what resolving and installing need. */
export interface RawPackument {
  name: string;
  'dist-tags': Record<string, string>;
  time: Record<string, string>;
  versions: Record<string, JsonObject>;
}

/** What a version's manifest keeps; scripts, readmes and build settings of thousands of versions fill memory. */
const MANIFEST_KEYS = [
  'name', 'version', 'description', 'license', 'dependencies', 'optionalDependencies',
  'peerDependencies', 'peerDependenciesMeta', 'bundleDependencies', 'bundledDependencies',
  'acceptDependencies', 'bin', 'directories', 'engines', 'os', 'cpu', 'libc', 'deprecated',
  'hasInstallScript', 'gypfile', '_hasShrinkwrap', 'dist', '_id',
]; // prettier-ignore

const TABLES = ['dependencies', 'optionalDependencies', 'peerDependencies', 'acceptDependencies'];
const PLATFORM_LISTS = ['os', 'cpu', 'libc'];
const INSTALL_SCRIPTS = ['preinstall', 'install', 'postinstall'];

/** Reads a packument otherwise than npm does; undefined where npm's way is to be taken. */
export type ReadPackument = (address: string) => Promise<Uint8Array | undefined>;

/**
 * Packuments by address, each asked once, bounded and pruned. It stands where arborist and pacote
 * look for a Map keyed `full:<address>`, so every packument they see went through here.
 */
export class PackumentCache {
  readonly #config: NpmConfig;
  readonly #read: ReadPackument;
  readonly #asked = new Map<string, Promise<RawPackument>>();
  readonly #queue = new PQueue({ concurrency: BOUNDS.parallelIndexRequests });

  /** @param read asked first. */
  constructor(config: NpmConfig, read: ReadPackument = () => Promise.resolve(undefined)) {
    this.#config = config;
    this.#read = read;
  }

  /** pacote asks this before it fetches on its own. */
  has(key: string): boolean {
    return key.includes(':');
  }

  get(key: string): Promise<RawPackument> {
    return this.fetch(key.slice(key.indexOf(':') + 1));
  }

  /** pacote keeps what it fetched; here nothing is fetched by it. */
  set(): void {
    throw new Error('a packument was fetched past the cache');
  }

  delete(): boolean {
    return false;
  }

  /**
   * Who publishes a dependency of this name, or on this range or address: `NAME@VERSION`; undefined where
   * none of those asked for do.
   */
  async whoAsks(dependency: string): Promise<string | undefined> {
    for (const settled of await Promise.allSettled(this.#asked.values())) {
      if (settled.status === 'rejected') continue;
      const { name, versions } = settled.value;
      const by = Object.entries(versions).findLast(([, manifest]) =>
        TABLES.some((key) =>
          Object.entries(strings(manifest[key])).some((pair) => pair.includes(dependency)),
        ),
      );
      if (by !== undefined) return `${name}@${by[0]}`;
    }
    return undefined;
  }

  /** @throws XError PACKAGE_NOT_FOUND, UPSTREAM_*, LIMIT_EXCEEDED. */
  fetch(address: string): Promise<RawPackument> {
    const known = this.#asked.get(address);
    if (known !== undefined) return known;
    const asked = this.#queue.add(() => this.#packument(address));
    this.#asked.set(address, asked);
    return asked;
  }

  async #packument(address: string): Promise<RawPackument> {
    const what = decodeURIComponent(address.slice(address.lastIndexOf('/') + 1));
    try {
      const bytes = (await this.#read(address)) ?? (await this.#ask(address));
      const text = Buffer.from(bytes).toString('utf8');
      return parsePackument(text, address, (tarball) =>
        tarballAddress(tarball, address, this.#config),
      );
    } catch (thrown) {
      throw asXError(thrown, what);
    }
  }

  async #ask(address: string): Promise<Uint8Array> {
    // Only who asks a registry pays for loading what asks it.
    const { default: registryFetch } = await import('npm-registry-fetch');
    const response = await registryFetch(address, {
      ...this.#config.options,
      maxSockets: BOUNDS.parallelIndexRequests,
      headers: { accept: 'application/json' },
    });
    const chunks: Uint8Array[] = [];
    let total = 0;
    for await (const chunk of response.body) {
      total += chunk.length;
      if (total > BOUNDS.packumentBytes) {
        throw new XError(
          'LIMIT_EXCEEDED',
          `${address}: larger than the limit of ${BOUNDS.packumentBytes} bytes`,
        );
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks, total);
  }
}

/**
 * Reads a packument's text; a version that is malformed is left out.
 * @param addressOf where a tarball is really fetched from (`replace-registry-host`).
 * @throws XError UPSTREAM_MALFORMED.
 */
export function parsePackument(
  text: string,
  address: string,
  addressOf: (tarball: string) => string,
): RawPackument {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new XError('UPSTREAM_MALFORMED', `${address}: no JSON: ${messageOf(cause)}`, {
      hint: 'Check that the registry address in .npmrc is one that speaks the npm protocol.',
      cause,
    });
  }
  if (!isObject(json) || typeof json['name'] !== 'string') {
    throw new XError('UPSTREAM_MALFORMED', `${address}: no packument: it has no name`);
  }
  const versions: Record<string, JsonObject> = Object.create(null) as Record<string, JsonObject>;
  for (const [version, manifest] of Object.entries(
    isObject(json['versions']) ? json['versions'] : {},
  )) {
    const dist = isObject(manifest) ? manifest['dist'] : undefined;
    if (!isObject(manifest) || manifest['version'] !== version || !isObject(dist)) continue;
    const tarball = dist['tarball'];
    if (typeof tarball !== 'string' || !/^https?:/.test(tarball) || !URL.canParse(tarball))
      continue;
    const url = new URL(addressOf(tarball));
    url.username = '';
    url.password = '';
    versions[version] = { ...pruneManifest(manifest), dist: { ...dist, tarball: url.href } };
  }
  return {
    name: json['name'],
    'dist-tags': strings(json['dist-tags']),
    time: strings(json['time']),
    versions,
  };
}

function pruneManifest(manifest: JsonObject): JsonObject {
  const pruned: JsonObject = {};
  for (const key of MANIFEST_KEYS) {
    const value = manifest[key];
    if (value !== undefined) pruned[key] = value;
  }
  dropMisshapen(pruned);
  const scripts = strings(manifest['scripts']);
  const install = INSTALL_SCRIPTS.filter((name) => scripts[name] !== undefined);
  if (install.length > 0) {
    pruned['hasInstallScript'] = true;
    pruned['scripts'] = Object.fromEntries(install.map((name) => [name, scripts[name] ?? '']));
  }
  return pruned;
}

/** npm's libraries take the shape of these for granted, and fail without a word of whose they are. */
function dropMisshapen(manifest: JsonObject): void {
  for (const key of TABLES) {
    const table = manifest[key];
    if (table === undefined) continue;
    if (!isObject(table)) delete manifest[key];
    else if (
      Object.hasOwn(table, '__proto__') ||
      Object.values(table).some((value) => typeof value !== 'string')
    ) {
      manifest[key] = strings(table);
    }
  }
  for (const key of PLATFORM_LISTS) {
    const list = manifest[key];
    if (list === undefined || typeof list === 'string') continue;
    if (!Array.isArray(list)) delete manifest[key];
    else if (list.some((item) => typeof item !== 'string')) {
      manifest[key] = list.filter((item) => typeof item === 'string');
    }
  }
  if (manifest['engines'] !== undefined && !isObject(manifest['engines']))
    delete manifest['engines'];
}

function strings(value: JsonValue | undefined): Record<string, string> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter(
      (pair): pair is [string, string] => typeof pair[1] === 'string' && pair[0] !== '__proto__',
    ),
  );
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
