import { LRUCache } from 'lru-cache';
import { BOUNDS } from '../../domain/bounds.js';
import { isDigest, type Digests } from '../../domain/digest.js';
import type { Target } from '../../domain/target.js';
import type { AptHost, SeenReleases } from '../../ports/apt.js';
import type { Clock } from '../../ports/clock.js';
import type { GatewayServer, NativeRequest, NativeResponse } from '../../ports/ecosystem.js';
import type { PassedArtifact } from '../../ports/passing.js';
import type { Upstream } from '../../ports/upstream.js';
import { readAptSettings, sourcesFor, type AptOverrides } from './apt/settings.js';
import { nameSuites, type NamedSource } from './apt/suite-ids.js';
import { indexesOf } from './index-loader.js';
import { PoolIndexes } from './pool-index.js';
import {
  loadSuite,
  releaseFolder,
  withoutCredentials,
  type IndexStore,
  type LoadedSuite,
  type LoaderContext,
} from './suite-loader.js';

export interface DebianPassThroughDeps {
  upstream: Upstream;
  store: IndexStore;
  apt: AptHost;
  overrides: AptOverrides;
  /** Whose architecture and release stand in for what the sources leave open. */
  target: Target;
  seen: SeenReleases;
  /** Mirrors whose packages may be named in public, beside what the distributions' own keys sign. */
  publicIndexes: readonly string[];
  clock: Pick<Clock, 'now'>;
  warn: (message: string) => void;
  /** Told of an index that could not be asked, and when it was seen. */
  onLastSeen: (what: string, seenAt: Date) => Record<string, string>;
}

/** A repository of the host's apt sources. */
interface Repository {
  /** The path segment that names it on the gateway. */
  id: string;
  /** Without credentials, with a trailing slash. */
  uri: string;
  hasCredentials: boolean;
  suites: NamedSource[];
}

/** A suite whose Release file is proved. */
interface PassedSuite {
  suite: LoadedSuite;
  seenAt: Date | undefined;
}

/**
 * The repositories of the host's apt sources, their files untouched: Release files as they are signed,
 * once their signature holds here too, indexes and packages once they have the digest that those say.
 * Every path says which repository, suite and file is meant: no gateway has to remember another's answer.
 * @throws XError USAGE, INPUT_MALFORMED: what apt's sources are.
 */
export function createDebianPassThrough(deps: DebianPassThroughDeps): GatewayServer {
  return new DebianPassThrough(deps);
}

class DebianPassThrough implements GatewayServer {
  readonly name = 'debian';
  readonly mount = 'debian';
  readonly commands = ['apt-get'];
  readonly #deps: DebianPassThroughDeps;
  readonly #repositories: Repository[];
  readonly #settings: LoaderContext['settings'];
  readonly #pool = new PoolIndexes();
  readonly #suites: LRUCache<string, PassedSuite>;

  constructor(deps: DebianPassThroughDeps) {
    this.#deps = deps;
    this.#settings = readAptSettings(deps.apt, deps.overrides);
    this.#repositories = repositoriesOf(
      nameSuites(sourcesFor(this.#settings, deps.overrides, deps.target)),
    );
    const sources = new Map(
      this.#repositories.flatMap(({ suites }) => suites.map((one) => [keyOf(one), one] as const)),
    );
    this.#suites = new LRUCache<string, PassedSuite>({
      max: BOUNDS.gatewayIndexes,
      ttl: BOUNDS.gatewayIndexFreshMs,
      fetchMethod: async (key) => {
        const source = sources.get(key);
        return source && this.#load(source);
      },
    });
  }

  howTo(gateway: string): string[] {
    return this.#repositories.flatMap(({ id, suites }) =>
      suites.map(({ suite, components }) =>
        ['deb', `${gateway}/debian/${id}`, suite, ...components].join(' '),
      ),
    );
  }

  async respond(request: NativeRequest): Promise<NativeResponse> {
    const { repository, path } = this.#place(request.path);
    if (repository === undefined || request.method === 'POST') return notFound(request.path);
    if (path.endsWith('/') || path === '') return notFound(request.path);
    const source = repository.suites.find((one) => path.startsWith(releaseFolder(one)));
    if (source === undefined) return this.#poolFile(repository, path, request);
    return this.#suiteFile(repository, source, path, request);
  }

  /** The first segment names a repository; without one the first is meant, as an address has it. */
  #place(path: string): { repository: Repository | undefined; path: string } {
    const slash = path.indexOf('/');
    const id = slash < 0 ? path : path.slice(0, slash);
    const named = this.#repositories.find((repository) => repository.id === id);
    if (named !== undefined) return { repository: named, path: path.slice(id.length + 1) };
    return { repository: this.#repositories[0], path };
  }

  async #suiteFile(
    repository: Repository,
    source: NamedSource,
    path: string,
    request: NativeRequest,
  ): Promise<NativeResponse> {
    const loaded = await this.#suites.fetch(keyOf(source));
    if (loaded === undefined || !mayHave(request, repository, loaded)) return notFound(path);
    const { suite } = loaded;
    const below = path.slice(releaseFolder(source).length);
    const isSigned = ['InRelease', 'Release', 'Release.gpg'].includes(below);
    if (isSigned) return this.#releaseFile(below, path, loaded);
    const byHash = /\/by-hash\/(SHA256|SHA512)\/([0-9a-f]+)$/.exec(`/${below}`);
    if (byHash !== null) {
      // Also of a Release file that another gateway answered with, before or after this one's.
      const digests = digestsOf(byHash[1] ?? '', byHash[2] ?? '');
      if (digests === undefined) return notFound(path);
      return passed(repository, loaded, path, digests, sizeOf(suite, digests));
    }
    const file = suite.release.files.get(below);
    if (file === undefined) return notFound(path);
    return passed(repository, loaded, path, { sha256: file.sha256 }, file.sizeBytes);
  }

  async #releaseFile(
    name: string,
    path: string,
    { suite, seenAt }: PassedSuite,
  ): Promise<NativeResponse> {
    const { sha256, signatureSha256 } = suite.facts;
    const isInline = signatureSha256 === undefined;
    const wanted = name === 'Release.gpg' ? signatureSha256 : sha256;
    // apt asks for the other two only where there is no InRelease.
    if ((name === 'InRelease') !== isInline || wanted === undefined) return notFound(path);
    const age = seenAt === undefined ? {} : this.#deps.onLastSeen(path, seenAt);
    return {
      kind: 'bytes',
      status: 200,
      headers: { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache', ...age },
      bytes: await this.#deps.store.read(wanted, BOUNDS.releaseFileBytes),
    };
  }

  async #poolFile(
    repository: Repository,
    path: string,
    request: NativeRequest,
  ): Promise<NativeResponse> {
    for (const source of repository.suites) {
      const loaded = await this.#suites.fetch(keyOf(source));
      if (loaded === undefined || !mayHave(request, repository, loaded)) continue;
      for (const index of indexesOf(loaded.suite, this.#architecturesOf(path))) {
        const file = await this.#pool.find(this.#context(), loaded.suite, index, path);
        if (file === undefined) continue;
        return passed(repository, loaded, path, { sha256: file.sha256 }, file.sizeBytes);
      }
    }
    return notFound(path);
  }

  /** Packages for all are in the index of each. */
  #architecturesOf(path: string): string[] {
    const own = /_([a-z0-9-]+)\.u?deb$/.exec(path)?.[1];
    const host = this.#deps.apt.architecture ?? this.#deps.target.arch;
    return own === undefined || own === 'all' ? [host] : [own];
  }

  async #load(source: NamedSource): Promise<PassedSuite> {
    let seenAt: Date | undefined;
    const context = this.#context((at) => (seenAt = at));
    const suite = await loadSuite(context, source);
    for (const warning of suite.warnings) this.#deps.warn(warning);
    return { suite, seenAt };
  }

  #context(onLastSeen: (seenAt: Date) => void = () => undefined): LoaderContext {
    const { upstream, store, apt, seen, publicIndexes, clock } = this.#deps;
    return {
      upstream: {
        open: (request) => upstream.open(request),
        read: async (request, maxBytes) => {
          const lastSeenAfterMs = BOUNDS.gatewayIndexSilenceMs;
          const page = await upstream.read({ ...request, lastSeenAfterMs }, maxBytes);
          if (page.seenAt) onLastSeen(page.seenAt);
          return page;
        },
      },
      store,
      host: apt,
      seen,
      settings: this.#settings,
      publicIndexes,
      now: clock.now(),
      signal: undefined,
    };
  }
}

/** A suite may stand in the sources more than once, with other components. */
function keyOf({ suiteId, components }: NamedSource): string {
  return [suiteId, ...components].join(' ');
}

function passed(
  repository: Repository,
  loaded: PassedSuite,
  path: string,
  digests: Digests,
  sizeBytes: number | undefined,
): NativeResponse {
  const artifact: PassedArtifact = {
    ecosystem: 'debian',
    urls: [repository.uri + path.split('/').map(encodeURIComponent).join('/')],
    digests,
    sizeBytes,
    name: path,
    isPrivate: isPrivate(repository, loaded),
  };
  return { kind: 'passed', headers: {}, artifact };
}

/** Public is what the distributions' own keys sign, read without a login. */
function isPrivate({ hasCredentials }: Repository, { suite }: PassedSuite): boolean {
  return hasCredentials || !suite.facts.isPublic;
}

/** What is private is there for this machine and its neighbours alone. */
function mayHave({ isNear }: NativeRequest, repository: Repository, loaded: PassedSuite): boolean {
  return !isPrivate(repository, loaded) || isNear === true;
}

function sizeOf({ release }: LoadedSuite, { sha256 }: Digests): number | undefined {
  for (const file of release.files.values()) if (file.sha256 === sha256) return file.sizeBytes;
  return undefined;
}

function digestsOf(algorithm: string, hex: string): Digests | undefined {
  if (algorithm === 'SHA256') return isDigest('sha256', hex) ? { sha256: hex } : undefined;
  return isDigest('sha512', hex) ? { sha512: hex } : undefined;
}

/** Repositories by address; the same sources get the same names on every gateway. */
function repositoriesOf(sources: readonly NamedSource[]): Repository[] {
  const byUri = Map.groupBy(sources, ({ uri }) => withoutCredentials(uri));
  const taken = new Set<string>();
  return [...byUri].map(([uri, suites]) => {
    const { pathname, hostname } = new URL(uri);
    const last = pathname.split('/').findLast((part) => /^[A-Za-z0-9._-]+$/.test(part));
    const plain = last ?? (hostname === '' ? 'local' : hostname);
    let id = plain;
    for (let number = 2; taken.has(id); number += 1) id = `${plain}-${number}`;
    taken.add(id);
    return { id, uri, suites, hasCredentials: suites.some((one) => one.uri !== uri) };
  });
}

function notFound(what: string): NativeResponse {
  return { kind: 'not-found', ecosystem: 'debian', what };
}
