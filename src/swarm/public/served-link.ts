import type { Stream } from '@libp2p/interface';
import { BOUNDS } from '../../domain/bounds.js';
import { TokenBucket } from '../../network/token-bucket.js';
import { FrameStream } from '../frames.js';
import {
  decodeMessage,
  encodeMessage,
  isNonsense,
  MalformedFrame,
  type ArtifactAsk,
  type ArtifactMessage,
  type Refusal,
} from './artifact-frames.js';
import type { NodeConnection } from './node-host.js';

export interface ServedLinkHandlers {
  onAsk: (ask: ArtifactAsk) => void;
  onCancel: (id: number) => void;
  onEnd: () => void;
  now: () => number;
}

/** The stream of one node that asks here. Whoever breaks its rules is hung up on. */
export class ServedLink {
  readonly from: NodeConnection;
  readonly #network: Uint8Array;
  readonly #handlers: ServedLinkHandlers;
  readonly #frames: FrameStream;
  readonly #bucket: TokenBucket;
  /** By their ids: whether they are being sent. */
  readonly #open = new Map<number, boolean>();
  #sending: Promise<unknown> = Promise.resolve();
  #isGreeted = false;
  /** Of answers: what the transport was handed, and had taken of it when it was last found to move. */
  #handedBytes = 0;
  #movedBytes = 0;

  constructor(
    stream: Stream,
    from: NodeConnection,
    network: Uint8Array,
    now: number,
    handlers: ServedLinkHandlers,
  ) {
    this.from = from;
    this.#network = network;
    this.#handlers = handlers;
    this.#bucket = new TokenBucket(BOUNDS.artifactAskBurst, BOUNDS.artifactAsksPerSecond, now);
    this.#frames = new FrameStream(stream, {
      onFrame: (frame) => this.#received(decodeMessage(frame)),
      onEnd: (error) => {
        this.#handlers.onEnd();
        if (isNonsense(error)) this.from.close('it does not speak the protocol');
        void this.#frames.close();
      },
    });
    this.#frames.send(encodeMessage({ type: 'network', id: network }));
  }

  isSending(id: number): boolean {
    return this.#open.get(id) === true;
  }

  begin(id: number): void {
    this.#open.set(id, true);
  }

  end(id: number): void {
    this.#open.delete(id);
  }

  /** One part after another, as the line takes them: resolves when it takes more; false where it is over. */
  send(id: number, frame: Uint8Array): Promise<boolean> {
    const sent = this.#sending.then(async () => {
      // Asked for before and not wanted any more, while others were sent.
      if (!this.#open.has(id)) return false;
      if (!this.#frames.send(frame)) return false;
      this.#handedBytes += frame.byteLength;
      await this.#frames.untilWritable();
      return this.#frames.isOpen;
    });
    this.#sending = sent;
    return sent;
  }

  /** Whether its reader has taken something worth a slot since this last said so. */
  hasMoved(): boolean {
    const takenBytes = this.#handedBytes - this.#frames.unsentBytes;
    if (takenBytes < this.#movedBytes + BOUNDS.uploadMovedBytes) return false;
    this.#movedBytes = takenBytes;
    return true;
  }

  refuse(id: number, reason: Refusal): void {
    this.#open.delete(id);
    // Refusals are small; who asks on and on and does not read them is cut off.
    if (this.#frames.unsentBytes > BOUNDS.streamWriteBufferBytes / 2) {
      this.abort(new Error('it does not read'));
      return;
    }
    this.#frames.send(encodeMessage({ type: 'refusal', id, reason }));
  }

  abort(error: unknown): void {
    this.#frames.abort(error instanceof Error ? error : new Error(String(error)));
  }

  /** Ends the connection too. */
  blame(reason: string): void {
    this.abort(new Error(reason));
    this.from.close(reason);
  }

  #received(message: ArtifactMessage): void {
    if (!this.#isGreeted) {
      const isOurs = message.type === 'network' && Buffer.compare(message.id, this.#network) === 0;
      if (!isOurs) throw new Error('it is of another network');
      this.#isGreeted = true;
      return;
    }
    if (message.type === 'cancel') {
      if (this.#open.has(message.id)) this.#handlers.onCancel(message.id);
      return;
    }
    if (message.type !== 'ask') throw new MalformedFrame('an answer to no question');
    const { id } = message;
    if (this.#open.has(id)) throw new MalformedFrame('two questions under one number');
    if (this.#open.size >= BOUNDS.artifactAsksOfStream) {
      this.blame('more questions than anybody needs');
      return;
    }
    if (!this.#bucket.take(this.#handlers.now())) {
      this.refuse(id, 'busy');
      return;
    }
    this.#open.set(id, false);
    this.#handlers.onAsk(message);
  }
}
