import type { Stream, StreamCloseEvent, StreamMessageEvent } from '@libp2p/interface';
import { LengthPrefixedDecoder } from '@libp2p/utils';
import { Uint8ArrayList } from 'uint8arraylist';
import { BOUNDS } from '../domain/bounds.js';
import type { RateLimit } from '../ports/rate-limit.js';
import { PacedReading } from './paced-reading.js';
import { bytesPassed } from './young-garbage.js';

/** Encodes an unsigned varint. */
function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest >= 128) {
    bytes.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  bytes.push(rest);
  return Uint8Array.from(bytes);
}

/** Thrown when a length has not come in full, which is at the end of nearly each chunk: without a stack. */
const NOT_YET = new RangeError('the length has not come yet');
/** Of a length: BOUNDS.frameBytes takes three. */
const LENGTH_BYTES = 5;

/** Decodes an unsigned varint at the start of `list`. @throws RangeError where it has not come in full. */
function lengthAt(list: Uint8ArrayList | Uint8Array): number {
  const { byteLength } = list;
  let length = 0;
  for (let at = 0, unit = 1; at < LENGTH_BYTES; at += 1, unit *= 128) {
    if (at === byteLength) throw NOT_YET;
    const byte = (list instanceof Uint8Array ? list[at] : list.get(at)) as number;
    length += (byte & 0x7f) * unit;
    if (byte < 128) return length;
  }
  throw new Error('a frame is longer than any may be');
}

export interface FrameHandlers {
  onFrame(frame: Uint8ArrayList): void;
  /** Some bytes came, a whole frame or not. */
  onBytes?(count: number): void;
  /** Once, however the stream ended. */
  onEnd(error: Error | undefined): void;
  /** How fast bytes are taken. */
  limit?: RateLimit | undefined;
}

/**
 * Length-prefixed frames over one stream. Frames are handed on as they come, synchronously: what
 * arrives is bounded by what was asked for and by the size of a frame. A frame that is too long or
 * that the handler throws at ends the stream.
 */
export class FrameStream {
  readonly #stream: Stream;
  readonly #handlers: FrameHandlers;
  readonly #decoder: LengthPrefixedDecoder;
  readonly #paced: PacedReading | undefined;
  #ended = false;

  /** @param frameBytes The longest frame that is taken. */
  constructor(stream: Stream, handlers: FrameHandlers, frameBytes: number = BOUNDS.frameBytes) {
    this.#stream = stream;
    this.#handlers = handlers;
    this.#decoder = new LengthPrefixedDecoder({
      maxDataLength: frameBytes,
      maxBufferSize: Math.min(BOUNDS.readBufferBytes, 8 * frameBytes),
      lengthDecoder: lengthAt,
    });
    stream.maxWriteBufferLength = BOUNDS.streamWriteBufferBytes;
    const { limit } = handlers;
    if (limit !== undefined)
      this.#paced = new PacedReading(stream, limit, (bytes) => this.#receive(bytes));
    stream.addEventListener('message', ({ data }: StreamMessageEvent) => {
      if (this.#paced === undefined) this.#receive(data);
      else if (!this.#ended) this.#paced.push(data);
    });
    // A remote that closed its side, or was killed, has nothing more to say: the stream is over once
    // what came before is read.
    stream.addEventListener('end', () => this.#end(undefined));
    stream.addEventListener('close', (event: StreamCloseEvent) => {
      if (event.error !== undefined) this.#end(event.error);
      else setImmediate(() => this.#end(undefined));
    });
    // Its end was told before anybody listened. What came before that is handed on first.
    const { status } = stream;
    if (status === 'closed') setImmediate(() => this.#end(undefined));
    if (status === 'aborted' || status === 'reset')
      setImmediate(() =>
        this.#end(new Error('the other side, or this one, has broken the stream off')),
      );
  }

  get isOpen(): boolean {
    return !this.#ended && this.#stream.writeStatus === 'writable';
  }

  /** Whether the transport takes more at once. */
  get isWritable(): boolean {
    return this.isOpen && !this.#stream.writableNeedsDrain;
  }

  /** What the transport was handed and has not taken. */
  get unsentBytes(): number {
    return this.#stream.writeBufferLength;
  }

  /** Hands frames to the transport. False where the stream is over. */
  send(...frames: (Uint8Array | Uint8ArrayList)[]): boolean {
    if (!this.isOpen) return false;
    // In parts, not joined: a frame of a megabyte is not copied for its prefix. At once: each call is a
    // message of its own down to the wire.
    const parts = new Uint8ArrayList();
    for (const frame of frames) {
      parts.append(varint(frame.byteLength));
      parts.append(frame);
    }
    bytesPassed(parts.byteLength);
    try {
      this.#stream.send(parts);
      return true;
    } catch (error) {
      this.abort(error instanceof Error ? error : new Error(String(error)));
      return false;
    }
  }

  /** Ends the stream where the peer takes nothing for a while, or not enough for long. */
  async untilWritable(): Promise<void> {
    for (let waitedMs = 0; waitedMs < 2 * BOUNDS.idlePeerMs; waitedMs += BOUNDS.unreadPieceMs) {
      const before = this.unsentBytes;
      const untilMs = performance.now() + BOUNDS.unreadPieceMs;
      // Other streams of the connection may have been quicker when it took more.
      while (this.isOpen && !this.isWritable) {
        const leftMs = untilMs - performance.now();
        if (leftMs <= 0) break;
        await this.#drained(leftMs);
      }
      if (!this.isOpen || this.isWritable) return;
      if (before > 0 && this.unsentBytes >= before) break;
    }
    this.abort(new Error('the peer does not read'));
  }

  /** Resolves when the transport may take more, or the stream is over, or `ms` have passed. */
  async #drained(ms: number): Promise<void> {
    if (this.isWritable || !this.isOpen) return;
    const stream = this.#stream;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        stream.removeEventListener('drain', done);
        stream.removeEventListener('close', done);
        // The stream's own drain listener runs the queue in a microtask: look after that.
        queueMicrotask(() => resolve());
      };
      const timer = setTimeout(done, ms);
      stream.addEventListener('drain', done);
      stream.addEventListener('close', done);
    });
  }

  /** Sends what is queued and closes. */
  async close(): Promise<void> {
    try {
      await this.#stream.close({ signal: AbortSignal.timeout(BOUNDS.closeStreamMs) });
    } catch (error) {
      this.abort(error instanceof Error ? error : new Error(String(error)));
    }
  }

  abort(error: Error): void {
    // The reason first: to the stream an abort is an end like any other.
    this.#end(error);
    this.#stream.abort(error);
  }

  #receive(data: StreamMessageEvent['data']): void {
    if (this.#ended) return;
    try {
      bytesPassed(data.byteLength);
      this.#handlers.onBytes?.(data.byteLength);
      for (const frame of this.#decoder.decode(data)) {
        this.#handlers.onFrame(frame);
        if (this.#ended) return;
      }
    } catch (error) {
      this.abort(error instanceof Error ? error : new Error(String(error)));
    }
  }

  #end(error: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#paced?.stop();
    this.#handlers.onEnd(error);
    // As long as our half is open the stream counts among those that a peer may have.
    if (error === undefined) void this.close();
  }
}
