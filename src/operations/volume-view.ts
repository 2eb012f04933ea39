import type { BundleEntry } from '../domain/bundle.js';
import { sha256, type Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { EcosystemName } from '../domain/plan.js';
import type { BundleRecord, CatalogEntry } from '../ports/catalog.js';
import type { HeldView } from '../ports/ecosystem.js';

/** Bytes of a whole blob, or undefined where no volume at hand holds it. */
export type BlobReader = (entry: CatalogEntry, maxBytes: number) => Promise<Uint8Array | undefined>;

/** Bundles as volumes hold them, for checking proofs without importing anything. */
export class VolumeView implements HeldView {
  readonly #records: BundleRecord[] = [];
  readonly #byPath = new Map<string, CatalogEntry>();
  readonly #bySha256 = new Map<Sha256, CatalogEntry[]>();
  readonly #byName = new Map<string, CatalogEntry[]>();
  readonly #readBlob: BlobReader;

  constructor(readBlob: BlobReader) {
    this.#readBlob = readBlob;
  }

  add(record: BundleRecord, entries: readonly BundleEntry[]): void {
    this.#records.push(record);
    for (const one of entries) {
      const entry = { ...one, bundleId: record.id, bundleName: record.name };
      this.#byPath.set(`${record.id} ${entry.path}`, entry);
      pushTo(this.#bySha256, entry.sha256, entry);
      if (entry.name !== undefined) pushTo(this.#byName, `${entry.ecosystem} ${entry.name}`, entry);
    }
  }

  bundles(): BundleRecord[] {
    return [...this.#records];
  }

  entriesByName(ecosystem: EcosystemName, name: string): CatalogEntry[] {
    return this.#byName.get(`${ecosystem} ${name}`) ?? [];
  }

  entryByPath(bundleId: string, path: string): CatalogEntry | undefined {
    return this.#byPath.get(`${bundleId} ${path}`);
  }

  entriesBySha256(digest: Sha256): CatalogEntry[] {
    return this.#bySha256.get(digest) ?? [];
  }

  names(ecosystem: EcosystemName): Iterable<string> {
    const names = [...this.#byName.values()]
      .flat()
      .filter((entry) => entry.ecosystem === ecosystem && entry.kind === 'package')
      .map(({ name }) => name ?? '');
    return [...new Set(names)].sort();
  }

  /** @throws XError INCOMPLETE where no volume holds it, DIGEST_MISMATCH, VOLUME_DAMAGED. */
  async read(entry: CatalogEntry, maxBytes: number): Promise<Uint8Array> {
    const bytes = await this.#readBlob(entry, maxBytes);
    if (bytes === undefined) {
      throw new XError('INCOMPLETE', `${entry.path} is in none of these volumes`, {
        hint: 'Name all volumes of the bundle.',
      });
    }
    if (sha256(bytes) !== entry.sha256) {
      throw new XError('DIGEST_MISMATCH', `${entry.path} is not what was signed`);
    }
    return bytes;
  }
}

function pushTo<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
