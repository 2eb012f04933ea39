import { multiaddr, type Multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../domain/bounds.js';
import type { Catalog } from '../ports/catalog.js';

const KEY = 'siblings';
/** A peer id in base58 is shorter. */
const PEER_CHARACTERS = 64;
const ADDRESS_CHARACTERS = 256;

/**
 * Where siblings were met last, kept in the catalog: a client that starts again while its master is
 * away finds them without being introduced. They are hints, like any address that was heard of.
 */
export class RememberedSiblings {
  readonly #catalog: Pick<Catalog, 'getValue' | 'setValue'>;
  /** The one met last stands last. */
  readonly #addresses: Map<string, readonly string[]>;

  constructor(catalog: Pick<Catalog, 'getValue' | 'setValue'>) {
    this.#catalog = catalog;
    this.#addresses = new Map(parse(catalog.getValue(KEY)));
  }

  all(): { peer: string; addresses: Multiaddr[] }[] {
    return [...this.#addresses].map(([peer, addresses]) => ({
      peer,
      addresses: addresses.flatMap(parseMultiaddr),
    }));
  }

  note(peer: string, addresses: readonly string[]): void {
    if (addresses.length === 0 || sameTexts(this.#addresses.get(peer), addresses)) return;
    this.#addresses.delete(peer);
    this.#addresses.set(peer, addresses.slice(0, BOUNDS.siblingAddresses));
    for (const oldest of this.#addresses.keys()) {
      if (this.#addresses.size <= BOUNDS.rememberedSiblings) break;
      this.#addresses.delete(oldest);
    }
    this.#catalog.setValue(KEY, JSON.stringify([...this.#addresses]));
  }
}

/** A peer's word for an address: one, or none where it is malformed. */
export function parseMultiaddr(text: string): Multiaddr[] {
  try {
    return [multiaddr(text)];
  } catch {
    return [];
  }
}

function parse(text: string | undefined): [string, string[]][] {
  let value: unknown;
  try {
    value = JSON.parse(text ?? '[]');
  } catch {
    // Only hints are lost: siblings are met again by other ways.
    return [];
  }
  if (!Array.isArray(value)) return [];
  return value.slice(-BOUNDS.rememberedSiblings).flatMap((row: unknown): [string, string[]][] => {
    const [peer, addresses]: unknown[] = Array.isArray(row) ? row : [];
    if (!isText(peer, PEER_CHARACTERS) || !Array.isArray(addresses)) return [];
    const texts = addresses.filter((one) => isText(one, ADDRESS_CHARACTERS));
    return [[peer, texts.slice(0, BOUNDS.siblingAddresses)]];
  });
}

function isText(value: unknown, characters: number): value is string {
  return typeof value === 'string' && value.length <= characters;
}

function sameTexts(a: readonly string[] | undefined, b: readonly string[]): boolean {
  return a?.length === b.length && a.every((text, i) => text === b[i]);
}
