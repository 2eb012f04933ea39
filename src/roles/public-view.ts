import type { BundleEntry } from '../domain/bundle.js';
import { ECOSYSTEM_NAMES, type EcosystemName } from '../domain/plan.js';
import type { Catalog } from '../ports/catalog.js';
import type { ServedView } from '../ports/ecosystem.js';

/** Which names some bundle keeps private, as the catalog is now. */
export class PrivateNames {
  readonly #catalog: Pick<Catalog, 'generation' | 'privateNames'>;
  #names: ReadonlySet<string> = new Set();
  #generation: string | undefined;

  constructor(catalog: Pick<Catalog, 'generation' | 'privateNames'>) {
    this.#catalog = catalog;
  }

  has(ecosystem: EcosystemName, name: string): boolean {
    return this.#current().has(keyOf(ecosystem, name));
  }

  /** An entry that is private, or of a name that is: who may not see the one learns nothing of the other. */
  covers({
    private: isPrivate,
    ecosystem,
    name,
  }: Pick<BundleEntry, 'private' | 'ecosystem' | 'name'>): boolean {
    if (isPrivate) return true;
    return ecosystem !== undefined && name !== undefined && this.has(ecosystem, name);
  }

  list(): { ecosystem: EcosystemName; name: string }[] {
    return ECOSYSTEM_NAMES.flatMap((ecosystem) =>
      [...this.#catalog.privateNames(ecosystem)].map((name) => ({ ecosystem, name })),
    );
  }

  #current(): ReadonlySet<string> {
    const generation = this.#catalog.generation();
    if (generation !== this.#generation) {
      this.#names = new Set(this.list().map(({ ecosystem, name }) => keyOf(ecosystem, name)));
      this.#generation = generation;
    }
    return this.#names;
  }
}

/** A view for those who are not near: what is private is not in it. */
export function publicView(view: ServedView, names: PrivateNames): ServedView {
  return {
    ...view,
    generation: () => `${view.generation()} public`,
    entriesByName: (ecosystem, name) =>
      names.has(ecosystem, name)
        ? []
        : view.entriesByName(ecosystem, name).filter((entry) => !entry.private),
    entryByPath: (bundleId, path) => {
      const entry = view.entryByPath(bundleId, path);
      return entry === undefined || names.covers(entry) ? undefined : entry;
    },
    entriesBySha256: (sha256) =>
      view.entriesBySha256(sha256).filter((entry) => !names.covers(entry)),
    *names(ecosystem) {
      for (const name of view.names(ecosystem)) if (!names.has(ecosystem, name)) yield name;
    },
  };
}

/** The same of what the page shows. */
export function publicCatalog(
  catalog: Catalog,
  names: PrivateNames,
): Pick<Catalog, 'bundles' | 'entries' | 'entriesByName' | 'search' | 'wishes'> {
  return {
    bundles: () => catalog.bundles(),
    entries: (bundleId) => catalog.entries(bundleId),
    entriesByName: (ecosystem, name) =>
      names.has(ecosystem, name) ? [] : catalog.entriesByName(ecosystem, name),
    search: (query) => catalog.search({ ...query, without: names.list() }),
    wishes: () => catalog.wishes(),
  };
}

function keyOf(ecosystem: EcosystemName, name: string): string {
  return `${ecosystem}/${name}`;
}
