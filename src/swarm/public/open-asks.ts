import type { Portion, Provider, SelectorAction, SelectorEvent } from '../../network/events.js';
import type { ArtifactClient } from './artifact-client.js';
import type { AnswerPart } from './artifact-frames.js';
import type { AnswerHandlers, AskFailure } from './asking-link.js';
import {
  ComingPieces,
  ComingTree,
  ComingWhole,
  isAhead,
  type Answered,
  type ComingAnswer,
} from './coming-answer.js';
import { askOfficial } from './official-ask.js';
import { isOwnFailure } from './own-failure.js';
import type { WantedArtifact } from './wanted-artifact.js';

export interface OpenAsksDeps {
  client: ArtifactClient;
  now: () => number;
  tell: (event: SelectorEvent) => void;
  /** This machine cannot go on with it: its disk is full. */
  fail: (artifact: WantedArtifact, error: unknown) => void;
  /** It does not have what it was said to have. */
  onAbsent: (artifact: WantedArtifact, provider: Provider) => void;
}

interface Ask {
  artifact: WantedArtifact;
  stop: () => void;
}

/** The selector's open requests, at nodes and at the official source. */
export class OpenAsks {
  readonly #deps: OpenAsksDeps;
  readonly #asks = new Map<number, Ask>();

  constructor(deps: OpenAsksDeps) {
    this.#deps = deps;
  }

  open(
    artifact: WantedArtifact,
    { ask, provider, portion }: Extract<SelectorAction, { type: 'ask' }>,
  ): void {
    if (provider.origin === 'upstream') this.#askOfficial(artifact, ask, portion);
    else this.#askNode(artifact, ask, provider, portion);
  }

  cancel(id: number): void {
    const ask = this.#asks.get(id);
    this.#asks.delete(id);
    ask?.stop();
  }

  /** Everything that is asked for one artifact. */
  cancelAll(artifact: WantedArtifact): void {
    for (const [id, ask] of this.#asks) if (ask.artifact === artifact) this.cancel(id);
  }

  #askNode(artifact: WantedArtifact, id: number, provider: Provider, portion: Portion): void {
    const owner = artifact.owners.get(provider.id);
    const coming = comingOf(artifact, portion);
    if (owner === undefined || coming === undefined) {
      this.#deps.tell({ type: 'failed', ask: id, reason: 'broken' });
      return;
    }
    const handlers: AnswerHandlers = {
      onHeard: (bytes) => this.#deps.tell({ type: 'heard', ask: id, bytes }),
      onPart: (part) => this.#part(id, coming, part),
      onFailed: (reason) => this.#failed(id, reason, provider),
    };
    // Before it is asked: it may fail at once.
    const ask: Ask = { artifact, stop: () => coming.drop() };
    this.#asks.set(id, ask);
    const { digests } = artifact.wanted;
    const root = portion.kind === 'pieces' ? artifact.tree?.root : undefined;
    const asked = this.#deps.client.ask(owner, { digests, portion, root }, handlers);
    ask.stop = () => {
      asked.cancel();
      coming.drop();
    };
  }

  /** @throws MalformedFrame. */
  #part(id: number, coming: ComingAnswer, part: AnswerPart): void {
    const ask = this.#asks.get(id);
    if (ask === undefined) return;
    const isDone = coming.take(part);
    if (isDone) {
      void this.#finish(id, ask, coming, !part.isLast);
    } else if (isAhead(coming)) {
      this.cancel(id);
      this.#deps.tell({ type: 'failed', ask: id, reason: 'broken' });
    }
  }

  /** @param isCut more of it would come. */
  async #finish(id: number, ask: Ask, coming: ComingAnswer, isCut: boolean): Promise<void> {
    try {
      const answered = await coming.finish();
      if (this.#asks.get(id) !== ask) return;
      if (isCut) this.cancel(id);
      this.#answered(id, ask.artifact, answered);
    } catch (error) {
      if (this.#asks.has(id)) this.#deps.fail(ask.artifact, error);
    }
  }

  #answered(id: number, artifact: WantedArtifact, answered: Answered): void {
    this.#asks.delete(id);
    switch (answered.type) {
      case 'tree':
        artifact.claim(answered.tree);
        this.#claimed(id, answered.tree);
        return;
      case 'impossible':
        this.#claimed(id, answered);
        return;
      case 'whole':
        void artifact.whole?.discard();
        artifact.whole = answered.body;
        this.#deps.tell({ type: 'answered', ask: id, good: [], bad: [], bytes: answered.bytes });
        return;
      case 'pieces': {
        const { good, bad, bytes } = answered;
        this.#deps.tell({ type: 'answered', ask: id, good, bad, bytes });
      }
    }
  }

  #claimed(ask: number, { root, lengthBytes }: { root: string; lengthBytes: number }): void {
    this.#deps.tell({ type: 'claimed', ask, root, lengthBytes });
  }

  #failed(id: number, reason: AskFailure, provider: Provider): void {
    const ask = this.#asks.get(id);
    if (ask === undefined) return;
    this.#asks.delete(id);
    ask.stop();
    if (reason === 'absent') this.#deps.onAbsent(ask.artifact, provider);
    this.#deps.tell({ type: 'failed', ask: id, reason });
  }

  #askOfficial(artifact: WantedArtifact, id: number, portion: Portion): void {
    const { official } = artifact.wanted;
    if (official === undefined || official === 'elsewhere') {
      this.#deps.tell({ type: 'failed', ask: id, reason: 'broken' });
      return;
    }
    const stop = new AbortController();
    const ask: Ask = { artifact, stop: () => stop.abort() };
    this.#asks.set(id, ask);
    askOfficial({
      source: official,
      artifact,
      portion,
      signal: AbortSignal.any([stop.signal, artifact.stop.signal]),
      now: this.#deps.now,
      onHeard: (bytes) => this.#deps.tell({ type: 'heard', ask: id, bytes }),
    }).then(
      (answered) => {
        if (this.#asks.get(id) === ask) this.#answered(id, artifact, answered);
        else if (answered.type === 'whole') void answered.body.discard();
      },
      (error: unknown) => {
        if (this.#asks.get(id) !== ask) return;
        this.#asks.delete(id);
        if (isOwnFailure(error)) this.#deps.fail(artifact, error);
        // Why, the caller finds out who asks it as if there were no swarm.
        else this.#deps.tell({ type: 'failed', ask: id, reason: 'broken' });
      },
    );
  }
}

/** Undefined where there is no tree to check pieces against. */
function comingOf(artifact: WantedArtifact, portion: Portion): ComingAnswer | undefined {
  if (portion.kind === 'tree') return new ComingTree(artifact);
  if (portion.kind === 'whole') return new ComingWhole(artifact);
  const { tree } = artifact;
  return tree && new ComingPieces(artifact, tree, portion.first, portion.count);
}
