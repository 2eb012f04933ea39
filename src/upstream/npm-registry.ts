import { glob, readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { bareAddress } from '../domain/bare-address.js';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, XError } from '../domain/errors.js';
import type { JsonObject, JsonValue } from '../domain/plan.js';
import type {
  NpmChoice,
  NpmFolder,
  NpmPackument,
  NpmPackuments,
  NpmRegistry,
  NpmRelease,
  NpmSettings,
  NpmTree,
  NpmTreeRequest,
} from '../ports/npm-registry.js';
import {
  authorizationFor,
  isPublicRegistry,
  loadNpmConfig,
  registryOf,
  tarballAddress,
  type Environment,
  type NpmConfig,
} from './npm-config.js';
import { ForeignPackages } from './npm-foreign.js';
import { asXError, versionNotFound } from './npm-errors.js';
import { PackumentCache, parsePackument, type RawPackument } from './npm-packuments.js';
import { packumentAddress } from './npm-prefetch.js';
import {
  FULL_PACKUMENT,
  isOpenRegistry,
  readPublicPackument,
  SHORT_PACKUMENT,
  type PublicPages,
} from './npm-public-pages.js';
import type { Upstream } from '../ports/upstream.js';

export interface NpmRegistryOptions {
  env: Environment;
  /** Whose project .npmrc counts where a request names no project. */
  folder: string;
}

/** An NpmRegistry that also tells what to send with a tarball request. */
export interface NpmRegistryAdapter extends NpmRegistry {
  /**
   * The Authorization header that npm would send to an address, from the credentials of its own host;
   * undefined everywhere else, and before the first of the other methods has read the configuration.
   */
  npmAuthorization(url: string): string | undefined;
  /** How a project's own .npmrc reaches the registry at an address; undefined where none of them names it. */
  npmConnection(url: string): NpmSettings['connection'] | undefined;
  /**
   * Packuments over an upstream that keeps what it saw last.
   * @param publicIndexes registries whose packages may be named in public, beside the official one.
   */
  packuments(upstream: Pick<Upstream, 'read'>, publicIndexes: readonly string[]): NpmPackuments;
  /** From now on packuments of public registries are read there: by one that knows who stands in. */
  readPublicOver(pages: PublicPages): void;
  /** Removes what was fetched from elsewhere. */
  close(): Promise<void>;
}

/** The registries that this machine's .npmrc names, asked as npm would ask them. */
export function createNpmRegistry(options: NpmRegistryOptions): NpmRegistryAdapter {
  const configs = new Map<string, Promise<NpmConfig>>();
  const loaded: NpmConfig[] = [];
  const caches = new Map<NpmConfig, PackumentCache>();
  const foreign = new ForeignPackages();
  let pages: PublicPages | undefined;

  const configOf = (project: string | undefined): Promise<NpmConfig> => {
    const folder = project ?? options.folder;
    const known = configs.get(folder);
    if (known !== undefined) return known;
    const loading = loadNpmConfig(folder, options.env).then((config) => {
      loaded.push(config);
      return config;
    });
    configs.set(folder, loading);
    return loading;
  };
  const cacheOf = (config: NpmConfig): PackumentCache => {
    const cache =
      caches.get(config) ??
      new PackumentCache(config, (address) =>
        pages === undefined
          ? Promise.resolve(undefined)
          : readPublicPackument(pages, address, config),
      );
    caches.set(config, cache);
    return cache;
  };

  return {
    async settings(project): Promise<NpmSettings> {
      return settingsOf(await configOf(project));
    },
    async tree(request: NpmTreeRequest): Promise<NpmTree> {
      const config = await configOf(request.project);
      // npm's tree builder takes long to load, and a source of other ecosystems has no use for it.
      const { buildTree } = await import('./npm-tree.js');
      return buildTree(request, config, cacheOf(config));
    },
    async release(name, version, project): Promise<NpmRelease> {
      const config = await configOf(project);
      const raw = await cacheOf(config).fetch(packumentAddress(name, config));
      return releaseOf(name, version, raw, config);
    },
    async choose(name, choice): Promise<NpmRelease> {
      const config = await configOf(choice.project);
      const raw = await cacheOf(config).fetch(packumentAddress(name, config));
      return releaseOf(name, await chosenVersion(name, raw, choice), raw, config);
    },
    async foreign(request) {
      const brought = await foreign.fetch(request, await configOf(request.project));
      return { ...brought, address: bareAddress(brought.address) };
    },
    workspaces: findWorkspaces,
    packuments: (upstream, publicIndexes) => ({
      packument: async (name, isFull) => {
        const config = await configOf(undefined);
        const isPublic = isOpenRegistry(registryOf(name, config), config, publicIndexes);
        const read = { config, name, isFull, isPublic };
        return { ...(await readPackument(upstream, read)), isPublic };
      },
    }),
    readPublicOver: (given) => void (pages = given),
    close: () => foreign.close(),
    npmConnection(url) {
      // What was read first is the folder's own, which the others may say more than.
      const found = loaded.slice(1).findLast((config) => names(config, url));
      return found === undefined ? undefined : settingsOf(found).connection;
    },
    npmAuthorization(url) {
      for (const config of loaded) {
        const authorization = authorizationFor(url, config);
        if (authorization !== undefined) return authorization;
      }
      return undefined;
    },
  };
}

/** Whether a configuration has a registry on an address's host. */
function names(config: NpmConfig, url: string): boolean {
  const { host } = new URL(url);
  return [config.registry, ...Object.values(settingsOf(config).scopes)].some(
    (registry) => URL.canParse(registry) && new URL(registry).host === host,
  );
}

function settingsOf(config: NpmConfig): NpmSettings {
  const scopes: Record<string, string> = {};
  for (const [key, value] of Object.entries(config.options)) {
    const scope = /^(@[^:]+):registry$/.exec(key)?.[1];
    if (scope !== undefined && typeof value === 'string') scopes[scope] = bareAddress(value);
  }
  const omit = config.options['omit'];
  return {
    registry: bareAddress(config.registry),
    scopes,
    omit: stringList(omit),
    connection: {
      httpProxy: text(config.options['proxy']),
      httpsProxy: text(config.options['httpsProxy']) ?? text(config.options['proxy']),
      noProxy: stringList(config.options['noProxy']).join(',') || undefined,
      certificateAuthorities: stringList(config.options['ca']),
    },
  };
}

function stringList(value: unknown): string[] {
  const items = Array.isArray(value) ? value : [value];
  return items.filter((item) => typeof item === 'string' && item !== '');
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** @throws XError VERSION_NOT_FOUND. */
async function chosenVersion(name: string, raw: RawPackument, choice: NpmChoice): Promise<string> {
  const { default: pickManifest } = await import('npm-pick-manifest');
  try {
    const { version } = pickManifest(raw, choice.spec, {
      ...(choice.nodeVersion === undefined ? {} : { nodeVersion: choice.nodeVersion }),
      ...(choice.before === undefined ? {} : { before: choice.before }),
    });
    return version;
  } catch (thrown) {
    throw asXError(thrown, `${name}@${choice.spec}`, choice.before);
  }
}

async function readPackument(
  upstream: Pick<Upstream, 'read'>,
  {
    config,
    name,
    isFull,
    isPublic,
  }: { config: NpmConfig; name: string; isFull: boolean; isPublic: boolean },
): Promise<Omit<NpmPackument, 'isPublic'>> {
  const address = packumentAddress(name, config);
  const page = await upstream.read(
    {
      ecosystem: 'npm',
      url: address,
      accept: isFull ? FULL_PACKUMENT : SHORT_PACKUMENT,
      lastSeenAfterMs: BOUNDS.gatewayIndexSilenceMs,
      isPublic,
    },
    BOUNDS.packumentBytes,
  );
  const raw = parsePackument(Buffer.from(page.bytes).toString('utf8'), address, (tarball) =>
    tarballAddress(tarball, address, config),
  );
  checkName(name, raw);
  const { time, versions } = raw;
  return { name, distTags: raw['dist-tags'], time, versions, seenAt: page.seenAt };
}

/** @throws XError UPSTREAM_MALFORMED where the registry answers for another package. */
function checkName(name: string, raw: RawPackument): void {
  if (raw.name === name) return;
  throw new XError(
    'UPSTREAM_MALFORMED',
    `npm: ${name}: the registry answers with the packument of "${raw.name.slice(0, 214)}"`,
  );
}

/** @throws XError UPSTREAM_MALFORMED where the registry answers for another package; VERSION_NOT_FOUND. */
function releaseOf(
  name: string,
  version: string,
  raw: RawPackument,
  config: NpmConfig,
): NpmRelease {
  checkName(name, raw);
  const manifest = raw.versions[version];
  if (manifest === undefined) throw versionNotFound(name, version, raw);
  const registry = registryOf(name, config);
  return {
    manifest,
    time: raw.time[version],
    tags: Object.keys(raw['dist-tags']).filter((tag) => raw['dist-tags'][tag] === version),
    registry: bareAddress(registry),
    isPublic: isPublicRegistry(registry, config),
  };
}

/** Workspace folders by npm's patterns (`packages/*`, `!packages/old`), node_modules left out. */
async function findWorkspaces(project: string, manifest: JsonObject): Promise<NpmFolder[]> {
  const declared = manifest['workspaces'];
  const list = isObject(declared) ? declared['packages'] : declared;
  if (list === undefined) return [];
  const patterns = Array.isArray(list) ? list.filter((item) => typeof item === 'string') : [];
  const wanted = patterns.filter((pattern) => !pattern.startsWith('!'));
  const outside = wanted.find((pattern) => trimmed(pattern).split(/[\\/]/).includes('..'));
  if (outside !== undefined) {
    throw new XError(
      'NOT_RESOLVABLE',
      `${join(project, 'package.json')}: workspaces "${outside.slice(0, 200)}" lie outside the project`,
      {
        hint: 'Only what lies in the project’s own folder travels with it: name folders inside it.',
      },
    );
  }
  const exclude = patterns
    .filter((pattern) => pattern.startsWith('!'))
    .map((pattern) => `${trimmed(pattern.slice(1))}/package.json`);
  const folders: NpmFolder[] = [];
  const files = glob(
    wanted.map((pattern) => `${trimmed(pattern)}/package.json`),
    { cwd: project, exclude: ['**/node_modules/**', ...exclude] },
  );
  for await (const file of files) {
    if (folders.length >= BOUNDS.inputFiles) {
      throw new XError('LIMIT_EXCEEDED', `${project}: more than ${BOUNDS.inputFiles} workspaces`);
    }
    const path = file.split(sep).slice(0, -1).join('/');
    folders.push({ path, manifest: await readManifest(join(project, file)) });
  }
  return folders.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function trimmed(pattern: string): string {
  return pattern.replace(/^\.?\/+/, '').replace(/\/+$/, '');
}

async function readManifest(file: string): Promise<JsonObject> {
  try {
    const json = JSON.parse((await readFile(file, 'utf8')).replace(/^\uFEFF/, '')) as JsonValue;
    if (isObject(json)) return json;
  } catch (cause) {
    throw new XError(
      'INPUT_MALFORMED',
      `${file}: not JSON: ${messageOf(cause).split('\n')[0] ?? ''}`,
      {
        hint: 'It is a workspace of the project: correct it; npm cannot read it either.',
        cause,
      },
    );
  }
  throw new XError('INPUT_MALFORMED', `${file}: not a JSON object`);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
