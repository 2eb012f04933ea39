import type { Columns } from './packages-table.js';
import { idOf, type StanzaFields } from './stanza-fields.js';

const COMMA = 44;
const BAR = 124;
const PARENTHESIS = 40;
const COLON = 58;
const SPACE = 32;

/** Which bytes end a name. */
const ENDS_NAME = new Uint8Array(256);
ENDS_NAME.fill(1, 0, SPACE + 1);
for (const byte of [COMMA, BAR, PARENTHESIS, COLON]) ENDS_NAME[byte] = 1;

const FIRST_SLOTS = 1 << 16;
const EMPTY = -1;

/** Fields that mention packages, in the order in which apt reads them. */
const MENTIONING = (
  [
    'pre-depends',
    'depends',
    'conflicts',
    'breaks',
    'recommends',
    'suggests',
    'replaces',
    'enhances',
    'provides',
  ] as const
).map(idOf);

type MentionColumns = Pick<
  Columns,
  'mentionedStarts' | 'mentionedRows' | 'mentionedPlaces' | 'mentionedNames'
>;

/**
 * The first mention of each name in the relations of an index. An archive's relations mention
 * three quarters of a million names, of which one in ten is new: they are told apart in the bytes of the
 * text, without making a string of each.
 */
export class FirstMentions {
  /** Of each name that was met: its place in the text, and what is known of it. */
  #starts = new Int32Array(FIRST_SLOTS >> 1);
  #ends = new Int32Array(FIRST_SLOTS >> 1);
  #hashes = new Int32Array(FIRST_SLOTS >> 1);
  #rows = new Int32Array(FIRST_SLOTS >> 1);
  #places = new Int32Array(FIRST_SLOTS >> 1);
  #count = 0;
  /** A table of places in the lists above, by hash, linearly probed and never more than half full. */
  #slots = new Int32Array(FIRST_SLOTS).fill(EMPTY);

  /** Takes in the relations of one row, whose fields were moved into the text. */
  note(row: number, text: Uint8Array, fields: StanzaFields): void {
    let place = 0;
    for (const id of MENTIONING) {
      if (!fields.has(id)) continue;
      place = this.#noteField(text, fields.movedStart(id), fields.movedEnd(id), row, place);
    }
  }

  /**
   * Each name that was met, in their order, as PackagesTable has them.
   * @param text the same, with all that was added to it since.
   */
  columns(text: Buffer): MentionColumns {
    const starts = this.#starts;
    const ends = this.#ends;
    const order = new Uint32Array(this.#count);
    for (let at = 0; at < order.length; at++) order[at] = at;
    order.sort((a, b) =>
      compareBytes(text, starts[a] ?? 0, ends[a] ?? 0, starts[b] ?? 0, ends[b] ?? 0),
    );
    const lengths = order.reduce((sum, at) => sum + (ends[at] ?? 0) - (starts[at] ?? 0), 0);
    const columns = {
      mentionedStarts: new Uint32Array(order.length + 1),
      mentionedRows: new Uint32Array(order.length),
      mentionedPlaces: new Uint32Array(order.length),
      mentionedNames: Buffer.allocUnsafeSlow(lengths),
    };
    let length = 0;
    for (const [place, at] of order.entries()) {
      length += text.copy(columns.mentionedNames, length, starts[at], ends[at]);
      columns.mentionedStarts[place + 1] = length;
      columns.mentionedRows[place] = this.#rows[at] ?? 0;
      columns.mentionedPlaces[place] = this.#places[at] ?? 0;
    }
    return columns;
  }

  /** @returns the count of mentions so far. */
  #noteField(text: Uint8Array, first: number, last: number, row: number, before: number): number {
    let place = before;
    for (let at = first; ; at++) {
      place++;
      while (at < last && (text[at] ?? 0) <= SPACE) at++;
      const start = at;
      let hash = 0;
      for (; at < last; at++) {
        const byte = text[at] ?? 0;
        if (ENDS_NAME[byte] === 1) break;
        hash = Math.imul(hash ^ byte, 0x01000193);
      }
      if (at > start && !isAny(text, at, last)) this.#noteName(text, start, at, hash, row, place);
      for (; at < last; at++) {
        const byte = text[at];
        if (byte === COMMA || byte === BAR) break;
      }
      if (at >= last) return place;
    }
  }

  #noteName(
    text: Uint8Array,
    start: number,
    end: number,
    hash: number,
    row: number,
    place: number,
  ): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (; ; slot = (slot + 1) & mask) {
      const known = this.#slots[slot] ?? EMPTY;
      if (known === EMPTY) break;
      if (this.#hashes[known] === hash && this.#isSame(text, known, start, end)) return;
    }
    const added = this.#count++;
    this.#slots[slot] = added;
    this.#starts[added] = start;
    this.#ends[added] = end;
    this.#hashes[added] = hash;
    this.#rows[added] = row;
    this.#places[added] = place;
    if (this.#count * 2 >= this.#slots.length) this.#grow();
  }

  #isSame(text: Uint8Array, known: number, start: number, end: number): boolean {
    const other = this.#starts[known] ?? 0;
    if ((this.#ends[known] ?? 0) - other !== end - start) return false;
    for (let at = 0; at < end - start; at++) {
      if (text[other + at] !== text[start + at]) return false;
    }
    return true;
  }

  #grow(): void {
    const room = this.#slots.length;
    this.#starts = grown(this.#starts, room);
    this.#ends = grown(this.#ends, room);
    this.#hashes = grown(this.#hashes, room);
    this.#rows = grown(this.#rows, room);
    this.#places = grown(this.#places, room);
    const slots = new Int32Array(room * 2).fill(EMPTY);
    const mask = slots.length - 1;
    for (let at = 0; at < this.#count; at++) {
      let slot = (this.#hashes[at] ?? 0) & mask;
      while (slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      slots[slot] = at;
    }
    this.#slots = slots;
  }
}

function grown(list: Int32Array, length: number): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(length);
  larger.set(list);
  return larger;
}

const ANY = Buffer.from(':any', 'latin1');

/** `name:any` makes apt know another package than `name`. */
function isAny(text: Uint8Array, at: number, end: number): boolean {
  return (
    text[at] === COLON &&
    at + ANY.length <= end &&
    ANY.every((byte, offset) => text[at + offset] === byte)
  );
}

/** The order of two runs of bytes in a text; one that the other begins with is before it. */
function compareBytes(
  text: Uint8Array,
  start: number,
  end: number,
  otherStart: number,
  otherEnd: number,
): number {
  const length = Math.min(end - start, otherEnd - otherStart);
  for (let at = 0; at < length; at++) {
    const difference = (text[start + at] ?? 0) - (text[otherStart + at] ?? 0);
    if (difference !== 0) return difference;
  }
  return end - start - (otherEnd - otherStart);
}
