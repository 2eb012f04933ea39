import type { Connection, Stream } from '@libp2p/interface';
import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';
import type { Refusal } from '../domain/membership.js';
import { packLeaves } from '../domain/piece.js';
import type { BundleRecord, Catalog, MetadataFiles } from '../ports/catalog.js';
import type { Credentials, Gate } from '../ports/gate.js';
import type { Store } from '../ports/store.js';
import { didOfPeer } from './did.js';
import { FrameStream } from './frames.js';
import { BundleReply, BundleRequest } from './messages.pb.js';
import { wireBytes } from './wire-bytes.js';

export const BUNDLE_PROTOCOL = '/x/bundle/1';

/** What fits in a frame beside the other fields. */
const CHUNK_BYTES = 1 << 20;

type Reply = Partial<BundleReply>;

/** Who asks, and what it showed of itself. */
interface Asker {
  peer: string;
  did: Did;
  credentials: Credentials;
}

type BundleName = Pick<BundleRecord, 'name' | 'source'>;

export interface BundleServerDeps {
  catalog: Catalog;
  store: Store;
  gate: Gate;
  /** The bundles of those shared right now that name an artifact. */
  sharedWith: (sha256: Sha256) => Iterable<BundleName>;
  isNear: (connection: Connection) => boolean;
  /** Called where a peer reads a bundle's metadata: it will probably pull it. */
  onInterest: (peer: string, manifestDigest: Sha256) => void;
}

/** Answers `/x/bundle/1`: which bundles are here, their signed metadata, and the trees of their artifacts. */
export class BundleServer {
  readonly #deps: BundleServerDeps;
  /** The metadata last asked for: a client reads its files one after another. */
  #cached: { key: string; files: MetadataFiles } | undefined;

  constructor(deps: BundleServerDeps) {
    this.#deps = deps;
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
        const replies = this.#replies(request, this.#askerOf(request, connection));
        send(frames, replies).catch((error: unknown) => {
          frames.abort(error instanceof Error ? error : new Error(String(error)));
        });
      },
      onEnd: () => clearTimeout(timer),
    });
  }

  /** @throws Error where the peer's key is no Ed25519 key: nobody could have let it in. */
  #askerOf({ memberships }: BundleRequest, connection: Connection): Asker {
    const peer = connection.remotePeer.toString();
    const did = didOfPeer(connection.remotePeer);
    if (did === undefined) throw new Error(`${peer} has no Ed25519 key`);
    const { gate, isNear } = this.#deps;
    return { peer, did, credentials: gate.read(did, memberships, isNear(connection)) };
  }

  #replies(request: BundleRequest, asker: Asker): Iterable<Reply> {
    if (request.list !== undefined) return [this.#list(asker)];
    if (request.file !== undefined) return this.#file(request.file, asker);
    if (request.trees !== undefined) return this.#trees(request.trees.sha256, asker);
    if (request.join !== undefined) return [this.#join(request.join.token, asker)];
    throw new Error('a request for nothing');
  }

  #refusal({ did, credentials }: Asker, { name, source }: BundleName): Refusal | undefined {
    return this.#deps.gate.refusal(did, credentials, { name, source });
  }

  #list(asker: Asker): Reply {
    const refusals: Refusal[] = [];
    const bundles = this.#deps.catalog.bundles().filter((bundle) => {
      const refusal = this.#refusal(asker, bundle);
      if (refusal !== undefined) refusals.push(refusal);
      return refusal === undefined;
    });
    return {
      bundles: bundles
        .slice(0, BOUNDS.bundlesPerMaster)
        .map(({ name, source, version }) => ({ name, source, version })),
      refusal: refusals.find((one) => one !== 'not-a-member') ?? refusals[0] ?? '',
      last: true,
    };
  }

  #join(token: string, { did }: Asker): Reply {
    const answer = this.#deps.gate.redeem(did, token);
    if ('refusal' in answer) return { refusal: answer.refusal, last: true };
    return { membership: wireBytes(answer.membership), last: true };
  }

  *#file(
    { name, source, file }: { name: string; source: string; file: string },
    asker: Asker,
  ): Iterable<Reply> {
    const record = this.#deps.catalog.bundle(`${name}@${source}`);
    const refusal = record && this.#refusal(asker, record);
    if (refusal !== undefined) {
      yield { refusal, last: true };
      return;
    }
    const bytes = record && this.#metadata(record).get(file);
    if (record === undefined || bytes === undefined) {
      yield { last: true };
      return;
    }
    this.#deps.onInterest(asker.peer, record.manifestDigest);
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
      this.#cached = { key, files: this.#deps.catalog.metadata(record.id) };
    }
    return this.#cached.files;
  }

  /** Only of what a bundle names that the asker may have: the store holds other things as well. */
  *#trees(wanted: readonly Uint8Array[], asker: Asker): Iterable<Reply> {
    for (const digest of wanted) {
      const sha256 = Buffer.from(digest).toString('hex');
      const leaves = this.#mayHave(asker, sha256) ? this.#deps.store.leaves(sha256) : undefined;
      if (leaves === undefined) continue;
      const perReply = CHUNK_BYTES / 32;
      for (let first = 0; first < leaves.length; first += perReply) {
        const part = wireBytes(packLeaves(leaves.slice(first, first + perReply)));
        yield { trees: [{ sha256: wireBytes(digest), first, leaves: part }] };
      }
    }
    yield { last: true };
  }

  #mayHave(asker: Asker, sha256: Sha256): boolean {
    const { catalog, sharedWith } = this.#deps;
    for (const bundle of sharedWith(sha256))
      if (this.#refusal(asker, bundle) === undefined) return true;
    return catalog.entriesBySha256(sha256).some(({ bundleId }) => {
      const record = catalog.bundle(bundleId);
      return record !== undefined && this.#refusal(asker, record) === undefined;
    });
  }
}

const NOTHING = { bundles: [], found: false, trees: [], last: false, refusal: '' };

async function send(frames: FrameStream, replies: Iterable<Reply>): Promise<void> {
  for (const reply of replies) {
    const whole = { ...NOTHING, data: new Uint8Array(), membership: new Uint8Array() };
    frames.send(BundleReply.encode({ ...whole, ...reply }));
    await frames.untilWritable();
    if (!frames.isOpen) return;
  }
  await frames.close();
}
