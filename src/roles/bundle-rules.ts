import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';
import { messageOf } from '../domain/errors.js';
import type { MembersRule } from '../domain/membership.js';
import type { BundleRecord, Catalog } from '../ports/catalog.js';
import { topLevelOf } from '../trust/masters.js';
import { readMembersRule } from '../trust/members-rule.js';

/** What a bundle's newest metadata says of who may have it. */
export interface BundleRules {
  /** Undefined: whoever asks. */
  rule: MembersRule | undefined;
  masters: readonly Did[];
}

/** Whether a bundle's newest metadata keeps it for members. */
export function isForMembers(
  catalog: Pick<Catalog, 'metadata'>,
  { id }: Pick<BundleRecord, 'id'>,
): boolean {
  const fields = topLevelOf(catalog.metadata(id));
  return fields !== undefined && readMembersRule(fields.extra) !== undefined;
}

/** The rules of the bundles in a catalog. Metadata is large: it is read once for each version. */
export class RulesOfBundles {
  readonly #catalog: Catalog;
  readonly #warn: (message: string) => void;
  readonly #digests = new Map<string, Sha256 | undefined>();
  readonly #rules = new Map<Sha256, BundleRules | undefined>();
  #generation = '';

  constructor(catalog: Catalog, warn: (message: string) => void) {
    this.#catalog = catalog;
    this.#warn = warn;
  }

  /** Undefined for what is in no catalog, or cannot be read: that is nobody's. The same value for the same version. */
  of(id: string): BundleRules | undefined {
    const generation = this.#catalog.generation();
    if (generation !== this.#generation) this.#digests.clear();
    this.#generation = generation;
    if (!this.#digests.has(id)) {
      if (this.#digests.size >= BOUNDS.bundlesPerMaster) this.#digests.clear();
      this.#digests.set(id, this.#catalog.bundle(id)?.manifestDigest);
    }
    const digest = this.#digests.get(id);
    if (digest === undefined) return undefined;
    if (!this.#rules.has(digest)) {
      if (this.#rules.size >= BOUNDS.bundlesPerMaster) this.#rules.clear();
      this.#rules.set(digest, this.#read(id));
    }
    return this.#rules.get(digest);
  }

  #read(id: string): BundleRules | undefined {
    try {
      const fields = topLevelOf(this.#catalog.metadata(id));
      return fields && { rule: readMembersRule(fields.extra), masters: fields.masters };
    } catch (error) {
      this.#warn(`${id} is given to nobody: ${messageOf(error)}`);
      return undefined;
    }
  }
}
