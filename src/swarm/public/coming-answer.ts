import { BOUNDS } from '../../domain/bounds.js';
import {
  leafHash,
  pieceCount,
  pieceLengthBytes,
  treeRoot,
  unpackLeaves,
} from '../../domain/piece.js';
import type { Quarantine } from '../../ports/store.js';
import { MalformedFrame, type AnswerPart } from './artifact-frames.js';
import type { ClaimedTree, WantedArtifact } from './wanted-artifact.js';

/** What a whole answer turned out to be. */
export type Answered =
  | { type: 'tree'; tree: ClaimedTree }
  /** A tree that cannot be this artifact's, or is too long to be looked at. */
  | { type: 'impossible'; root: string; lengthBytes: number }
  | { type: 'pieces'; good: number[]; bad: number[]; bytes: number }
  | { type: 'whole'; body: Quarantine; bytes: number };

/** Takes an answer's bytes as they come. */
export interface ComingAnswer {
  /**
   * The next bytes of it. True where nothing more of it is wanted.
   * @throws MalformedFrame where they cannot be a part of it.
   */
  take(part: Pick<AnswerPart, 'data' | 'isLast' | 'tree'>): boolean;
  /** What came, once it is written. @throws XError DISK_FULL, IO_FAILED. */
  finish(): Promise<Answered>;
  /** Nothing of it counts. */
  drop(): void;
  /** Handed over and not written. */
  readonly unwrittenBytes: number;
}

/** Leaf hashes, checked against the root that they are said to have. */
export class ComingTree implements ComingAnswer {
  readonly unwrittenBytes = 0;
  readonly #atMostBytes: number;
  readonly #sizeBytes: number | undefined;
  #head: { root: string; lengthBytes: number } | undefined;
  #isImpossible = false;
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor({ wanted: { sizeBytes }, atMostBytes }: WantedArtifact) {
    this.#sizeBytes = sizeBytes;
    this.#atMostBytes = atMostBytes;
  }

  take({ data, isLast, tree }: Pick<AnswerPart, 'data' | 'isLast' | 'tree'>): boolean {
    if ((this.#head === undefined) === (tree === undefined))
      throw new MalformedFrame('a tree begins once');
    this.#head ??= tree;
    const { lengthBytes = 0 } = this.#head ?? {};
    const isOther = this.#sizeBytes !== undefined && lengthBytes !== this.#sizeBytes;
    if (isOther || lengthBytes > this.#atMostBytes) {
      this.#isImpossible = true;
      return true;
    }
    this.#parts.push(Uint8Array.from(data));
    this.#bytes += data.length;
    const wantedBytes = 32 * pieceCount(lengthBytes);
    if (this.#bytes > wantedBytes || (isLast && this.#bytes < wantedBytes))
      throw new MalformedFrame('a tree of another length');
    if (isLast) this.#requireRoot();
    return isLast;
  }

  finish(): Promise<Answered> {
    const { root = '', lengthBytes = 0 } = this.#head ?? {};
    if (this.#isImpossible) return Promise.resolve({ type: 'impossible', root, lengthBytes });
    return Promise.resolve({ type: 'tree', tree: { root, lengthBytes, leaves: this.#leaves() } });
  }

  drop(): void {
    this.#parts.length = 0;
  }

  #leaves(): Uint8Array[] {
    return unpackLeaves(Buffer.concat(this.#parts)) ?? [];
  }

  #requireRoot(): void {
    const root = Buffer.from(treeRoot(this.#leaves())).toString('hex');
    if (root !== this.#head?.root) throw new MalformedFrame('leaves of another root');
  }
}

/** Pieces of the tree in use, each checked as soon as it is there. */
export class ComingPieces implements ComingAnswer {
  unwrittenBytes = 0;
  readonly #artifact: WantedArtifact;
  readonly #tree: ClaimedTree;
  readonly #end: number;
  #next: number;
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #bytes = 0;
  readonly #good: number[] = [];
  readonly #bad: number[] = [];
  readonly #writing: Promise<void>[] = [];
  #isDropped = false;

  constructor(artifact: WantedArtifact, tree: ClaimedTree, first: number, count: number) {
    this.#artifact = artifact;
    this.#tree = tree;
    this.#next = first;
    this.#end = Math.min(first + count, pieceCount(tree.lengthBytes));
  }

  /** How many pieces are here whole, good or bad. */
  get came(): number {
    return this.#good.length + this.#bad.length;
  }

  take({ data, isLast, tree }: Pick<AnswerPart, 'data' | 'isLast' | 'tree'>): boolean {
    if (tree !== undefined) throw new MalformedFrame('a tree where pieces were asked for');
    let at = 0;
    while (at < data.length && this.#next < this.#end) {
      const wanted = pieceLengthBytes(this.#tree.lengthBytes, this.#next) - this.#partBytes;
      const part = data.subarray(at, at + wanted);
      at += part.length;
      this.#parts.push(part);
      this.#partBytes += part.length;
      this.#bytes += part.length;
      if (part.length < wanted) break;
      if (!this.#piece()) return true;
    }
    if (at < data.length) throw new MalformedFrame('more than was asked for');
    if (isLast && this.#next < this.#end) throw new MalformedFrame('less than was asked for');
    return this.#next >= this.#end;
  }

  async finish(): Promise<Answered> {
    await this.settle();
    return { type: 'pieces', good: this.#good, bad: this.#bad, bytes: this.#bytes };
  }

  drop(): void {
    this.#isDropped = true;
    this.#parts = [];
  }

  /** Resolves when what came is written, for who can make its sender wait. */
  async settle(): Promise<void> {
    await Promise.all(this.#writing.splice(0));
  }

  /** Whether the piece that is complete fits the tree. */
  #piece(): boolean {
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#partBytes = 0;
    const index = this.#next++;
    const leaf = this.#tree.leaves[index];
    if (leaf === undefined || Buffer.compare(leafHash(bytes), leaf) !== 0) {
      this.#bad.push(index);
      return false;
    }
    this.#good.push(index);
    if (this.#isDropped) return true;
    this.unwrittenBytes += bytes.length;
    const writing = this.#artifact.keep(this.#tree, index, bytes).finally(() => {
      this.unwrittenBytes -= bytes.length;
    });
    // Met in `finish`, or nobody's any more.
    writing.catch(() => undefined);
    this.#writing.push(writing);
    return true;
  }
}

/** All of an artifact from its beginning, in a quarantine of its own. */
export class ComingWhole implements ComingAnswer {
  unwrittenBytes = 0;
  readonly #artifact: WantedArtifact;
  readonly #body: Quarantine;
  #bytes = 0;
  #isHandedOver = false;
  readonly #writing = new Set<Promise<void>>();
  #failure: { error: unknown } | undefined;

  constructor(artifact: WantedArtifact) {
    this.#artifact = artifact;
    this.#body = artifact.quarantine();
  }

  take({ data, isLast, tree }: Pick<AnswerPart, 'data' | 'isLast' | 'tree'>): boolean {
    const { wanted, atMostBytes } = this.#artifact;
    if (tree !== undefined) throw new MalformedFrame('a tree where bytes were asked for');
    if (this.#bytes + data.length > atMostBytes) throw new MalformedFrame('more than there is');
    const at = this.#bytes;
    this.#bytes += data.length;
    if (isLast && wanted.sizeBytes !== undefined && this.#bytes < wanted.sizeBytes)
      throw new MalformedFrame('less than there is');
    this.#write(at, data);
    this.#artifact.progress(this.#bytes);
    return isLast;
  }

  async finish(): Promise<Answered> {
    await this.settle();
    this.#isHandedOver = true;
    return { type: 'whole', body: this.#body, bytes: this.#bytes };
  }

  drop(): void {
    if (!this.#isHandedOver) void this.#body.discard();
  }

  /** Resolves when what came is written, for who can make its sender wait. @throws XError DISK_FULL, IO_FAILED. */
  async settle(): Promise<void> {
    await Promise.all(this.#writing);
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #write(at: number, data: Uint8Array): void {
    this.unwrittenBytes += data.length;
    const writing = this.#body
      .write(at, data)
      .catch((error: unknown) => {
        this.#failure ??= { error };
      })
      .finally(() => {
        this.unwrittenBytes -= data.length;
        this.#writing.delete(writing);
      });
    this.#writing.add(writing);
  }
}

/** Whether it comes faster than it is written. */
export function isAhead({ unwrittenBytes }: ComingAnswer): boolean {
  return unwrittenBytes > BOUNDS.quarantineUnwrittenBytes;
}
