import type { Connection, Stream } from '@libp2p/interface';
import { BOUNDS } from '../domain/bounds.js';
import type { Sha256 } from '../domain/digest.js';
import { packLeaves } from '../domain/piece.js';
import type { BundleRecord, Catalog, MetadataFiles } from '../ports/catalog.js';
import type { Store } from '../ports/store.js';
import { FrameStream } from './frames.js';
import { BundleReply, BundleRequest } from './messages.pb.js';
import { wireBytes } from './wire-bytes.js';

export const BUNDLE_PROTOCOL = '/x/bundle/1';

/** What fits in a frame beside the other fields. */
const CHUNK_BYTES = 1 << 20;

type Reply = Partial<BundleReply>;

/** Answers `/x/bundle/1`: which bundles are here, their signed metadata, and the trees of their artifacts. */
export class BundleServer {
  readonly #catalog: Catalog;
  readonly #store: Store;
  readonly #isShared: (sha256: Sha256) => boolean;
  readonly #onInterest: (peer: string, manifestDigest: Sha256) => void;
  /** The metadata last asked for: a client reads its files one after another. */
  #cached: { key: string; files: MetadataFiles } | undefined;

  /**
   * @param isShared Whether a bundle that is shared right now names the artifact.
   * @param onInterest Called where a peer reads a bundle's metadata: it will probably pull it.
   */
  constructor(
    catalog: Catalog,
    store: Store,
    isShared: (sha256: Sha256) => boolean,
    onInterest: (peer: string, manifestDigest: Sha256) => void,
  ) {
    this.#catalog = catalog;
    this.#store = store;
    this.#isShared = isShared;
    this.#onInterest = onInterest;
  }

  /** Serves one stream: one request, its replies, end. */
  handle(stream: Stream, connection: Connection): void {
    let asked = false;
    const timer = setTimeout(
      () => frames.abort(new Error('no request came')),
      BOUNDS.handshakeTimeoutMs,
    );
    const frames = new FrameStream(stream, {
      onFrame: (frame) => {
        if (asked) throw new Error('a second request on one stream');
        asked = true;
        clearTimeout(timer);
        const request = BundleRequest.decode(frame);
        const replies = this.#replies(request, connection.remotePeer.toString());
        send(frames, replies).catch((error: unknown) => {
          frames.abort(error instanceof Error ? error : new Error(String(error)));
        });
      },
      onEnd: () => clearTimeout(timer),
    });
  }

  #replies(request: BundleRequest, peer: string): Iterable<Reply> {
    if (request.list !== undefined) return [this.#list()];
    if (request.file !== undefined) return this.#file(request.file, peer);
    if (request.trees !== undefined) return this.#trees(request.trees.sha256);
    throw new Error('a request for nothing');
  }

  #list(): Reply {
    const bundles = this.#catalog.bundles().slice(0, BOUNDS.bundlesPerMaster);
    return {
      bundles: bundles.map(({ name, source, version }) => ({ name, source, version })),
      last: true,
    };
  }

  *#file(
    { name, source, file }: { name: string; source: string; file: string },
    peer: string,
  ): Iterable<Reply> {
    const record = this.#catalog.bundle(`${name}@${source}`);
    const bytes = record && this.#metadata(record).get(file);
    if (record === undefined || bytes === undefined) {
      yield { last: true };
      return;
    }
    this.#onInterest(peer, record.manifestDigest);
    let at = 0;
    do {
      const data = wireBytes(bytes.subarray(at, at + CHUNK_BYTES));
      at += data.length;
      yield { found: true, data, last: at >= bytes.length };
    } while (at < bytes.length);
  }

  #metadata(record: BundleRecord): MetadataFiles {
    const key = `${record.id} ${record.version} ${record.manifestDigest}`;
    if (this.#cached?.key !== key) {
      this.#cached = { key, files: this.#catalog.metadata(record.id) };
    }
    return this.#cached.files;
  }

  /** Only of what a bundle names: the store may hold other things. */
  *#trees(wanted: readonly Uint8Array[]): Iterable<Reply> {
    for (const digest of wanted) {
      const sha256 = Buffer.from(digest).toString('hex');
      const isNamed = this.#isShared(sha256) || this.#catalog.entriesBySha256(sha256).length > 0;
      const leaves = isNamed ? this.#store.leaves(sha256) : undefined;
      if (leaves === undefined) continue;
      const perReply = CHUNK_BYTES / 32;
      for (let first = 0; first < leaves.length; first += perReply) {
        const part = wireBytes(packLeaves(leaves.slice(first, first + perReply)));
        yield { trees: [{ sha256: wireBytes(digest), first, leaves: part }] };
      }
    }
    yield { last: true };
  }
}

async function send(frames: FrameStream, replies: Iterable<Reply>): Promise<void> {
  for (const reply of replies) {
    const whole = { bundles: [], data: new Uint8Array(), found: false, trees: [], last: false };
    frames.send(BundleReply.encode({ ...whole, ...reply }));
    await frames.untilWritable();
    if (!frames.isOpen) return;
  }
  await frames.close();
}
