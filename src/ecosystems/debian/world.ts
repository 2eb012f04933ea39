import type { Target } from '../../domain/target.js';
import { XError } from '../../domain/errors.js';
import { installedOfStatus, minimalBase, type DebianBase, type InstalledPackages } from './base.js';
import { nameSuites } from './apt/suite-ids.js';
import { sourcesFor, type AptOverrides } from './apt/settings.js';
import {
  indexesOf,
  loadIndex,
  loadSuite,
  type LoadedSuite,
  type LoaderContext,
} from './suite-loader.js';
import { mentionOrder } from './resolver/mentions.js';
import { Universe } from './resolver/universe.js';
import type { MentionOrder } from './resolver/preference.js';
import type { PackageVersion } from './package-version.js';

/** All that one target is resolved in: what its suites offer, and what it has already. */
export interface World {
  target: Target;
  universe: Universe;
  installed: InstalledPackages;
  mentions: MentionOrder;
}

/** What was loaded once and serves every target of a plan. */
export class WorldLoader {
  readonly #suites = new Map<string, Promise<LoadedSuite>>();
  readonly #indexes = new Map<string, Promise<PackageVersion[]>>();
  readonly warnings = new Set<string>();

  constructor(
    readonly context: LoaderContext,
    readonly overrides: AptOverrides,
  ) {}

  /**
   * @param foreign architectures beside the target's own that requirements name.
   * @throws XError USAGE, NOT_RESOLVABLE where no source is for the target's release; as loadSuite.
   */
  async load(target: Target, base: DebianBase, foreign: readonly string[]): Promise<World> {
    const sources = nameSuites(sourcesFor(this.context.settings, this.overrides, target));
    const suites = await allInOrder(
      sources.map((source) => {
        const key = `${source.suiteId} ${source.uri} ${source.components.join(' ')}`;
        return memo(this.#suites, key, () => loadSuite(this.context, source));
      }),
    );
    const fitting = suites.filter((suite) => isFor(suite, target));
    if (fitting.length === 0) throw noSuite(suites, target);
    const available: PackageVersion[] = [];
    for (const suite of fitting) {
      for (const warning of suite.warnings) this.warnings.add(warning);
      for (const architecture of [target.arch, ...foreign]) {
        for (const index of indexesOf(suite, architecture)) {
          const key = `${index.release.suiteId} ${index.path} ${architecture}`;
          const versions = await memo(this.#indexes, key, () =>
            loadIndex(this.context, suite, index),
          );
          // Not push(...versions): an archive is larger than a call's arguments may be.
          for (const version of versions) available.push(version);
        }
      }
      for (const warning of suite.warnings) this.warnings.add(warning);
    }
    const mentions = mentionOrder(available);
    const installed = installedOf(base, available, target, mentions);
    const universe = new Universe(target.arch, available, installed.versions, (name) =>
      installed.held.has(name),
    );
    return { target, universe, installed, mentions };
  }
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
  available: readonly PackageVersion[],
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
