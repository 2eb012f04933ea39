import type { Mention } from './packages-table.js';

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

/** Where a field's value stands in a text: the first place, and the one after the last. */
export type Range = readonly [start: number, end: number];

/**
 * The first mention of each name in the relations of an index. An archive's relations mention
 * three quarters of a million names, of which one in ten is new: they are told apart in the bytes of the
 * text, without making a string of each.
 */
export class FirstMentions {
  /** Of each name that was met: its place in the text, and what is known of it. */
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  readonly #hashes: number[] = [];
  readonly #rows: number[] = [];
  readonly #places: number[] = [];
  /** A table of places in the lists above, by hash, linearly probed and never more than half full. */
  #slots = new Int32Array(FIRST_SLOTS).fill(EMPTY);

  /** Takes in the relations of one row, those that are there, in the order in which they count. */
  note(row: number, text: Uint8Array, fields: readonly (Range | undefined)[]): void {
    let place = 0;
    for (const field of fields) {
      if (field !== undefined) place = this.#noteField(text, field, row, place);
    }
  }

  /** @param text the same, with all that was added to it since. */
  all(text: Buffer): (Mention & { name: string })[] {
    return this.#starts.map((start, at) => ({
      name: text.toString('latin1', start, this.#ends[at]),
      row: this.#rows[at] ?? 0,
      place: this.#places[at] ?? 0,
    }));
  }

  /** @returns the count of mentions so far. */
  #noteField(text: Uint8Array, [first, last]: Range, row: number, before: number): number {
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
    this.#slots[slot] = this.#starts.push(start) - 1;
    this.#ends.push(end);
    this.#hashes.push(hash);
    this.#rows.push(row);
    this.#places.push(place);
    if (this.#starts.length * 2 > this.#slots.length) this.#grow();
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
    const slots = new Int32Array(this.#slots.length * 2).fill(EMPTY);
    const mask = slots.length - 1;
    for (const [at, hash] of this.#hashes.entries()) {
      let slot = hash & mask;
      while (slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      slots[slot] = at;
    }
    this.#slots = slots;
  }
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
