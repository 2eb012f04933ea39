import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import type { Contact } from '../../network/events.js';
import { networkId } from '../../network/position.js';
import type { RateLimit } from '../../ports/rate-limit.js';
import { AskingLink, type AnswerHandlers, type AskFailure } from './asking-link.js';
import { ARTIFACT_PROTOCOL, type ArtifactAsk } from './artifact-frames.js';
import type { NodeHost } from './node-host.js';

/** An open question. */
export interface AskedQuestion {
  /** Nothing more is told of it. */
  cancel(): void;
}

/**
 * Asks nodes for artifacts: one stream a node, opened with the first question and kept; questions follow
 * each other without waiting. How long an answer may take is the caller's to say: it cancels.
 */
export class ArtifactClient {
  readonly #host: NodeHost;
  readonly #network: Uint8Array;
  readonly #now: () => number;
  readonly #download: RateLimit | undefined;
  /** The one asked last stands last. */
  readonly #links = new Map<Did, AskingLink>();

  constructor(deps: {
    host: NodeHost;
    /** Its name. */
    network: string;
    /** Milliseconds of a clock that never goes back. */
    now: () => number;
    /** How fast bytes may come. */
    download?: RateLimit | undefined;
  }) {
    this.#host = deps.host;
    this.#network = networkId(deps.network);
    this.#now = deps.now;
    this.#download = deps.download;
  }

  ask(
    node: Pick<Contact, 'did' | 'addresses'>,
    question: Omit<ArtifactAsk, 'id'>,
    handlers: AnswerHandlers,
  ): AskedQuestion {
    const { did } = node;
    let link = this.#links.get(did);
    if (link === undefined || link.isOver) {
      link = this.#open(node);
    }
    this.#links.delete(did);
    this.#links.set(did, link);
    const id = link.ask(question, handlers);
    const asked = link;
    return { cancel: () => asked.cancel(id) };
  }

  /** It is not asked any more: what is open fails as broken. */
  drop(did: Did): void {
    this.#links.get(did)?.end('broken');
    this.#links.delete(did);
  }

  stop(): void {
    for (const did of [...this.#links.keys()]) this.drop(did);
  }

  #open(node: Pick<Contact, 'did' | 'addresses'>): AskingLink {
    this.#makeRoom();
    const stop = new AbortController();
    const link: AskingLink = new AskingLink({
      network: this.#network,
      now: this.#now,
      download: this.#download,
      onOver: () => {
        stop.abort();
        if (this.#links.get(node.did) === link) this.#links.delete(node.did);
      },
    });
    this.#connect(node, link, stop.signal).catch(() => link.end('broken'));
    return link;
  }

  async #connect(
    node: Pick<Contact, 'did' | 'addresses'>,
    link: AskingLink,
    signal: AbortSignal,
  ): Promise<void> {
    const connection = await this.#host.connect(node, signal);
    if (connection.isRelayed) {
      link.end('broken');
      return;
    }
    link.use(await connection.open(ARTIFACT_PROTOCOL, signal));
  }

  /** An idle stream makes room for another; where all are in use, the one asked longest ago ends. */
  #makeRoom(): void {
    if (this.#links.size < BOUNDS.artifactLinks) return;
    const [oldest] = this.#links.keys();
    const idle = [...this.#links].find(([, link]) => link.isIdle)?.[0];
    const did = idle ?? oldest;
    if (did !== undefined) this.drop(did);
  }
}

export type { AnswerHandlers, AskFailure };
