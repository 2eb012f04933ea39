import { pieceCount, PIECE_SIZE_BYTES, pieceLengthBytes } from '../../domain/piece.js';
import type { Portion } from '../../network/events.js';
import type { OfficialSource } from '../../ports/public-swarm.js';
import { MalformedFrame } from './artifact-frames.js';
import { ComingPieces, ComingWhole, type Answered } from './coming-answer.js';
import { isOwnFailure } from './own-failure.js';
import type { ClaimedTree, WantedArtifact } from './wanted-artifact.js';

/** Bytes are told of so often at most while a body comes. */
const HEARD_EVERY_MS = 100;

export interface OfficialAsk {
  source: OfficialSource;
  artifact: WantedArtifact;
  portion: Portion;
  signal: AbortSignal;
  now: () => number;
  onHeard: (bytes: number) => void;
}

/**
 * Asks the official source as any other provider: for pieces by a range, where the server does them, or
 * for all of it. Of a body that breaks in the middle those pieces count that came.
 * @throws XError as Upstream.open, DISK_FULL, IO_FAILED; MalformedFrame where it is not the length it should be.
 */
export async function askOfficial(ask: OfficialAsk): Promise<Answered> {
  const { artifact, portion } = ask;
  if (portion.kind !== 'pieces') return whole(ask);
  const { tree } = artifact;
  if (tree === undefined) throw new MalformedFrame('pieces of no tree');
  return pieces(ask, tree, portion);
}

async function whole({ source, artifact, signal, ...ask }: OfficialAsk): Promise<Answered> {
  const coming = new ComingWhole(artifact);
  try {
    const { stream, lengthBytes } = await source.open(0, signal);
    const { sizeBytes } = artifact.wanted;
    if (sizeBytes !== undefined && lengthBytes !== undefined && lengthBytes !== sizeBytes) {
      await leave(stream);
      throw new MalformedFrame('a body of another length');
    }
    const meter = metered(ask);
    for await (const data of stream) {
      signal.throwIfAborted();
      // The source's memory is its own again once the next chunk is asked for.
      coming.take({ data: Uint8Array.from(data), isLast: false, tree: undefined });
      await coming.settle();
      meter(data.length);
    }
    coming.take({ data: new Uint8Array(0), isLast: true, tree: undefined });
    return await coming.finish();
  } catch (error) {
    coming.drop();
    throw error;
  }
}

async function pieces(
  { source, artifact, signal, ...ask }: OfficialAsk,
  tree: ClaimedTree,
  { first, count }: { first: number; count: number },
): Promise<Answered> {
  // No more than is wanted: what else is on its way when it is left comes over the line in vain.
  const endBytes = Math.min((first + count) * PIECE_SIZE_BYTES, tree.lengthBytes);
  const body = await source.open(first * PIECE_SIZE_BYTES, signal, endBytes);
  if (body.lengthBytes !== undefined && body.lengthBytes !== tree.lengthBytes) {
    await leave(body.stream);
    return ofAnotherLength(artifact, first);
  }
  // A server without ranges sends what lies before, and that is wanted as well.
  const from = body.offset === 0 ? 0 : first;
  const end = Math.min(first + count, pieceCount(tree.lengthBytes));
  const coming = new ComingPieces(artifact, tree, from, end - from);
  const wantedBytes = bytesOf(tree, from, end);
  let bytes = 0;
  const meter = metered(ask);
  try {
    for await (const chunk of body.stream) {
      signal.throwIfAborted();
      const data = Uint8Array.from(chunk.subarray(0, wantedBytes - bytes));
      bytes += data.length;
      meter(data.length);
      const isDone = coming.take({ data, isLast: false, tree: undefined });
      await coming.settle();
      if (isDone) return await coming.finish();
    }
  } catch (error) {
    if (coming.came === 0 || signal.aborted || isOwnFailure(error)) throw error;
    return coming.finish();
  }
  // All of it came, from its beginning, and it ends before what is wanted.
  if (from < first) return ofAnotherLength(artifact, first);
  if (coming.came === 0) throw new MalformedFrame('less than was asked for');
  return coming.finish();
}

/**
 * Pieces that the tree has and the file has not: the tree is false, unless it has the length that the
 * publisher's index says. Asked for again they would not come either.
 * @throws MalformedFrame where it is the source that is wrong.
 */
function ofAnotherLength({ wanted }: WantedArtifact, first: number): Answered {
  if (wanted.sizeBytes !== undefined) throw new MalformedFrame('a body of another length');
  return { type: 'pieces', good: [], bad: [first], bytes: 0 };
}

/** One that was never begun would hold its connection. */
async function leave(stream: AsyncIterable<Uint8Array>): Promise<void> {
  for await (const _ of stream) return;
}

function bytesOf({ lengthBytes }: ClaimedTree, first: number, end: number): number {
  if (end <= first) return 0;
  return (end - 1 - first) * PIECE_SIZE_BYTES + pieceLengthBytes(lengthBytes, end - 1);
}

function metered({ now, onHeard }: Pick<OfficialAsk, 'now' | 'onHeard'>): (bytes: number) => void {
  let waiting = 0;
  let toldMs = -Infinity;
  return (bytes) => {
    waiting += bytes;
    const nowMs = now();
    if (nowMs - toldMs < HEARD_EVERY_MS) return;
    toldMs = nowMs;
    onHeard(waiting);
    waiting = 0;
  };
}
