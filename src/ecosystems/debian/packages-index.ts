import { BOUNDS } from '../../domain/bounds.js';
import { XError } from '../../domain/errors.js';
import { idOf, StanzaFields, type Field } from './stanza-fields.js';

/**
 * A stanza of a Packages file in the bytes that it came in: another one as soon as the next is asked
 * for.
 */
export interface IndexStanza {
  /** It stands from `start` up to `end`, without the empty line. */
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  readonly fields: StanzaFields;
}

/** The value of one of a stanza's fields; undefined where it has none. */
export function fieldIn({ bytes, fields }: IndexStanza, field: Field): string | undefined {
  return fields.valueOf(bytes, idOf(field));
}

/** The text of a stanza, one character a byte (latin1). */
export function textOf({ bytes, start, end }: IndexStanza): string {
  const isEnded = bytes[end - 1] === LINE_END;
  return bytes.toString('latin1', start, isEnded ? end - 1 : end);
}

/**
 * Shows the stanzas of a Packages file while it arrives; nothing but the bytes of one chunk and the
 * unfinished stanza is held at a time, and no text is made of them.
 * @throws XError UPSTREAM_MALFORMED on a stanza without Package, Version or Architecture;
 *   LIMIT_EXCEEDED on a stanza or a file past its bound.
 */
export async function eachStanza(
  source: AsyncIterable<Uint8Array>,
  where: string,
  visit: (stanza: IndexStanza) => void,
): Promise<void> {
  const reader = new StanzaReader(where, visit);
  for await (const chunk of source) reader.take(chunk);
  reader.finish();
}

const LINE_END = 10;
const FIRST_BYTES = 1 << 18;

class StanzaReader {
  readonly #where: string;
  readonly #visit: (stanza: IndexStanza) => void;
  /** The unfinished stanza, with room behind it. */
  #bytes = Buffer.allocUnsafeSlow(FIRST_BYTES);
  #length = 0;
  #total = 0;
  readonly #stanza: { -readonly [key in keyof IndexStanza]: IndexStanza[key] };
  #count = 0;
  #lastLabel = 'the beginning';

  constructor(where: string, visit: (stanza: IndexStanza) => void) {
    this.#where = where;
    this.#visit = visit;
    this.#stanza = { bytes: this.#bytes, start: 0, end: 0, fields: new StanzaFields() };
  }

  /** Shows the stanzas that a further chunk ends. */
  take(chunk: Uint8Array): void {
    this.#total += chunk.length;
    if (this.#total > BOUNDS.packagesFileBytes) {
      throw new XError(
        'LIMIT_EXCEEDED',
        `${this.#where}: more than ${BOUNDS.packagesFileBytes} bytes`,
      );
    }
    // An empty line may stand across two chunks.
    const from = Math.max(this.#length - 1, 0);
    this.#append(chunk);
    const at = this.#bytes.subarray(from, this.#length).lastIndexOf('\n\n', undefined, 'latin1');
    if (at >= 0) this.#show(from + at + 1);
    if (this.#length > BOUNDS.stanzaBytes) throw this.#oversized();
  }

  /** What is left is whole as well. */
  finish(): void {
    this.#show(this.#length);
  }

  /** Shows the stanzas up to a place, and forgets them. */
  #show(end: number): void {
    const bytes = this.#bytes;
    for (let at = 0; at < end;) {
      if (bytes[at] === LINE_END) {
        at++;
        continue;
      }
      const start = at;
      at = stanzaEnd(bytes, start, end);
      if (at - start > BOUNDS.stanzaBytes) throw this.#oversized();
      this.#showOne(start, at);
    }
    bytes.copyWithin(0, end, this.#length);
    this.#length -= end;
  }

  #showOne(start: number, end: number): void {
    const stanza = this.#stanza;
    stanza.bytes = this.#bytes;
    stanza.start = start;
    stanza.end = end;
    stanza.fields.read(stanza.bytes, start, end);
    this.#count++;
    const name = fieldIn(stanza, 'package') ?? '';
    const version = fieldIn(stanza, 'version') ?? '';
    const architecture = fieldIn(stanza, 'architecture') ?? '';
    const isProper =
      /^[A-Za-z0-9][A-Za-z0-9.+_-]*$/.test(name) &&
      /^[!-~]+$/.test(version) &&
      /^[a-z0-9-]+$/.test(architecture);
    if (!isProper) {
      throw new XError(
        'UPSTREAM_MALFORMED',
        `${this.#where}: stanza ${this.#count} lacks a proper Package, Version or Architecture: ${textOf(stanza).slice(0, 80).replaceAll('\n', ' ')}`,
        { hint: 'The index is signed, so its publisher made the fault; ask there.' },
      );
    }
    this.#lastLabel = `${name} ${version} (${architecture})`;
    this.#visit(stanza);
  }

  #append(chunk: Uint8Array): void {
    const length = this.#length + chunk.length;
    if (length > this.#bytes.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(length, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length = length;
  }

  #oversized(): XError {
    return new XError(
      'LIMIT_EXCEEDED',
      `${this.#where}: the stanza after ${this.#lastLabel} is larger than ${BOUNDS.stanzaBytes} bytes`,
      { hint: 'The index is signed, so its publisher made the fault; ask there.' },
    );
  }
}

/** After the line end that an empty line follows. */
function stanzaEnd(bytes: Uint8Array, start: number, end: number): number {
  for (let at = start; at < end; at++) {
    if (bytes[at] === LINE_END && (at + 1 >= end || bytes[at + 1] === LINE_END)) return at + 1;
  }
  return end;
}
