import type { ReleaseIndex } from './release-index.js';
import { fieldOf, PackageVersion } from './package-version.js';

/**
 * A parsed Packages file in a few flat buffers outside of the JavaScript heap, written to disk and
 * read back as they are: nothing is made of its 60,000 stanzas but what is asked for by name.
 *
 * On disk, numbers of 32 bits, little-endian: magic; how many numbers each of the next eight parts
 * has, and how many bytes each of the last three; where each stanza starts in the text; the rows in the
 * order of their names; the rows that every system has; where each provided name starts, and the row
 * that provides it, in the order of the names; where each mentioned name starts, and the row and the
 * place in it that mention it first, in the order of the names; the provided names; the mentioned
 * names; the text.
 */
export class PackagesTable {
  readonly #columns: Columns;

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  /** The table that bytes hold; undefined where they are not one of this version of the form. */
  static read(bytes: Buffer): PackagesTable | undefined {
    const columns = readColumns(bytes);
    return columns === undefined ? undefined : new PackagesTable(columns);
  }

  /** The bytes to keep. */
  parts(): Uint8Array[] {
    const numbers = NUMBER_COLUMNS.map((name) => this.#columns[name]);
    const texts = TEXT_COLUMNS.map((name) => this.#columns[name]);
    const lengths = Uint32Array.from([...numbers, ...texts].map(({ length }) => length));
    return [Buffer.from(MAGIC, 'latin1'), ...[lengths, ...numbers].map(bytesOf), ...texts];
  }

  get length(): number {
    return this.#columns.order.length;
  }

  stanza(row: number): string {
    const { starts, text } = this.#columns;
    return text.toString('latin1', starts[row], starts[row + 1]);
  }

  /** The rows of a package, in the order of the file. */
  rowsNamed(name: string): number[] {
    const { order, starts, text } = this.#columns;
    return rangeOf(order.length, (at) => {
      const row = order[at] ?? 0;
      return compareName(text, (starts[row] ?? 0) + NAME_OFFSET, starts[row + 1] ?? 0, name);
    }).map((at) => order[at] ?? 0);
  }

  /** The rows whose Provides name a package, in the order of the file. */
  rowsProviding(name: string): number[] {
    const { providedStarts, providedRows, providedNames } = this.#columns;
    return rangeOf(providedRows.length, compared(providedNames, providedStarts, name)).map(
      (at) => providedRows[at] ?? 0,
    );
  }

  /** Where a relation of any stanza mentions a package first; undefined where none does. */
  firstMention(name: string): Mention | undefined {
    const { mentionedStarts, mentionedRows, mentionedPlaces, mentionedNames } = this.#columns;
    const at = rangeOf(mentionedRows.length, compared(mentionedNames, mentionedStarts, name))[0];
    if (at === undefined) return undefined;
    return { row: mentionedRows[at] ?? 0, place: mentionedPlaces[at] ?? 0 };
  }

  /** What is Essential or of Priority required. */
  get baseRows(): Iterable<number> {
    return this.#columns.baseRows;
  }

  *names(): Generator<string> {
    for (const row of this.#columns.order) yield this.#nameAt(row);
  }

  /** The rows whose text has a word somewhere, in order. */
  *rowsWith(word: string): Generator<number> {
    const { starts, text } = this.#columns;
    let at = text.indexOf(word, 0, 'latin1');
    while (at >= 0) {
      const row = rowAt(starts, at);
      yield row;
      at = text.indexOf(word, starts[row + 1], 'latin1');
    }
  }

  #nameAt(row: number): string {
    const { starts, text } = this.#columns;
    const start = (starts[row] ?? 0) + NAME_OFFSET;
    return text.toString('latin1', start, text.indexOf(10, start));
  }
}

/** The versions of one index, each made when it is first asked for. */
export class TableVersions {
  readonly #made = new Map<number, PackageVersion>();

  /** @param isListed of which names there are any; all where it is not given. */
  constructor(
    readonly table: PackagesTable,
    readonly index: ReleaseIndex,
    readonly isListed: (name: string) => boolean = () => true,
  ) {}

  named(name: string): PackageVersion[] {
    if (!this.isListed(name)) return [];
    return this.table.rowsNamed(name).map((row) => this.#version(row));
  }

  providing(name: string): PackageVersion[] {
    return this.#listed(this.table.rowsProviding(name));
  }

  *names(): Iterable<string> {
    for (const name of this.table.names()) if (this.isListed(name)) yield name;
  }

  /** Those whose stanza has a text somewhere. */
  containing(text: string): PackageVersion[] {
    return this.#listed(this.table.rowsWith(text));
  }

  /** What is Essential or of Priority required. */
  base(): PackageVersion[] {
    return this.#listed(this.table.baseRows);
  }

  #listed(rows: Iterable<number>): PackageVersion[] {
    return Array.from(rows, (row) => this.#version(row)).filter(({ name }) => this.isListed(name));
  }

  #version(row: number): PackageVersion {
    let version = this.#made.get(row);
    if (version === undefined) {
      const stanza = this.table.stanza(row).trimEnd();
      const field = (name: string): string => fieldOf(stanza, name) ?? '';
      version = new PackageVersion(
        field('Package'),
        field('Version'),
        field('Architecture'),
        stanza,
        this.index,
      );
      this.#made.set(row, version);
    }
    return version;
  }
}

/** A mention of a package: in which row, and the how manieth of that row's mentions, from 1. */
export interface Mention {
  row: number;
  place: number;
}

/** The parts of a table. */
export interface Columns {
  starts: Uint32Array;
  order: Uint32Array;
  baseRows: Uint32Array;
  providedStarts: Uint32Array;
  providedRows: Uint32Array;
  mentionedStarts: Uint32Array;
  mentionedRows: Uint32Array;
  mentionedPlaces: Uint32Array;
  providedNames: Buffer;
  mentionedNames: Buffer;
  text: Buffer;
}

const NUMBER_COLUMNS = [
  'starts',
  'order',
  'baseRows',
  'providedStarts',
  'providedRows',
  'mentionedStarts',
  'mentionedRows',
  'mentionedPlaces',
] as const satisfies (keyof Columns)[];
const TEXT_COLUMNS = [
  'providedNames',
  'mentionedNames',
  'text',
] as const satisfies (keyof Columns)[];
const COLUMNS = NUMBER_COLUMNS.length + TEXT_COLUMNS.length;
const NUMBER_BYTES = 4;

/** The digit is the form's version: another one is parsed anew. */
const MAGIC = 'x-packages-table-3\n\n';
/** Every stanza of a table begins with its name. */
export const NAME_FIELD = 'Package: ';
const NAME_OFFSET = NAME_FIELD.length;

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return Buffer.from(buffer, byteOffset, byteLength);
}

function readColumns(bytes: Buffer): Columns | undefined {
  const headBytes = MAGIC.length + COLUMNS * NUMBER_BYTES;
  if (bytes.length < headBytes || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    return undefined;
  }
  let at = MAGIC.length;
  const text = (length: number): Buffer => bytes.subarray(at, (at += length));
  // A copy, for a view needs its bytes at a multiple of four.
  const numbers = (length: number): Uint32Array => {
    const part = new Uint8Array(text(length * NUMBER_BYTES));
    return new Uint32Array(part.buffer, 0, part.length >> 2);
  };
  const lengths = numbers(COLUMNS);
  const numberColumns = NUMBER_COLUMNS.map((name, column) => [name, numbers(lengths[column] ?? 0)]);
  const textColumns = TEXT_COLUMNS.map((name, column) => [
    name,
    text(lengths[NUMBER_COLUMNS.length + column] ?? 0),
  ]);
  const columns = Object.fromEntries([...numberColumns, ...textColumns]) as Columns;
  const { starts, order } = columns;
  return at === bytes.length && starts.length === order.length + 1 ? columns : undefined;
}

function rowAt(starts: Uint32Array, position: number): number {
  let low = 0;
  let high = starts.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if ((starts[middle] ?? 0) <= position) low = middle;
    else high = middle;
  }
  return low;
}

/** The places of a sorted list that compare as equal. */
function rangeOf(length: number, compareAt: (at: number) => number): number[] {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (compareAt(middle) < 0) low = middle + 1;
    else high = middle;
  }
  const found: number[] = [];
  while (low < length && compareAt(low) === 0) found.push(low++);
  return found;
}

/** Compares the names of a column with one. */
function compared(names: Buffer, starts: Uint32Array, name: string): (at: number) => number {
  return (at) => compareName(names, starts[at] ?? 0, starts[at + 1] ?? 0, name);
}

const LINE_END = 10;

/** Below zero where the name that stands in a text, up to an end or the line's, is before another. */
function compareName(text: Buffer, start: number, end: number, name: string): number {
  for (let at = 0; at < name.length; at++) {
    const byte = start + at < end ? (text[start + at] ?? LINE_END) : LINE_END;
    if (byte === LINE_END) return -1;
    const difference = byte - name.charCodeAt(at);
    if (difference !== 0) return difference;
  }
  const after = start + name.length;
  return after >= end || text[after] === LINE_END ? 0 : 1;
}
