/** The fields of a Packages file that resolution, fetching and the order of mentions look at. */
export const FIELDS = [
  'package',
  'source',
  'version',
  'architecture',
  'essential',
  'protected',
  'important',
  'priority',
  // apt tells two builds of one version apart by it.
  'installed-size',
  'multi-arch',
  'pre-depends',
  'depends',
  'recommends',
  'suggests',
  'conflicts',
  'breaks',
  'replaces',
  'enhances',
  'provides',
  'task',
  'filename',
  'size',
  'sha256',
  'sha512',
] as const;

export type Field = (typeof FIELDS)[number];

const LINE_END = 10;
const TAB = 9;
const CARRIAGE_RETURN = 13;
const SPACE = 32;
const COLON = 58;
const LOWER_CASE = 32;

const IDS = new Map<Field, number>(FIELDS.map((field, id) => [field, id]));

/** The numbers of FIELDS by the lengths of their names, and those names in bytes. */
const byLength: number[][] = [];
const names = FIELDS.map((name, id) => {
  (byLength[name.length] ??= []).push(id);
  return Buffer.from(name, 'latin1');
});

/** The number of a field, by which it is asked for. */
export function idOf(field: Field): number {
  return IDS.get(field) ?? -1;
}

/**
 * Where the fields of one stanza stand in its bytes, found in one pass over them. Used again for the
 * next stanza: an archive has a hundred thousand, and nothing is made for each. A field that is there
 * twice is what it says first; names count in any case.
 */
export class StanzaFields {
  readonly #lineStarts = new Int32Array(FIELDS.length);
  readonly #valueStarts = new Int32Array(FIELDS.length);
  readonly #lineEnds = new Int32Array(FIELDS.length);
  /** By how much each was moved. */
  readonly #shifts = new Int32Array(FIELDS.length);
  /** The stanza in which each was seen last: nothing is cleared between two. */
  readonly #seenIn = new Uint32Array(FIELDS.length);
  readonly #order = new Uint8Array(FIELDS.length);
  #stanza = 0;
  #count = 0;

  /** Takes in the stanza from `start` up to `end`. */
  read(bytes: Uint8Array, start: number, end: number): void {
    this.#stanza++;
    this.#count = 0;
    for (let at = start; at < end;) {
      let colon = at;
      while (colon < end && bytes[colon] !== COLON && bytes[colon] !== LINE_END) colon++;
      const lineEnd = fieldEnd(bytes, colon, end);
      if (bytes[colon] === COLON && colon < end) this.#note(bytes, at, colon, lineEnd);
      at = lineEnd;
    }
  }

  has(id: number): boolean {
    return this.#seenIn[id] === this.#stanza;
  }

  /** A field's value without the spaces around it; undefined where the stanza has none. */
  valueOf(bytes: Buffer, id: number): string | undefined {
    if (!this.has(id)) return undefined;
    let start = this.#valueStarts[id] ?? 0;
    let end = this.#lineEnds[id] ?? 0;
    while (start < end && isSpace(bytes[start])) start++;
    while (end > start && isSpace(bytes[end - 1])) end--;
    return bytes.toString('latin1', start, end);
  }

  /**
   * Copies the lines of all fields but one elsewhere, in the order of the stanza, neighbours together.
   * @param move tells where they are now.
   */
  moveLines(without: number, move: (start: number, end: number) => number): void {
    for (let at = 0; at < this.#count;) {
      const first = at;
      const start = this.#lineStarts[this.#order[at] ?? 0] ?? 0;
      let end = start;
      for (; at < this.#count; at++) {
        const id = this.#order[at] ?? 0;
        if (id === without || this.#lineStarts[id] !== end) break;
        end = this.#lineEnds[id] ?? 0;
      }
      if (at === first) at++;
      else this.#moved(first, at, move(start, end) - start);
    }
  }

  #moved(first: number, end: number, by: number): void {
    for (let at = first; at < end; at++) this.#shifts[this.#order[at] ?? 0] = by;
  }

  /** Where the value of a field that was moved is now: after its name, and after its last line. */
  movedStart(id: number): number {
    return (this.#valueStarts[id] ?? 0) + (this.#shifts[id] ?? 0);
  }

  movedEnd(id: number): number {
    return (this.#lineEnds[id] ?? 0) + (this.#shifts[id] ?? 0);
  }

  #note(bytes: Uint8Array, start: number, colon: number, end: number): void {
    const id = fieldId(bytes, start, colon);
    if (id < 0 || this.has(id)) return;
    this.#seenIn[id] = this.#stanza;
    this.#lineStarts[id] = start;
    this.#valueStarts[id] = colon + 1;
    this.#lineEnds[id] = end;
    this.#order[this.#count++] = id;
  }
}

function isSpace(byte: number | undefined): boolean {
  return byte === SPACE || (byte !== undefined && byte >= TAB && byte <= CARRIAGE_RETURN);
}

/** The end of a field, its continuation lines included, from any place of its first line. */
function fieldEnd(bytes: Uint8Array, from: number, end: number): number {
  for (let at = from; at < end; at++) {
    if (bytes[at] !== LINE_END) continue;
    const next = bytes[at + 1];
    if (at + 1 >= end || (next !== SPACE && next !== TAB)) return at + 1;
  }
  return end;
}

/** -1 for a field that nobody looks at. */
function fieldId(bytes: Uint8Array, start: number, end: number): number {
  const candidates = byLength[end - start];
  if (candidates === undefined) return -1;
  for (const id of candidates) if (isNamed(bytes, start, id)) return id;
  return -1;
}

function isNamed(bytes: Uint8Array, start: number, id: number): boolean {
  const name = names[id];
  if (name === undefined) return false;
  for (let at = 0; at < name.length; at++) {
    const byte = bytes[start + at] ?? 0;
    const isCapital = byte >= 65 && byte <= 90;
    if ((isCapital ? byte | LOWER_CASE : byte) !== name[at]) return false;
  }
  return true;
}
