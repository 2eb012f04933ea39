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
 * earlier one, index after index. Looked up for the few names that need it.
 * @param tables every index, in the order of apt's sources.
 */
export function mentionOrder(tables: readonly PackagesTable[]): MentionOrder {
  const known = new Map<string, number>();
  const positionOf = (name: string): number => {
    let position = known.get(name);
    if (position === undefined) {
      position = firstMention(tables, name);
      known.set(name, position);
    }
    return position;
  };
  return {
    compare: (a, b) => (a === b ? 0 : positionOf(a.name) - positionOf(b.name)),
  };
}

/** Room for the mentions of one stanza. */
const STANZA_STEP = 1 << 20;

function firstMention(tables: readonly PackagesTable[], name: string): number {
  let before = 0;
  for (const table of tables) {
    for (const row of table.rowsWith(name)) {
      const stanza = table.stanza(row);
      if (fieldOf(stanza, 'Package') === name) return (before + row) * STANZA_STEP;
      const place = mentionIn(stanza, name);
      if (place >= 0) return (before + row) * STANZA_STEP + place;
    }
    before += table.length;
  }
  return Number.MAX_SAFE_INTEGER;
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
