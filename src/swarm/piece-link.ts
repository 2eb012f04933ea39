import type { Connection, PeerId, Stream } from '@libp2p/interface';
import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { Uint8ArrayList } from 'uint8arraylist';
import type { Sha256 } from '../domain/digest.js';
import { decodeFrame, encodeAnswer, type LeafBytes, type ReceivedFrame } from './answers.js';
import { didOfPeer } from './did.js';
import { encodeFields, type FrameFields } from './encode-fields.js';
import { FrameStream } from './frames.js';
import { ToldChanges } from './told-changes.js';

export const PIECE_PROTOCOL = '/x/piece/1';

export interface LinkHandlers {
  onFrame(link: PieceLink, frame: ReceivedFrame): void;
  onBytes(link: PieceLink): void;
  onEnd(link: PieceLink, error: Error | undefined): void;
}

/** What became of an answer. */
export interface Given {
  /** Whether it was handed to the transport. */
  sent: boolean;
  /** Whether nothing of ours looks at its pieces any more. */
  left: boolean;
}

interface Bulk {
  frame: () => Uint8ArrayList;
  done: (given: Given) => void;
}

/**
 * The one piece stream to a peer. Small frames overtake pieces that are not handed to the transport
 * yet; pieces are handed over one at a time, as the line takes them, so that little is in between.
 */
export class PieceLink {
  readonly peer: string;
  readonly peerId: PeerId;
  readonly did: Did;
  readonly address: string;
  /** Where the connection comes from, and who opened it. */
  readonly from: Pick<Connection, 'direction' | 'remoteAddr'>;
  /** Whether this side opened the stream. */
  readonly isOurs: boolean;
  readonly #frames: FrameStream;
  readonly #control: Uint8Array[] = [];
  readonly #changes = new ToldChanges();
  readonly #bulk: Bulk[] = [];
  #isPumping = false;

  /** @throws Error where the peer's key is no Ed25519 key. */
  constructor(stream: Stream, connection: Connection, isOurs: boolean, handlers: LinkHandlers) {
    const did = didOfPeer(connection.remotePeer);
    if (did === undefined)
      throw new Error(`${connection.remotePeer.toString()} has no Ed25519 key`);
    this.peerId = connection.remotePeer;
    this.peer = this.peerId.toString();
    this.did = did;
    this.address = connection.remoteAddr.toString();
    const { direction, remoteAddr } = connection;
    this.from = { direction, remoteAddr };
    this.isOurs = isOurs;
    this.#frames = new FrameStream(stream, {
      onFrame: (bytes) => handlers.onFrame(this, decodeFrame(bytes)),
      onBytes: () => handlers.onBytes(this),
      onEnd: (error) => {
        this.#clear();
        handlers.onEnd(this, error);
        void this.#frames.close();
      },
    });
  }

  get isOpen(): boolean {
    return this.#frames.isOpen;
  }

  /** Queues a small frame. A peer that does not read its control frames is cut off. */
  send(manifest: Sha256, fields: FrameFields): void {
    if (!this.isOpen) return;
    if (this.#control.length >= BOUNDS.controlFrames) {
      this.abort(new Error('the peer does not read'));
      return;
    }
    this.#control.push(encodeFields(manifest, fields));
    this.#pump();
  }

  /** Queues have changes; those that wait are sent together. */
  tell(manifest: Sha256, gained: readonly number[], lost: readonly number[]): void {
    if (!this.isOpen) return;
    this.#changes.add(manifest, gained, lost);
    this.#pump();
  }

  /** Answers a request when the line takes it. Resolves when it takes more, or is over. */
  answer(manifest: Sha256, id: number, pieces: readonly LeafBytes[]): Promise<Given> {
    if (!this.isOpen) return Promise.resolve({ sent: false, left: true });
    return new Promise((done) => {
      this.#bulk.push({ frame: () => encodeAnswer(manifest, id, pieces), done });
      this.#pump();
    });
  }

  abort(error: Error): void {
    this.#frames.abort(error);
  }

  close(): Promise<void> {
    return this.#frames.close();
  }

  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    // After the events of this turn, so that changes gather.
    setImmediate(() => {
      this.#drainQueues().catch((error: unknown) => {
        this.#isPumping = false;
        this.abort(error instanceof Error ? error : new Error(String(error)));
      });
    });
  }

  /** Ends with `isPumping` lowered in the same turn in which the queues were seen empty. */
  async #drainQueues(): Promise<void> {
    while (this.isOpen) {
      if (!this.#frames.isWritable) {
        await this.#frames.untilWritable();
        continue;
      }
      // Together: each call is a message down to the wire, and as many at its other end.
      const small = this.#takeSmall();
      if (small.length > 0) {
        this.#frames.send(...small);
        continue;
      }
      const bulk = this.#bulk.shift();
      if (bulk === undefined) {
        this.#isPumping = false;
        return;
      }
      const sent = this.#frames.send(bulk.frame());
      // "Sent" is when the line takes more: the next piece is chosen no earlier than it must be.
      if (sent) await this.#frames.untilWritable();
      // The transport has encrypted, or dropped, whatever is not in this stream's queue.
      bulk.done({ sent, left: sent && this.#frames.unsentBytes === 0 });
    }
    this.#isPumping = false;
    this.#clear();
  }

  /** What waits beside pieces, as much of it as one message takes: libp2p ends a stream that is handed too much. */
  #takeSmall(): Uint8Array[] {
    for (const frame of this.#changes.take()) this.#control.push(frame);
    let bytes = 0;
    let count = 0;
    for (const { length } of this.#control) {
      bytes += length;
      if (count > 0 && bytes > BOUNDS.frameBytes) break;
      count += 1;
    }
    return this.#control.splice(0, count);
  }

  #clear(): void {
    this.#control.length = 0;
    this.#changes.clear();
    for (const bulk of this.#bulk.splice(0)) bulk.done({ sent: false, left: true });
  }
}
