import { FirstMentions, type Range } from './first-mentions.js';
import type { IndexStanza } from './packages-index.js';
import { NAME_FIELD, PackagesTable } from './packages-table.js';
import { parseRelations } from './relation.js';

/** Memory that is not written to is not used up, but no more than this is asked for at first. */
const MAX_EXPECTED_BYTES = 256 << 20;

/** Builds a table stanza by stanza. */
export class TableBuilder {
  readonly #text: GrowingText;
  readonly #starts: number[] = [0];
  readonly #names: string[] = [];
  readonly #base: number[] = [];
  readonly #provided: { name: string; row: number }[] = [];
  readonly #mentions = new FirstMentions();

  /** @param expectedBytes of the whole index, where its Release file says it. */
  constructor(expectedBytes = 0) {
    this.#text = new GrowingText(Math.min(expectedBytes, MAX_EXPECTED_BYTES));
  }

  add({ name, text }: IndexStanza): void {
    const row = this.#names.length;
    const { kept, isEssential, priority, provides, mentioning } = shortened(text);
    const before = `${NAME_FIELD}${name}\n`;
    const start = this.#text.length + before.length;
    this.#text.append(before + kept);
    this.#starts.push(this.#text.length);
    this.#names.push(detached(name));
    if (isEssential || priority === 'required') this.#base.push(row);
    const ranges = mentioning.map((range) => range && shifted(range, start));
    this.#mentions.note(row, this.#text.buffer, ranges);
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
    const provided = joined(this.#provided.map(({ name }) => name));
    const mentions = this.#mentions
      .all(this.#text.bytes())
      .sort((a, b) => compareText(a.name, b.name));
    const mentioned = joined(mentions.map(({ name }) => name));
    return new PackagesTable({
      starts: Uint32Array.from(this.#starts),
      order,
      baseRows: Uint32Array.from(this.#base),
      providedStarts: provided.starts,
      providedRows: Uint32Array.from(this.#provided, ({ row }) => row),
      mentionedStarts: mentioned.starts,
      mentionedRows: Uint32Array.from(mentions, ({ row }) => row),
      mentionedPlaces: Uint32Array.from(mentions, ({ place }) => place),
      providedNames: provided.text,
      mentionedNames: mentioned.text,
      text: this.#text.bytes(),
    });
  }
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

function shifted([start, end]: Range, by: number): Range {
  return [start + by, end + by];
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

  /** With room behind what was appended. */
  get buffer(): Buffer {
    return this.#buffer;
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

/** Fields that mention packages, in the order in which apt reads them. */
const MENTIONING = new Map(
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
  ].map((field, at) => [field, at]),
);

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
  /** Where in `kept` the values of MENTIONING's fields are, in its order. */
  mentioning: (Range | undefined)[];
}

/** One pass over a stanza: what counts of it, and what its table is looked up by. */
function shortened(stanza: string): Shortened {
  const found: Shortened = {
    kept: '',
    isEssential: false,
    priority: undefined,
    provides: undefined,
    mentioning: [],
  };
  for (let at = 0; at < stanza.length;) {
    const end = fieldEnd(stanza, at);
    const colon = stanza.indexOf(':', at);
    const field = colon > at && colon < end ? keptField(stanza.slice(at, colon)) : undefined;
    if (field !== undefined) {
      const mentioning = MENTIONING.get(field);
      if (mentioning !== undefined) {
        const place = found.kept.length - at;
        found.mentioning[mentioning] ??= [place + colon + 1, place + end];
      }
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
