import { FirstMentions } from './first-mentions.js';
import { fieldIn, type IndexStanza } from './packages-index.js';
import { NAME_FIELD, PackagesTable } from './packages-table.js';
import { parseRelations } from './relation.js';
import { idOf } from './stanza-fields.js';

/** Memory that is not written to is not used up, but no more than this is asked for at first. */
const MAX_EXPECTED_BYTES = 256 << 20;

const LINE_END = 10;

const PACKAGE = idOf('package');

/** Builds a table stanza by stanza. */
export class TableBuilder {
  readonly #text: GrowingText;
  readonly #starts: number[] = [0];
  readonly #base: number[] = [];
  readonly #provided: { name: string; row: number }[] = [];
  readonly #mentions = new FirstMentions();

  /** @param expectedBytes of the whole index, where its Release file says it. */
  constructor(expectedBytes = 0) {
    this.#text = new GrowingText(Math.min(expectedBytes, MAX_EXPECTED_BYTES));
  }

  add(stanza: IndexStanza): void {
    const row = this.#starts.length - 1;
    const name = fieldIn(stanza, 'package') ?? '';
    this.#text.append(NAME_FIELD);
    this.#text.append(name);
    this.#text.append('\n');
    stanza.fields.moveLines(PACKAGE, (start, end) =>
      this.#text.appendBytes(stanza.bytes, start, end),
    );
    this.#text.endLine();
    this.#starts.push(this.#text.length);
    this.#mentions.note(row, this.#text.buffer, stanza.fields);
    const isEssential = fieldIn(stanza, 'essential') === 'yes';
    if (isEssential || fieldIn(stanza, 'priority') === 'required') this.#base.push(row);
    const provides = fieldIn(stanza, 'provides');
    if (provides === undefined) return;
    // Of a field that cannot be read nothing is known; who asks for the package hears of it.
    const names = (parseRelations(provides) ?? []).flat().map((relation) => relation.name);
    for (const provided of new Set(names)) this.#provided.push({ name: detached(provided), row });
  }

  table(): PackagesTable {
    const text = this.#text.bytes();
    const nameStarts = Uint32Array.from(this.#starts, (start) => start + NAME_FIELD.length);
    const order = new Uint32Array(this.#starts.length - 1);
    for (let row = 0; row < order.length; row++) order[row] = row;
    order.sort((a, b) => compareNames(text, nameStarts[a] ?? 0, nameStarts[b] ?? 0) || a - b);
    this.#provided.sort((a, b) => compareText(a.name, b.name) || a.row - b.row);
    const provided = joined(this.#provided.map(({ name }) => name));
    return new PackagesTable({
      starts: Uint32Array.from(this.#starts),
      order,
      baseRows: Uint32Array.from(this.#base),
      providedStarts: provided.starts,
      providedRows: Uint32Array.from(this.#provided, ({ row }) => row),
      providedNames: provided.text,
      text,
      ...this.#mentions.columns(text),
    });
  }
}

/** The order of two names that a line ends: what ends it is less than all that a name has. */
function compareNames(text: Buffer, a: number, b: number): number {
  const room = text.length - Math.max(a, b);
  for (let at = 0; at < room; at++) {
    const byte = text[a + at] ?? LINE_END;
    const difference = byte - (text[b + at] ?? LINE_END);
    if (difference !== 0 || byte === LINE_END) return difference;
  }
  return 0;
}

/** Names one after the other, and where each starts. */
function joined(names: readonly string[]): { text: Buffer; starts: Uint32Array } {
  const text = new GrowingText();
  const starts = new Uint32Array(names.length + 1);
  names.forEach((name, at) => {
    text.append(name);
    starts[at + 1] = text.length;
  });
  return { text: text.bytes(), starts };
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
    const start = this.#grow(text.length);
    this.#buffer.write(text, start, 'latin1');
  }

  /** @returns where they are now. */
  appendBytes(bytes: Buffer, start: number, end: number): number {
    const to = this.#grow(end - start);
    bytes.copy(this.#buffer, to, start, end);
    return to;
  }

  /** Ends a line that was cut off. */
  endLine(): void {
    if (this.#buffer[this.length - 1] !== LINE_END) this.append('\n');
  }

  /** @returns where the further bytes belong. */
  #grow(bytes: number): number {
    const start = this.length;
    this.length += bytes;
    if (this.length > this.#buffer.length) {
      const roomBytes = Math.max(this.length, Math.ceil(this.#buffer.length * 1.5));
      const larger = Buffer.allocUnsafeSlow(roomBytes);
      this.#buffer.copy(larger, 0, 0, start);
      this.#buffer = larger;
    }
    return start;
  }

  /** With room behind what was appended. */
  get buffer(): Buffer {
    return this.#buffer;
  }

  bytes(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }
}
