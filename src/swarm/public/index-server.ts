import { setTimeout as sleep } from 'node:timers/promises';
import type { Stream } from '@libp2p/interface';
import { LRUCache } from 'lru-cache';
import { BOUNDS } from '../../domain/bounds.js';
import { sha256, type Sha256 } from '../../domain/digest.js';
import { signIndexStatement } from '../../network/index-statement.js';
import { TokenBucket } from '../../network/token-bucket.js';
import type { SeenIndexes } from '../../ports/seen-indexes.js';
import { FrameStream } from '../frames.js';
import { wireBytes } from '../wire-bytes.js';
import { IndexReply, IndexRequest } from './index.pb.js';
import type { NodeConnection, NodeHost } from './node-host.js';

export const INDEX_PROTOCOL = '/x/index/1';

/** What fits in a frame beside the other fields. */
const CHUNK_BYTES = 1 << 20;
/** A name. */
const REQUEST_BYTES = 256;
const TURN_EVERY_MS = 50;

export interface IndexServerDeps {
  seen: SeenIndexes;
  identity: Parameters<typeof signIndexStatement>[1];
  /** Whether this node has been there long enough to be asked; one that has not says that it has nothing. */
  isStable: () => boolean;
  /** Milliseconds since 1970 of a clock that never goes back. */
  now: () => number;
}

/** Answers `/x/index/1`: what this node has seen of a public index, signed by it. */
export class IndexServer {
  readonly #deps: IndexServerDeps;
  readonly #buckets = new LRUCache<string, TokenBucket>({ max: BOUNDS.lookupGroups });

  constructor(deps: IndexServerDeps) {
    this.#deps = deps;
  }

  async start(host: NodeHost): Promise<void> {
    await host.handle(INDEX_PROTOCOL, (stream, from) => this.handle(stream, from), {
      inbound: BOUNDS.indexStreams,
      outbound: BOUNDS.indexStreams,
    });
  }

  handle(stream: Stream, from: NodeConnection): void {
    let asked = false;
    const timer = setTimeout(
      () => frames.abort(new Error('no request came')),
      BOUNDS.lookupRequestMs,
    );
    const frames = new FrameStream(
      stream,
      {
        onFrame: (frame) => {
          if (asked) throw new Error('a second request on one stream');
          asked = true;
          clearTimeout(timer);
          const { name } = IndexRequest.decode(frame);
          if (name.length !== 32) throw new Error(`a name of ${name.length} bytes`);
          this.#answer(frames, Buffer.from(name).toString('hex'), from).catch((error: unknown) => {
            frames.abort(error instanceof Error ? error : new Error(String(error)));
          });
        },
        onEnd: () => clearTimeout(timer),
      },
      REQUEST_BYTES,
    );
  }

  async #answer(frames: FrameStream, name: Sha256, { group }: NodeConnection): Promise<void> {
    const isTurn = await this.#turnOf(group);
    if (frames.isOpen) await send(frames, isTurn ? this.#page(name) : undefined);
  }

  /** An install asks for hundreds: who asks faster than is answered waits a little, as its streams bound. */
  async #turnOf(group: string): Promise<boolean> {
    const { now } = this.#deps;
    const bucket =
      this.#buckets.get(group) ??
      new TokenBucket(BOUNDS.indexBurst, BOUNDS.indexesPerSecond, now());
    this.#buckets.set(group, bucket);
    const untilMs = now() + BOUNDS.indexTurnMs;
    while (!bucket.take(now())) {
      if (now() >= untilMs) return false;
      await sleep(TURN_EVERY_MS);
    }
    return true;
  }

  #page(name: Sha256): Signed | undefined {
    const { seen, identity, isStable } = this.#deps;
    const page = isStable() ? seen.get(name) : undefined;
    if (page === undefined) return undefined;
    const { bytes, contentType = '', seenAt } = page;
    const statement = signIndexStatement(
      {
        name,
        sha256: sha256(bytes),
        lengthBytes: bytes.length,
        contentType,
        seenAtMs: seenAt.getTime(),
      },
      identity,
    );
    return { statement, bytes };
  }
}

interface Signed {
  statement: Uint8Array;
  bytes: Uint8Array;
}

const NOTHING = new Uint8Array();

async function send(frames: FrameStream, page: Signed | undefined): Promise<void> {
  const { statement = NOTHING, bytes = NOTHING } = page ?? {};
  let at = 0;
  do {
    const data = wireBytes(bytes.subarray(at, at + CHUNK_BYTES));
    const isFirst = at === 0;
    at += data.length;
    const first = wireBytes(isFirst ? statement : NOTHING);
    frames.send(IndexReply.encode({ statement: first, data, last: at >= bytes.length }));
    await frames.untilWritable();
    if (!frames.isOpen) return;
  } while (at < bytes.length);
  await frames.close();
}
