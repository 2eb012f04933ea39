import { XError } from '../../domain/errors.js';
import type { ReleaseIndex } from './release-index.js';
import { parseRelations, type RelationGroup } from './relation.js';

export type MultiArch = 'no' | 'same' | 'foreign' | 'allowed';

/** Fields that hold relations and count in resolution. */
export type RelationField =
  'Pre-Depends' | 'Depends' | 'Recommends' | 'Suggests' | 'Conflicts' | 'Breaks' | 'Provides';

/** apt's rank of a Priority; unknown ones count as extra. */
const PRIORITY_RANKS: Readonly<Record<string, number>> = {
  required: 1,
  important: 2,
  standard: 3,
  optional: 4,
  extra: 5,
};

/**
 * One version of one package, as a stanza of Packages or of dpkg's status describes it. Relations
 * are parsed when they are first asked for: of an archive's 60,000 stanzas a run looks at hundreds.
 */
export class PackageVersion {
  /** The indexes that list it; empty for what is only installed. */
  indexes: readonly ReleaseIndex[];
  readonly #relations = new Map<RelationField, RelationGroup[]>();
  #multiArch: MultiArch | undefined;
  #priorityRank: number | undefined;

  constructor(
    readonly name: string,
    readonly version: string,
    /** `all` or a real one. */
    readonly architecture: string,
    /** The stanza's text, one character a byte (latin1), without the empty line. */
    readonly stanza: string,
    index: ReleaseIndex | undefined,
  ) {
    this.indexes = index === undefined ? [] : [index];
  }

  /** Notes that further indexes list it. */
  addIndexes(indexes: readonly ReleaseIndex[]): void {
    const further = indexes.filter((index) => !this.indexes.includes(index));
    if (further.length > 0) this.indexes = [...this.indexes, ...further];
  }

  /** A field's value, continuation lines included; undefined where there is none. */
  field(name: string): string | undefined {
    return fieldOf(this.stanza, name);
  }

  /** @throws XError UPSTREAM_MALFORMED where the field cannot be read. */
  relations(field: RelationField): RelationGroup[] {
    const known = this.#relations.get(field);
    if (known !== undefined) return known;
    const value = this.field(field);
    const parsed = value === undefined ? [] : parseRelations(value);
    if (parsed === undefined) {
      throw new XError(
        'UPSTREAM_MALFORMED',
        `${this.label}: cannot read ${field}: ${String(value).slice(0, 200)}`,
        { hint: 'The index is signed, so its publisher made the fault; ask there.' },
      );
    }
    this.#relations.set(field, parsed);
    return parsed;
  }

  get multiArch(): MultiArch {
    this.#multiArch ??= multiArchOf(this.field('Multi-Arch'));
    return this.#multiArch;
  }

  get isEssential(): boolean {
    return this.field('Essential') === 'yes';
  }

  /** Important or Protected: dpkg's second kind of packages that are not removed. */
  get isProtected(): boolean {
    return this.field('Protected') === 'yes' || this.field('Important') === 'yes';
  }

  get priorityRank(): number {
    this.#priorityRank ??= PRIORITY_RANKS[this.field('Priority') ?? ''] ?? 5;
    return this.#priorityRank;
  }

  /** The source package and its version. */
  get source(): { name: string; version: string } {
    const match = /^(\S+)(?:\s*\(([^)]*)\))?/.exec(this.field('Source') ?? '');
    return { name: match?.[1] ?? this.name, version: match?.[2] ?? this.version };
  }

  /** For people: `hello 2.10-3 (amd64)`. */
  get label(): string {
    return `${this.name} ${this.version} (${this.architecture})`;
  }
}

/** The value of a field in a stanza's text; exact name first, then as deb822 allows: in any case. */
export function fieldOf(stanza: string, name: string): string | undefined {
  let start = stanza.startsWith(`${name}:`) ? 0 : stanza.indexOf(`\n${name}:`) + 1;
  if (start === 0 && !stanza.startsWith(`${name}:`)) {
    const match = caseless(name).exec(stanza);
    if (match === null) return undefined;
    start = match.index;
  }
  start += name.length + 1;
  let end = stanza.indexOf('\n', start);
  while (end >= 0 && (stanza[end + 1] === ' ' || stanza[end + 1] === '\t')) {
    end = stanza.indexOf('\n', end + 1);
  }
  return stanza.slice(start, end < 0 ? stanza.length : end).trim();
}

function multiArchOf(text: string | undefined): MultiArch {
  return text === 'same' || text === 'foreign' || text === 'allowed' ? text : 'no';
}

const CASELESS = new Map<string, RegExp>();

function caseless(name: string): RegExp {
  const known = CASELESS.get(name) ?? new RegExp(`^${name}:`, 'im');
  CASELESS.set(name, known);
  return known;
}
