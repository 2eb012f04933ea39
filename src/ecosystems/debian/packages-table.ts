import type { ReleaseIndex } from './release-index.js';
import { fieldOf, PackageVersion } from './package-version.js';
import { parseRelations } from './relation.js';
import type { IndexStanza } from './packages-index.js';

/**
 * A parsed Packages file in a few flat buffers outside of the JavaScript heap, written to disk and
 * read back as they are: nothing is made of its 60,000 stanzas but what is asked for by name.
 *
 * On disk, numbers of 32 bits, little-endian: magic; how many numbers each of the next five parts
 * has, and how many bytes each of the last two; where each stanza starts in the text; the rows in the
 * order of their names; the rows that every system has; where each provided name starts, and the row
 * that provides it, in the order of the names; the provided names; the text.
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
    const { order } = this.#columns;
    return rangeOf(order.length, name, (at) => this.#nameAt(order[at] ?? 0)).map(
      (at) => order[at] ?? 0,
    );
  }

  /** The rows whose Provides name a package, in the order of the file. */
  rowsProviding(name: string): number[] {
    const { providedStarts, providedRows, providedNames } = this.#columns;
    const nameAt = (at: number): string =>
      providedNames.toString('latin1', providedStarts[at], providedStarts[at + 1]);
    return rangeOf(providedRows.length, name, nameAt).map((at) => providedRows[at] ?? 0);
  }

  /** What is Essential or of Priority required. */
  get baseRows(): Iterable<number> {
    return this.#columns.baseRows;
  }

  *names(): Generator<string> {
    for (const row of this.#columns.order) yield this.#nameAt(row);
  }

  /** The rows whose text has a word somewhere, in order; of those from `first` and before `end`. */
  *rowsWith(word: string, first = 0, end = this.length): Generator<number> {
    const { starts, text } = this.#columns;
    const searched = text.subarray(0, starts[Math.min(end, this.length)]);
    let at = searched.indexOf(word, starts[first], 'latin1');
    while (at >= 0) {
      const row = rowAt(starts, at);
      yield row;
      at = searched.indexOf(word, starts[row + 1], 'latin1');
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

  constructor(
    readonly table: PackagesTable,
    readonly index: ReleaseIndex,
  ) {}

  named(name: string): PackageVersion[] {
    return this.table.rowsNamed(name).map((row) => this.#version(row));
  }

  providing(name: string): PackageVersion[] {
    return this.table.rowsProviding(name).map((row) => this.#version(row));
  }

  names(): Iterable<string> {
    return this.table.names();
  }

  /** Those whose stanza has a text somewhere. */
  containing(text: string): PackageVersion[] {
    return Array.from(this.table.rowsWith(text), (row) => this.#version(row));
  }

  /** What is Essential or of Priority required. */
  base(): PackageVersion[] {
    return Array.from(this.table.baseRows, (row) => this.#version(row));
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

interface Columns {
  starts: Uint32Array;
  order: Uint32Array;
  baseRows: Uint32Array;
  providedStarts: Uint32Array;
  providedRows: Uint32Array;
  providedNames: Buffer;
  text: Buffer;
}

const NUMBER_COLUMNS = [
  'starts',
  'order',
  'baseRows',
  'providedStarts',
  'providedRows',
] as const satisfies (keyof Columns)[];
const TEXT_COLUMNS = ['providedNames', 'text'] as const satisfies (keyof Columns)[];
const COLUMNS = NUMBER_COLUMNS.length + TEXT_COLUMNS.length;
const NUMBER_BYTES = 4;

const MAX_EXPECTED_BYTES = 256 << 20;

/** The digit is the form's version: another one is parsed anew. */
const MAGIC = 'x-packages-table-2\n\n';
/** Every stanza here begins with its name. */
const NAME_FIELD = 'Package: ';
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
  const [starts, order, baseRows, providedStarts, providedRows] = [0, 1, 2, 3, 4].map((column) =>
    numbers(lengths[column] ?? 0),
  ) as [Uint32Array, Uint32Array, Uint32Array, Uint32Array, Uint32Array];
  const providedNames = text(lengths[5] ?? 0);
  const columns = {
    starts,
    order,
    baseRows,
    providedStarts,
    providedRows,
    providedNames,
    text: text(lengths[6] ?? 0),
  };
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

/** The places of a name in a sorted list that is read by place. */
function rangeOf(length: number, name: string, nameAt: (at: number) => string): number[] {
  let low = 0;
  let high = length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (nameAt(middle) < name) low = middle + 1;
    else high = middle;
  }
  const found: number[] = [];
  while (low < length && nameAt(low) === name) found.push(low++);
  return found;
}

/** Builds a table stanza by stanza. */
export class TableBuilder {
  readonly #text: GrowingText;
  readonly #starts: number[] = [0];
  readonly #names: string[] = [];
  readonly #base: number[] = [];
  readonly #provided: { name: string; row: number }[] = [];

  /** @param expectedBytes of the whole index, where its Release file says it. */
  constructor(expectedBytes = 0) {
    this.#text = new GrowingText(Math.min(expectedBytes, MAX_EXPECTED_BYTES));
  }

  add({ name, text }: IndexStanza): void {
    const row = this.#names.length;
    const { kept, isEssential, priority, provides } = shortened(text);
    this.#text.append(`${NAME_FIELD}${name}\n${kept}`);
    this.#starts.push(this.#text.length);
    this.#names.push(detached(name));
    if (isEssential || priority === 'required') this.#base.push(row);
    if (provides === undefined) return;
    // Of a field that cannot be read nothing is known; who asks for the package hears of it.
    const names = (parseRelations(provides) ?? []).flat().map((relation) => relation.name);
    for (const provided of new Set(names)) {
      this.#provided.push({ name: detached(provided), row });
    }
  }

  table(): PackagesTable {
    const names = this.#names;
    const order = Uint32Array.from(names.keys()).sort(
      (a, b) => compareText(names[a] ?? '', names[b] ?? '') || a - b,
    );
    this.#provided.sort((a, b) => compareText(a.name, b.name) || a.row - b.row);
    const providedNames = new GrowingText();
    const providedStarts = [0];
    for (const { name } of this.#provided) {
      providedNames.append(name);
      providedStarts.push(providedNames.length);
    }
    return new PackagesTable({
      starts: Uint32Array.from(this.#starts),
      order,
      baseRows: Uint32Array.from(this.#base),
      providedStarts: Uint32Array.from(providedStarts),
      providedRows: Uint32Array.from(this.#provided, ({ row }) => row),
      providedNames: providedNames.bytes(),
      text: this.#text.bytes(),
    });
  }
}

/** A copy: a part of a text keeps the whole text in memory. */
function detached(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** One-byte text that grows outside of the JavaScript heap. */
class GrowingText {
  #buffer: Buffer;
  length = 0;

  /** Memory that is not written to is not used up: one large piece is cheaper than growing. */
  constructor(capacity = 0) {
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(capacity, 1 << 16));
  }

  append(text: string): void {
    const end = this.length + text.length;
    if (end > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(end, Math.ceil(this.#buffer.length * 1.5)));
      this.#buffer.copy(larger, 0, 0, this.length);
      this.#buffer = larger;
    }
    this.#buffer.write(text, this.length, 'latin1');
    this.length = end;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }
}

/** The fields that resolution, fetching and the order of mentions look at; people's texts are left out. */
const KEPT = new Set([
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
]);

/** KEPT's name of a field, by the spellings that were met; undefined for those that are left out. */
const spellings = new Map<string, string | undefined>();
const MAX_SPELLINGS = 1_000;

function keptField(spelling: string): string | undefined {
  if (spellings.has(spelling)) return spellings.get(spelling);
  const lower = spelling.toLowerCase();
  const field = KEPT.has(lower) ? lower : undefined;
  if (spellings.size < MAX_SPELLINGS) spellings.set(spelling, field);
  return field;
}

interface Shortened {
  /** The fields that count, each with its line end. */
  kept: string;
  isEssential: boolean;
  priority: string | undefined;
  provides: string | undefined;
}

/** One pass over a stanza: what counts of it, and what its table is looked up by. */
function shortened(stanza: string): Shortened {
  const found: Shortened = {
    kept: '',
    isEssential: false,
    priority: undefined,
    provides: undefined,
  };
  for (let at = 0; at < stanza.length;) {
    const end = fieldEnd(stanza, at);
    const colon = stanza.indexOf(':', at);
    const field = colon > at && colon < end ? keptField(stanza.slice(at, colon)) : undefined;
    if (field !== undefined) {
      found.kept += stanza.slice(at, end);
      if (field === 'essential') found.isEssential = stanza.slice(colon + 1, end).trim() === 'yes';
      else if (field === 'priority' || field === 'provides') {
        found[field] = stanza.slice(colon + 1, end).trim();
      }
    }
    at = end;
  }
  if (!found.kept.endsWith('\n')) found.kept += '\n';
  return found;
}

/** The end of a field that begins at a place, its continuation lines included. */
function fieldEnd(stanza: string, start: number): number {
  for (let at = start; ;) {
    const end = stanza.indexOf('\n', at);
    if (end < 0) return stanza.length;
    const next = stanza.charCodeAt(end + 1);
    if (next !== 32 && next !== 9) return end + 1;
    at = end + 1;
  }
}
