import type { Stream } from '@libp2p/interface';
import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import { XError } from '../../domain/errors.js';
import { PIECE_SIZE_BYTES, pieceCount } from '../../domain/piece.js';
import { networkId } from '../../network/position.js';
import type { Scores } from '../../network/scores.js';
import { UploadSlots, type UploadAction, type UploadEvent } from '../../network/upload-slots.js';
import type { PublicArtifact, PublicArtifacts } from '../../ports/public-artifacts.js';
import type { RateLimit } from '../../ports/rate-limit.js';
import { ARTIFACT_PROTOCOL, type ArtifactAsk } from './artifact-frames.js';
import type { NodeConnection, NodeHost } from './node-host.js';
import { ServedLink } from './served-link.js';

export interface ArtifactServerDeps {
  host: NodeHost;
  /** Its name. */
  network: string;
  artifacts: PublicArtifacts;
  scores: Scores;
  /** Milliseconds since 1970 of a clock that never goes back. */
  now: () => number;
  /** How fast bytes may leave. */
  upload?: RateLimit | undefined;
  slots?: number;
}

/** A question on its way to its answer. */
interface Job {
  link: ServedLink;
  ask: ArtifactAsk;
  artifact: PublicArtifact;
  stop: AbortController;
}

/**
 * Answers strangers: what is public and held, by digest, each piece checked while it is read. Whose turn
 * it is `UploadSlots` decides; what is not public is answered as what is not here.
 */
export class ArtifactServer {
  readonly #deps: ArtifactServerDeps;
  readonly #network: Uint8Array;
  readonly #slots: UploadSlots;
  readonly #jobs = new Map<number, Job>();
  #nextJob = 1;
  #looking: NodeJS.Timeout | undefined;

  constructor(deps: ArtifactServerDeps) {
    this.#deps = deps;
    this.#network = networkId(deps.network);
    this.#slots = new UploadSlots(deps.scores, deps.slots);
  }

  async start(): Promise<void> {
    const { host } = this.#deps;
    host.onGone((did) => this.#tell({ type: 'left', peer: did }));
    await host.handle(ARTIFACT_PROTOCOL, (stream, from) => this.#accept(stream, from), {
      inbound: BOUNDS.artifactStreams,
      outbound: BOUNDS.artifactStreams,
    });
  }

  /** Questions that wait. */
  get queued(): number {
    return this.#slots.queued;
  }

  /** 0 idle to 1 full. */
  get load(): number {
    return this.#slots.load;
  }

  #accept(stream: Stream, from: NodeConnection): void {
    const link: ServedLink = new ServedLink(stream, from, this.#network, this.#deps.now(), {
      onAsk: (ask) => this.#asked(link, ask),
      onCancel: (id) => this.#stop((job) => job.link === link && job.ask.id === id),
      onEnd: () => this.#stop((job) => job.link === link),
      now: this.#deps.now,
    });
  }

  #asked(link: ServedLink, ask: ArtifactAsk): void {
    const artifact = this.#deps.artifacts.find(ask.digests);
    if (artifact === undefined) {
      link.refuse(ask.id, 'absent');
      return;
    }
    const { blob } = artifact;
    if (ask.portion.kind === 'pieces' && ask.root !== blob.pieceRoot) {
      link.refuse(ask.id, 'other-tree');
      return;
    }
    const bytes = bytesOf(ask, blob.lengthBytes);
    if (bytes === undefined) {
      // The root fixes the length, so whoever knows it knows how many pieces there are.
      link.blame('pieces that the artifact does not have');
      return;
    }
    const id = this.#nextJob++;
    this.#jobs.set(id, { link, ask, artifact, stop: new AbortController() });
    const { did, group } = link.from;
    this.#tell({ type: 'asked', peer: did, group, id, bytes });
  }

  #stop(isMeant: (job: Job) => boolean): void {
    for (const [id, job] of this.#jobs) {
      if (!isMeant(job)) continue;
      job.stop.abort();
      // One that is being sent ends by itself.
      this.#tell({ type: 'withdrawn', peer: job.link.from.did, id });
      if (!job.link.isSending(job.ask.id)) this.#forget(id, job);
    }
  }

  #tell(event: UploadEvent): void {
    for (const action of this.#slots.handle(event, this.#deps.now())) this.#act(action);
    this.#lookLater();
  }

  /**
   * Where every reader stands still nothing else tells that a slot has become free; and where a line is
   * slow a part of an answer is on its way for long, and moves.
   */
  #look(): void {
    this.#looking = undefined;
    const moving = new Set([...this.#links()].filter((link) => link.hasMoved()));
    const moved = [...this.#jobs].flatMap(([id, { link }]) =>
      moving.has(link) ? [{ peer: link.from.did, id }] : [],
    );
    for (const action of this.#slots.look(this.#deps.now(), moved)) this.#act(action);
    this.#lookLater();
  }

  #lookLater(): void {
    if (this.#jobs.size === 0) return;
    this.#looking ??= setTimeout(() => this.#look(), BOUNDS.uploadLookMs).unref();
  }

  #links(): Set<ServedLink> {
    return new Set([...this.#jobs.values()].map(({ link }) => link));
  }

  #act(action: UploadAction): void {
    const job = this.#jobs.get(action.id);
    if (job === undefined) {
      if (action.type === 'send') this.#sent(action.peer, action.id);
      return;
    }
    if (action.type === 'send') {
      job.link.begin(job.ask.id);
      void this.#send(action.id, job);
      return;
    }
    if (action.type === 'drop') {
      job.link.abort(new Error('it takes nothing while others wait'));
      return;
    }
    this.#forget(action.id, job);
    if (action.reason === 'busy') job.link.refuse(job.ask.id, 'busy');
    else job.link.blame('more questions than anybody needs');
  }

  #moved(peer: Did, id: number): void {
    this.#tell({ type: 'moved', peer, id });
  }

  /** Later than what made room for it: the slots are not asked while they answer. */
  #sent(peer: Did, id: number): void {
    queueMicrotask(() => this.#tell({ type: 'sent', peer, id }));
  }

  async #send(id: number, job: Job): Promise<void> {
    const { link, ask } = job;
    const { upload } = this.#deps;
    try {
      for await (const part of answerOf(job, partBytes(upload))) {
        await upload?.pass(part.data.length, job.stop.signal);
        this.#moved(link.from.did, id);
        if (job.stop.signal.aborted || !(await link.send({ id: ask.id, ...part }))) break;
        this.#moved(link.from.did, id);
        this.#deps.scores.received(link.from.did, part.data.length, this.#deps.now());
      }
    } catch (error) {
      if (job.stop.signal.aborted) return;
      if (!(error instanceof XError)) link.abort(error);
      // It rotted or was changed, and is not held any more.
      else link.refuse(ask.id, 'absent');
    } finally {
      this.#forget(id, job);
      this.#sent(link.from.did, id);
    }
  }

  #forget(id: number, { link, ask }: Job): void {
    if (this.#jobs.delete(id)) link.end(ask.id);
  }
}

/** Where the upload is limited an answer trickles, so that who waits for it sees that it comes. */
function partBytes(upload: RateLimit | undefined): number {
  const rate = upload?.rate();
  if (rate === undefined) return BOUNDS.runBytes;
  const turn = Math.floor(rate / BOUNDS.uploadSlots);
  return Math.min(BOUNDS.runBytes, Math.max(BOUNDS.smallestPartBytes, turn));
}

/** Undefined for pieces that are not there. */
function bytesOf({ portion }: ArtifactAsk, lengthBytes: number): number | undefined {
  if (portion.kind === 'tree') return 32 * pieceCount(lengthBytes);
  if (portion.kind === 'whole') return lengthBytes;
  const { first, count } = portion;
  if (first + count > pieceCount(lengthBytes)) return undefined;
  return Math.min(lengthBytes, (first + count) * PIECE_SIZE_BYTES) - first * PIECE_SIZE_BYTES;
}

type Part = Omit<Parameters<ServedLink['send']>[0], 'id'>;

/**
 * What is asked for, in parts of so many bytes at most.
 * @throws XError STORE_DAMAGED, IO_FAILED where it cannot be read.
 */
async function* answerOf({ ask, artifact }: Job, partBytes: number): AsyncGenerator<Part> {
  const { blob, blobs } = artifact;
  const { portion } = ask;
  if (portion.kind === 'tree') {
    const leaves = blobs.leaves(blob.sha256);
    if (leaves?.length !== pieceCount(blob.lengthBytes))
      throw new XError('STORE_DAMAGED', `the tree of ${blob.sha256} is not here`);
    const packed = Buffer.concat(leaves);
    const tree = { root: blob.pieceRoot, lengthBytes: blob.lengthBytes };
    for (let at = 0; at === 0 || at < packed.length; at += partBytes) {
      const data = packed.subarray(at, at + partBytes);
      const isLast = at + partBytes >= packed.length;
      yield { data, isLast, tree: at === 0 ? tree : undefined };
    }
    return;
  }
  const start = portion.kind === 'pieces' ? portion.first * PIECE_SIZE_BYTES : 0;
  const end =
    portion.kind === 'pieces'
      ? Math.min(blob.lengthBytes, start + portion.count * PIECE_SIZE_BYTES)
      : blob.lengthBytes;
  if (start === end) {
    yield { data: new Uint8Array(0), isLast: true, tree: undefined };
    return;
  }
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  let at = start;
  for await (const chunk of blobs.open(blob.sha256, { start, end })) {
    for (let from = 0; from < chunk.length;) {
      const some = chunk.subarray(from, from + partBytes - gatheredBytes);
      from += some.length;
      at += some.length;
      gathered.push(some);
      gatheredBytes += some.length;
      if (gatheredBytes < partBytes && at < end) continue;
      yield { data: Buffer.concat(gathered), isLast: at === end, tree: undefined };
      gathered = [];
      gatheredBytes = 0;
    }
  }
  if (at < end) throw new XError('STORE_DAMAGED', `${blob.sha256} ends before its length`);
}
