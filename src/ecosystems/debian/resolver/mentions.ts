import type { PackagesTable } from '../packages-table.js';
import type { MentionOrder } from './preference.js';

/** Room for the mentions of one stanza. */
const STANZA_STEP = 1 << 20;

/**
 * The order in which apt's cache comes to know packages: through their own stanza or a relation of an
 * earlier one, index after index.
 * @param tables every index, in the order of apt's sources.
 */
export function mentionOrder(tables: readonly PackagesTable[]): MentionOrder {
  const positions = new Map<string, number>();
  const positionOf = (name: string): number => {
    const known = positions.get(name) ?? Math.min(...firstPositions(tables, name));
    positions.set(name, known);
    return known;
  };
  return { compare: (a, b) => (a.name === b.name ? 0 : positionOf(a.name) - positionOf(b.name)) };
}

/** Of the first stanza of a name, and of the first mention, as far as there are any. */
function* firstPositions(tables: readonly PackagesTable[], name: string): Generator<number> {
  let before = 0;
  for (const table of tables) {
    const own = table.rowsNamed(name)[0];
    const mention = table.firstMention(name);
    if (own !== undefined) yield (before + own) * STANZA_STEP;
    if (mention !== undefined) yield (before + mention.row) * STANZA_STEP + mention.place;
    before += table.length;
  }
  yield before * STANZA_STEP;
}
