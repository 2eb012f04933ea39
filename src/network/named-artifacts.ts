import { BOUNDS } from '../domain/bounds.js';
import type { Digests } from '../domain/digest.js';

/** What a public index says of an artifact. */
export interface NamedArtifact {
  digests: Digests;
  /** Undefined where the index does not say. */
  sizeBytes: number | undefined;
  /** Ecosystem and name of the package that it is of, in one text; undefined where that is not known. */
  packageId: string | undefined;
}

/**
 * Artifacts that public indexes named to this machine, the one named last kept longest, and how many
 * packages require each. What strangers' records speak of is fetched only where its digest stands here:
 * nobody makes this machine keep what no publisher published.
 */
export class NamedArtifacts {
  /** By a digest. */
  readonly #named = new Map<string, NamedArtifact>();
  /** Who requires a package, so many at most. */
  readonly #dependents = new Map<string, Set<string>>();

  get size(): number {
    return this.#named.size;
  }

  note(artifact: NamedArtifact): void {
    const name = artifact.digests.sha256 ?? artifact.digests.sha512;
    if (name === undefined) return;
    const known = this.#named.get(name);
    this.#named.delete(name);
    this.#named.set(name, { ...artifact, packageId: artifact.packageId ?? known?.packageId });
    if (this.#named.size > BOUNDS.namedArtifacts) forgetOldest(this.#named);
  }

  /** A package requires these. */
  requires(packageId: string, required: Iterable<string>): void {
    for (const one of required) {
      const dependents = this.#dependents.get(one) ?? new Set<string>();
      this.#dependents.delete(one);
      this.#dependents.set(one, dependents);
      if (dependents.size < BOUNDS.countedDependents) dependents.add(packageId);
      if (this.#dependents.size > BOUNDS.namedPackages) forgetOldest(this.#dependents);
    }
  }

  *all(): Iterable<NamedArtifact & { dependents: number }> {
    for (const artifact of this.#named.values()) {
      const { packageId } = artifact;
      const dependents = packageId === undefined ? 0 : this.#dependents.get(packageId)?.size;
      yield { ...artifact, dependents: dependents ?? 0 };
    }
  }
}

function forgetOldest(map: Map<string, unknown>): void {
  const [oldest] = map.keys();
  if (oldest !== undefined) map.delete(oldest);
}
