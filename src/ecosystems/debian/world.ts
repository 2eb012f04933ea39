import type { Target } from '../../domain/target.js';
import { XError } from '../../domain/errors.js';
import { installedOfStatus, minimalBase, type DebianBase, type InstalledPackages } from './base.js';
import { nameSuites } from './apt/suite-ids.js';
import type { AptSource } from './apt/sources-list.js';
import { sourcesFor, type AptOverrides } from './apt/settings.js';
import { indexesOf, obtainParsed, parseIndex } from './index-loader.js';
import { loadSuite, type LoadedSuite, type LoaderContext } from './suite-loader.js';
import { mentionOrder } from './resolver/mentions.js';
import { listedVersions, Universe } from './resolver/universe.js';
import type { PackageVersion } from './package-version.js';
import type { MentionOrder } from './resolver/preference.js';
import { TableVersions, type PackagesTable } from './packages-table.js';
import type { ReleaseIndex } from './release-index.js';

/** All that one target is resolved in: what its suites offer, and what it has already. */
export interface World {
  target: Target;
  universe: Universe;
  installed: InstalledPackages;
  mentions: MentionOrder;
  indexes: readonly TableVersions[];
}

/** What was loaded once and serves every target of a plan. */
export class WorldLoader {
  readonly #suites = new Map<string, Promise<LoadedSuite>>();
  readonly #tables = new Map<string, Promise<PackagesTable>>();
  readonly #versions = new Map<string, TableVersions>();
  /** Indexes are fetched side by side, and parsed one after the other: that bounds what is open at once. */
  #lastParse: Promise<unknown> = Promise.resolve();
  readonly warnings = new Set<string>();

  constructor(
    readonly context: LoaderContext,
    readonly overrides: AptOverrides,
  ) {}

  /**
   * @param foreign architectures beside the target's own.
   * @param local packages that the user has as files.
   * @throws XError USAGE, NOT_RESOLVABLE where no source is for the target's release; as loadSuite.
   */
  async load(
    target: Target,
    base: DebianBase,
    foreign: readonly string[],
    local: readonly PackageVersion[] = [],
  ): Promise<World> {
    const sources = nameSuites(sourcesFor(this.context.settings, this.overrides, target));
    const suites = await allInOrder(
      sources.map((source) => {
        const key = `${source.suiteId} ${source.uri} ${source.components.join(' ')}`;
        return memo(this.#suites, key, () => loadSuite(this.context, source));
      }),
    );
    const fitting = suites.filter((suite) => isFor(suite, target));
    if (fitting.length === 0) throw noSuite(suites, target);
    const indexes = fitting.flatMap((suite) =>
      indexesOf(suite, [target.arch, ...foreign]).map((index) => ({ suite, index })),
    );
    for (const { warnings } of fitting) for (const warning of warnings) this.warnings.add(warning);
    const tables = await allInOrder(indexes.map(({ suite, index }) => this.#table(suite, index)));
    const available = indexes.flatMap(({ suite, index }, at) =>
      this.#versionsOf(tables[at], index, suite.source),
    );
    const mentions = mentionOrder(tables);
    const installed = installedOf(base, available, target, mentions);
    const universe = new Universe(
      target.arch,
      [listedVersions(local), ...available],
      installed.versions,
      ({ name, architecture }) => installed.held.has(`${name}:${architecture}`),
    );
    return { target, universe, installed, mentions, indexes: available };
  }

  #table(suite: LoadedSuite, index: ReleaseIndex): Promise<PackagesTable> {
    return memo(this.#tables, index.sha256, async () => {
      const known = obtainParsed(this.context, suite, index);
      const before = this.#lastParse;
      const parsed = known.then(async (table) => {
        if (table !== undefined) return table;
        await before;
        return parseIndex(this.context, index, suite);
      });
      // What fails is told by who asked for it; the next in line parses all the same.
      this.#lastParse = parsed.catch(() => undefined);
      return parsed;
    });
  }

  #versionsOf(
    table: PackagesTable | undefined,
    index: ReleaseIndex,
    { include, exclude }: AptSource,
  ): TableVersions[] {
    if (table === undefined) return [];
    const names = `${include?.join(',') ?? '*'} ${exclude.join(',')}`;
    const key = `${index.release.suiteId} ${index.path} ${index.architecture} ${names}`;
    let versions = this.#versions.get(key);
    if (versions === undefined) {
      versions = new TableVersions(table, index, listing(include, exclude));
      this.#versions.set(key, versions);
    }
    return [versions];
  }
}

/** Which names a source's Include and Exclude leave in; undefined for all. */
function listing(
  include: readonly string[] | undefined,
  exclude: readonly string[],
): ((name: string) => boolean) | undefined {
  if (include !== undefined) {
    const only = new Set(include);
    return (name) => only.has(name);
  }
  if (exclude.length === 0) return undefined;
  const without = new Set(exclude);
  return (name) => !without.has(name);
}

/** All of them; where several fail, the first in order, so that one cause is told the same way each time. */
async function allInOrder<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  await Promise.allSettled(promises);
  return Promise.all(promises);
}

function memo<T>(known: Map<string, Promise<T>>, key: string, make: () => Promise<T>): Promise<T> {
  const existing = known.get(key);
  if (existing !== undefined) return existing;
  const made = make();
  known.set(key, made);
  return made;
}

function installedOf(
  base: DebianBase,
  available: readonly TableVersions[],
  target: Target,
  mentions: MentionOrder,
): InstalledPackages {
  switch (base.kind) {
    case 'none':
      return { versions: [], held: new Set() };
    case 'status':
      return installedOfStatus(base.text);
    case 'minbase':
      return { versions: minimalBase(available, target.arch, mentions), held: new Set() };
  }
}

/** Suites of a distribution are for one release of it; other publishers' may be for any. */
function isFor({ facts }: LoadedSuite, target: Target): boolean {
  if (target.debian === undefined || facts.codename === undefined) return true;
  if (facts.origin !== 'Debian' && facts.origin !== 'Ubuntu') return true;
  return releaseOf(facts.codename) === target.debian;
}

function releaseOf(codename: string): string {
  return codename.replace(
    /(-updates|-security|-backports(-sloppy)?|-proposed(-updates)?|\/updates)$/,
    '',
  );
}

function noSuite(suites: readonly LoadedSuite[], target: Target): XError {
  const codenames = suites.map(({ facts }) => facts.codename ?? facts.suiteId).join(', ');
  return new XError(
    'NOT_RESOLVABLE',
    `no apt source is for debian=${target.debian ?? ''}: there is ${codenames}`,
    {
      hint: 'Name the suites of that release with --debian-suite, and --debian-mirror where it is another archive.',
    },
  );
}
