import type { Stream } from '@libp2p/interface';
import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import { XError } from '../../domain/errors.js';
import { networkId } from '../../network/position.js';
import type { Scores } from '../../network/scores.js';
import { UploadSlots, type UploadAction, type UploadEvent } from '../../network/upload-slots.js';
import type { PublicArtifact, PublicArtifacts } from '../../ports/public-artifacts.js';
import type { RateLimit } from '../../ports/rate-limit.js';
import { answerBytes, answerFrame } from './answer-frames.js';
import { ARTIFACT_PROTOCOL, type ArtifactAsk } from './artifact-frames.js';
import type { NodeConnection, NodeHost } from './node-host.js';
import { ServedLink } from './served-link.js';
import { UploadRoom } from './upload-room.js';

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
  /** Of the answer. */
  bytes: number;
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
  readonly #room: UploadRoom;
  readonly #jobs = new Map<number, Job>();
  #nextJob = 1;
  #looking: NodeJS.Timeout | undefined;

  constructor(deps: ArtifactServerDeps) {
    this.#deps = deps;
    this.#network = networkId(deps.network);
    const { slots = BOUNDS.uploadSlots } = deps;
    this.#slots = new UploadSlots(deps.scores, slots);
    this.#room = new UploadRoom(slots * (1 + BOUNDS.uploadHeldOfSlot));
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

  /** Of answers, in memory: read, and not taken by their readers. */
  get waitingBytes(): number {
    return this.#room.heldBytes;
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
    const bytes = answerBytes(ask, blob.lengthBytes);
    if (bytes === undefined) {
      // The root fixes the length, so whoever knows it knows how many pieces there are.
      link.blame('pieces that the artifact does not have');
      return;
    }
    const id = this.#nextJob++;
    this.#jobs.set(id, { link, ask, artifact, bytes, stop: new AbortController() });
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
      for (let at = 0, isOver = false; !isOver;) {
        const wantedBytes = Math.min(job.bytes - at, partBytes(upload));
        const mostBytes = await this.#room.take(id, wantedBytes);
        const { frame, bytes, isLast } = await answerFrame(ask, job.artifact, at, mostBytes);
        await upload?.pass(bytes, job.stop.signal);
        this.#moved(link.from.did, id);
        if (job.stop.signal.aborted || !(await link.send(ask.id, frame))) break;
        this.#moved(link.from.did, id);
        this.#deps.scores.received(link.from.did, bytes, this.#deps.now());
        at += bytes;
        isOver = isLast;
      }
    } catch (error) {
      if (job.stop.signal.aborted) return;
      if (!(error instanceof XError)) link.abort(error);
      // It rotted or was changed, and is not held any more.
      else link.refuse(ask.id, 'absent');
    } finally {
      this.#room.leave(id);
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
