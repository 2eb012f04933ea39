/** Reads a stream of chunks in runs of chosen lengths, holding no more than a run and a chunk. */
export class ByteReader {
  readonly #iterator: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#iterator = source[Symbol.asyncIterator]();
  }

  /** Exactly `length` bytes; undefined where the stream ends before. The caller bounds the length. */
  async read(length: number): Promise<Buffer | undefined> {
    const parts: Uint8Array[] = [];
    for await (const part of this.take(length)) parts.push(part);
    const bytes = Buffer.concat(parts);
    return bytes.length === length ? bytes : undefined;
  }

  async skip(length: number): Promise<void> {
    let left = length;
    for await (const part of this.take(length)) left -= part.length;
    if (left > 0) this.#chunk = new Uint8Array();
  }

  /** The next `length` bytes as they come; fewer where the stream ends. */
  async *take(length: number): AsyncGenerator<Uint8Array> {
    let left = length;
    while (left > 0) {
      if (this.#chunk.length === 0) {
        const next = await this.#iterator.next();
        if (next.done === true) return;
        this.#chunk = next.value;
        continue;
      }
      const part = this.#chunk.subarray(0, left);
      this.#chunk = this.#chunk.subarray(part.length);
      left -= part.length;
      yield part;
    }
  }

  /** Gives the stream back before its end. */
  async close(): Promise<void> {
    await this.#iterator.return?.();
  }
}
