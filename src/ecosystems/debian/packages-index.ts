import { BOUNDS } from '../../domain/bounds.js';
import { XError } from '../../domain/errors.js';
import { fieldOf } from './package-version.js';

/** A stanza of a Packages file, and what it is about. */
export interface IndexStanza {
  name: string;
  version: string;
  architecture: string;
  /** Its text, one character a byte (latin1), without the empty line. */
  text: string;
}

/**
 * The stanzas of a Packages file while it arrives; nothing but the text of one chunk and the
 * unfinished stanza is held at a time.
 * @throws XError UPSTREAM_MALFORMED on a stanza without Package, Version or Architecture;
 *   LIMIT_EXCEEDED on a stanza or a file past its bound.
 */
export async function* stanzasOf(
  source: AsyncIterable<Uint8Array>,
  where: string,
): AsyncGenerator<IndexStanza[]> {
  const reader = new StanzaReader(where);
  for await (const chunk of source) yield reader.take(chunk);
  yield reader.end();
}

class StanzaReader {
  readonly #where: string;
  /** The unfinished stanza, in the chunks that it came in: joined once, however many they are. */
  #open: string[] = [];
  #openBytes = 0;
  #total = 0;
  #count = 0;
  #lastLabel = 'the beginning';

  constructor(where: string) {
    this.#where = where;
  }

  /** The stanzas that a further chunk ends. */
  take(chunk: Uint8Array): IndexStanza[] {
    this.#total += chunk.length;
    if (this.#total > BOUNDS.packagesFileBytes) {
      throw new XError(
        'LIMIT_EXCEEDED',
        `${this.#where}: more than ${BOUNDS.packagesFileBytes} bytes`,
      );
    }
    const text = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).toString('latin1');
    const lastBreak = text.lastIndexOf('\n\n');
    // An empty line may stand across two chunks.
    const isCut = text.startsWith('\n') && this.#open.at(-1)?.endsWith('\n') === true;
    if (lastBreak < 0 && !isCut) {
      this.#hold(text);
      return [];
    }
    const end = Math.max(lastBreak + 2, isCut ? 1 : 0);
    const stanzas = this.#parse(this.#open.join('') + text.slice(0, end));
    this.#open = [];
    this.#openBytes = 0;
    this.#hold(text.slice(end));
    return stanzas;
  }

  end(): IndexStanza[] {
    return this.#parse(this.#open.join(''));
  }

  #hold(text: string): void {
    if (text === '') return;
    this.#open.push(text);
    this.#openBytes += text.length;
    if (this.#openBytes > BOUNDS.stanzaBytes) throw this.#oversized();
  }

  #parse(text: string): IndexStanza[] {
    const stanzas: IndexStanza[] = [];
    let start = 0;
    while (start < text.length) {
      if (text[start] === '\n') {
        start++;
        continue;
      }
      const blank = text.indexOf('\n\n', start);
      const end = blank < 0 ? text.length : blank;
      if (end - start > BOUNDS.stanzaBytes) throw this.#oversized();
      stanzas.push(this.#parseStanza(text.slice(start, end)));
      start = end + 1;
    }
    return stanzas;
  }

  #parseStanza(raw: string): IndexStanza {
    const text = raw.endsWith('\n') ? raw.slice(0, -1) : raw;
    this.#count++;
    const name = fieldOf(text, 'Package') ?? '';
    const version = fieldOf(text, 'Version') ?? '';
    const architecture = fieldOf(text, 'Architecture') ?? '';
    const isProper =
      /^[A-Za-z0-9][A-Za-z0-9.+_-]*$/.test(name) &&
      /^[!-~]+$/.test(version) &&
      /^[a-z0-9-]+$/.test(architecture);
    if (!isProper) {
      throw new XError(
        'UPSTREAM_MALFORMED',
        `${this.#where}: stanza ${this.#count} lacks a proper Package, Version or Architecture: ${text.slice(0, 80).replaceAll('\n', ' ')}`,
        { hint: 'The index is signed, so its publisher made the fault; ask there.' },
      );
    }
    this.#lastLabel = `${name} ${version} (${architecture})`;
    return { name, version, architecture, text };
  }

  #oversized(): XError {
    return new XError(
      'LIMIT_EXCEEDED',
      `${this.#where}: the stanza after ${this.#lastLabel} is larger than ${BOUNDS.stanzaBytes} bytes`,
      { hint: 'The index is signed, so its publisher made the fault; ask there.' },
    );
  }
}
