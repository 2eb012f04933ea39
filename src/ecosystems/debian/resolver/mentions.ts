import { fieldOf } from '../package-version.js';
import type { PackagesTable } from '../packages-table.js';
import type { MentionOrder } from './preference.js';

/** Fields that mention packages, in the order in which apt reads them. */
const MENTIONING_FIELDS = [
  'Pre-Depends',
  'Depends',
  'Conflicts',
  'Breaks',
  'Recommends',
  'Suggests',
  'Replaces',
  'Enhances',
  'Provides',
] as const;

/**
 * The order in which apt's cache comes to know packages: through their own stanza or a relation of an
 * earlier one, index after index. Looked up for the few names that need it, and no further than it
 * takes to tell two of them apart.
 * @param tables every index, in the order of apt's sources.
 */
export function mentionOrder(tables: readonly PackagesTable[]): MentionOrder {
  const places = new Map<string, Place>();
  const placeOf = (name: string): Place => {
    let place = places.get(name);
    if (place === undefined) places.set(name, (place = new Place(tables, name)));
    return place;
  };
  return {
    compare(a, b) {
      if (a.name === b.name) return 0;
      const [left, right] = [placeOf(a.name), placeOf(b.name)];
      return left.own <= right.own
        ? left.upTo(left.own) - right.upTo(left.first)
        : left.upTo(right.upTo(right.own)) - right.first;
    },
  };
}

/** Room for the mentions of one stanza. */
const STANZA_STEP = 1 << 20;

/** Where apt comes to know one name, as far as was looked. */
class Place {
  /** Of its own first stanza: at that, at the latest, it is known. */
  readonly own: number;
  /** The first mention that was found; above all that was searched where none was. */
  first: number;
  #searched = 0;

  constructor(
    readonly tables: readonly PackagesTable[],
    readonly name: string,
  ) {
    this.own = ownPosition(tables, name);
    this.first = this.own;
  }

  /** The first mention where it comes before a limit, else a position that does not. */
  upTo(limit: number): number {
    const end = Math.min(limit, this.first);
    if (end > this.#searched) {
      this.first = firstMention(this.tables, this.name, this.#searched, end) ?? this.first;
      this.#searched = end;
    }
    return this.first;
  }
}

function ownPosition(tables: readonly PackagesTable[], name: string): number {
  let before = 0;
  for (const table of tables) {
    const row = table.rowsNamed(name)[0];
    if (row !== undefined) return (before + row) * STANZA_STEP;
    before += table.length;
  }
  return before * STANZA_STEP;
}

/** The first mention by another stanza, between two positions; whole stanzas are looked at. */
function firstMention(
  tables: readonly PackagesTable[],
  name: string,
  start: number,
  end: number,
): number | undefined {
  let before = 0;
  for (const table of tables) {
    const from = Math.floor(start / STANZA_STEP) - before;
    const to = Math.ceil(end / STANZA_STEP) - before;
    if (to <= 0) return undefined;
    for (const row of from < table.length ? table.rowsWith(name, Math.max(from, 0), to) : []) {
      const place = mentionIn(table.stanza(row), name);
      if (place >= 0) return (before + row) * STANZA_STEP + place;
    }
    before += table.length;
  }
  return undefined;
}

/** Where a stanza's relations mention a name, counted from 1; -1 where they do not. */
function mentionIn(stanza: string, name: string): number {
  let place = 0;
  for (const field of MENTIONING_FIELDS) {
    for (const text of fieldOf(stanza, field)?.split(/[,|]/) ?? []) {
      place++;
      const mentioned = /^\s*([^\s(:]+)(:any)?/.exec(text);
      // `name:any` makes apt know another package than `name`.
      if (mentioned?.[1] === name && mentioned[2] === undefined) return place;
    }
  }
  return -1;
}
