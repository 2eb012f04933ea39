import assert from 'node:assert/strict';
import { pieceCount } from '../../../src/domain/piece.js';
import type { Origin } from '../../../src/domain/plan.js';
import type {
  Portion,
  Provider,
  SelectorAction,
  SelectorEvent,
} from '../../../src/network/events.js';
import type { Selector } from '../../../src/network/selector.js';
import type { VirtualTime } from '../virtual-time.js';

/**
 * What an answer is, without its bytes: `content` names them. A tree's root is its content's name, so
 * a piece fits a tree where both have the same; the publisher's digest holds for the name 'true'.
 */
export type Answer =
  | { type: 'tree'; content: string; lengthBytes: number }
  | { type: 'bytes'; content: string }
  | { type: 'failed'; reason: 'absent' | 'other-tree' | 'malformed' | 'broken' };

/** The world that a driver acts in. */
export interface Surroundings {
  time: VirtualTime;
  /** Calls `found` as often as it likes, then `searched` once. */
  lookUp(
    fetch: number,
    found: (providers: readonly Provider[]) => void,
    searched: () => void,
  ): void;
  /** Calls `heard` whenever so many bytes have arrived, then `answer` once, or neither. */
  ask(
    request: {
      fetch: number;
      ask: number;
      provider: Provider;
      portion: Portion;
      bytes: number;
      root: string | undefined;
    },
    heard: (bytes: number) => void,
    answer: (answer: Answer) => void,
  ): void;
  cancelled?(ask: number): void;
  blamed?(provider: string, reason: string): void;
}

export interface Outcome {
  fetch: number;
  isFinished: boolean;
  bytes: ReadonlyMap<Origin, number>;
  fellBack: string | undefined;
  reason?: string;
  startedMs: number;
  tookMs: number;
  asks: number;
}

interface Open {
  lengthBytes: number;
  startedMs: number;
  root: string | undefined;
  /** Content of each piece in quarantine. */
  pieces: (string | undefined)[];
  whole: string | undefined;
  fellBack: string | undefined;
  asks: number;
  done: (outcome: Outcome) => void;
}

/** Does what a selector says, as the driver over libp2p will, with names instead of bytes. */
export class FetchDriver {
  readonly #selector: Selector;
  readonly #world: Surroundings;
  readonly #open = new Map<number, Open>();
  readonly #asks = new Map<number, { fetch: number; portion: Portion; bytes: number }>();
  #wakeMs = Infinity;
  #next = 1;

  constructor(selector: Selector, world: Surroundings) {
    this.#selector = selector;
    this.#world = world;
  }

  get size(): number {
    return this.#open.size;
  }

  /** The number that the next fetch will have. */
  get next(): number {
    return this.#next;
  }

  fetch(
    input: { lengthBytes: number; isLengthKnown: boolean; providers: readonly Provider[] },
    done: (outcome: Outcome) => void,
  ): number {
    const { lengthBytes, isLengthKnown, providers } = input;
    const fetch = this.#next++;
    const startedMs = this.#world.time.now;
    const open = { lengthBytes, startedMs, root: undefined, pieces: [], whole: undefined };
    this.#open.set(fetch, { ...open, fellBack: undefined, asks: 0, done });
    this.tell({
      type: 'wanted',
      fetch,
      lengthBytes: isLengthKnown ? lengthBytes : undefined,
      providers,
    });
    return fetch;
  }

  tell(event: SelectorEvent): void {
    for (const action of this.#selector.handle(event, this.#world.time.now)) this.#act(action);
  }

  #act(action: SelectorAction): void {
    const { time } = this.#world;
    switch (action.type) {
      case 'look-up': {
        const { fetch } = action;
        this.#world.lookUp(
          fetch,
          (providers) => this.tell({ type: 'found', fetch, providers }),
          () => this.tell({ type: 'searched', fetch }),
        );
        return;
      }
      case 'ask':
        this.#ask(action);
        return;
      case 'cancel':
        this.#asks.delete(action.ask);
        this.#world.cancelled?.(action.ask);
        return;
      case 'use-tree': {
        const open = this.#of(action.fetch);
        open.root = action.root;
        open.pieces = new Array<string | undefined>(pieceCount(open.lengthBytes)).fill(undefined);
        return;
      }
      case 'check': {
        const open = this.#of(action.fetch);
        const all = open.whole === undefined ? open.pieces : [open.whole];
        assert.ok(
          all.every((piece) => piece !== undefined),
          'what is checked is there',
        );
        const matches = all.every((piece) => piece === 'true');
        // Hashing takes no time here, but its answer comes later.
        time.after(0, () => this.tell({ type: 'checked', fetch: action.fetch, matches }));
        return;
      }
      case 'discard': {
        const open = this.#open.get(action.fetch);
        if (open !== undefined)
          Object.assign(open, { root: undefined, pieces: [], whole: undefined });
        return;
      }
      case 'blame':
        this.#world.blamed?.(action.provider, action.reason);
        return;
      case 'fell-back': {
        const open = this.#of(action.fetch);
        assert.equal(open.fellBack, undefined, 'the user sees one line');
        open.fellBack = action.reason;
        return;
      }
      case 'finished': {
        const open = this.#of(action.fetch);
        const all = open.whole === undefined ? open.pieces : [open.whole];
        assert.ok(all.length > 0 && all.every((piece) => piece === 'true'), 'wrong bytes accepted');
        this.#end(action.fetch, action.bytes);
        return;
      }
      case 'failed':
        this.#end(action.fetch, undefined, action.reason);
        return;
      case 'wake':
        this.#wake(action.atMs);
    }
  }

  #ask({ fetch, ask, provider, portion }: Extract<SelectorAction, { type: 'ask' }>): void {
    const open = this.#of(fetch);
    open.asks += 1;
    const bytes = bytesOf(portion, open);
    this.#asks.set(ask, { fetch, portion, bytes });
    this.#world.ask(
      { fetch, ask, provider, portion, bytes, root: open.root },
      (arrived) => {
        if (this.#asks.has(ask)) this.tell({ type: 'heard', ask, bytes: arrived });
      },
      (answer) => this.#answered(ask, answer),
    );
  }

  #answered(ask: number, answer: Answer): void {
    const asked = this.#asks.get(ask);
    if (asked === undefined) return;
    this.#asks.delete(ask);
    const { fetch, portion, bytes } = asked;
    const open = this.#of(fetch);
    if (answer.type === 'failed') {
      this.tell({ type: 'failed', ask, reason: answer.reason });
    } else if (answer.type === 'tree') {
      this.tell({ type: 'claimed', ask, root: answer.content, lengthBytes: answer.lengthBytes });
    } else if (portion.kind === 'pieces') {
      const all = Array.from({ length: portion.count }, (_, i) => portion.first + i);
      const fits = answer.content === open.root;
      if (fits) for (const index of all) open.pieces[index] ??= answer.content;
      const [good, bad] = fits ? [all, []] : [[], all];
      this.tell({ type: 'answered', ask, good, bad, bytes });
    } else {
      open.whole = answer.content;
      this.tell({ type: 'answered', ask, good: [], bad: [], bytes });
    }
  }

  #of(fetch: number): Open {
    const open = this.#open.get(fetch);
    assert.ok(open, 'an action is about a fetch that is open');
    return open;
  }

  #end(fetch: number, bytes: ReadonlyMap<Origin, number> | undefined, reason?: string): void {
    const { done, startedMs, fellBack, asks } = this.#of(fetch);
    this.#open.delete(fetch);
    done({
      fetch,
      isFinished: bytes !== undefined,
      bytes: bytes ?? new Map(),
      fellBack,
      ...(reason === undefined ? {} : { reason }),
      startedMs,
      tookMs: this.#world.time.now - startedMs,
      asks,
    });
  }

  /** One timer: the last word counts, and an earlier one that is set already only looks in vain. */
  #wake(atMs: number): void {
    const { time } = this.#world;
    if (this.#wakeMs <= atMs && this.#wakeMs > time.now) return;
    this.#wakeMs = atMs;
    time.at(atMs, () => {
      if (this.#wakeMs !== atMs) return;
      this.#wakeMs = Infinity;
      if (this.#open.size > 0) this.tell({ type: 'tick' });
    });
  }
}

function bytesOf(portion: Portion, { lengthBytes }: Open): number {
  if (portion.kind === 'whole') return lengthBytes;
  if (portion.kind === 'tree') return 32 * pieceCount(lengthBytes);
  const piece = 256 * 1024;
  const end = Math.min(lengthBytes, (portion.first + portion.count) * piece);
  return end - portion.first * piece;
}
