import type { Uint8ArrayList } from 'uint8arraylist';
import { BOUNDS } from '../../domain/bounds.js';
import type { Digests } from '../../domain/digest.js';
import type { Portion } from '../../network/events.js';
import { wireBytes } from '../wire-bytes.js';
import { ArtifactFrame } from './artifact.pb.js';

export const ARTIFACT_PROTOCOL = '/x/artifact/1';

/** A question: which artifact, what of it, and of pieces the root that they are to fit. */
export interface ArtifactAsk {
  id: number;
  digests: Digests;
  portion: Portion;
  /** Hex. */
  root: string | undefined;
}

/** `absent`: not held, or not public. */
export type Refusal = 'absent' | 'other-tree' | 'busy';

export interface AnswerPart {
  id: number;
  data: Uint8Array;
  isLast: boolean;
  /** Of the first part of a tree. */
  tree: { root: string; lengthBytes: number } | undefined;
}

export type ArtifactMessage =
  | { type: 'network'; id: Uint8Array }
  | ({ type: 'ask' } & ArtifactAsk)
  | { type: 'cancel'; id: number }
  | ({ type: 'part' } & AnswerPart)
  | { type: 'refusal'; id: number; reason: Refusal };

/** A peer does not speak the protocol. */
export class MalformedFrame extends Error {
  override readonly name = 'MalformedFrame';
}

/** Whether a stream ended for what its other side sent: a frame that is none, or one that is too long. */
export function isNonsense(error: Error | undefined): boolean {
  return (
    error !== undefined &&
    /^(?:MalformedFrame|InvalidMessageLengthError|InvalidParametersError)$/.test(error.name)
  );
}

const REFUSALS: readonly Refusal[] = ['absent', 'other-tree', 'busy'];
const KINDS: readonly Portion['kind'][] = ['tree', 'pieces', 'whole'];

export function encodeMessage(message: ArtifactMessage): Uint8Array {
  return ArtifactFrame.encode(fieldsOf(message));
}

function fieldsOf(message: ArtifactMessage): Partial<ArtifactFrame> {
  switch (message.type) {
    case 'network':
      return { network: wireBytes(message.id) };
    case 'cancel':
      return { cancel: message.id };
    case 'refusal':
      return { refusal: { id: message.id, reason: REFUSALS.indexOf(message.reason) } };
    case 'ask': {
      const { id, digests, portion, root } = message;
      const { first, count } = portion.kind === 'pieces' ? portion : { first: 0, count: 0 };
      const { sha256, sha512 } = digests;
      const kind = KINDS.indexOf(portion.kind);
      return {
        ask: {
          id,
          kind,
          first,
          count,
          ...(sha256 === undefined ? {} : { sha256: bytesOf(sha256) }),
          ...(sha512 === undefined ? {} : { sha512: bytesOf(sha512) }),
          ...(root === undefined ? {} : { root: bytesOf(root) }),
        },
      };
    }
    case 'part': {
      const { id, data, isLast, tree } = message;
      return {
        part: {
          id,
          data: wireBytes(data),
          last: isLast,
          ...(tree === undefined ? {} : { root: bytesOf(tree.root), length: tree.lengthBytes }),
        },
      };
    }
  }
}

/** @throws MalformedFrame for everything but what `encodeMessage` can write. */
export function decodeMessage(bytes: Uint8ArrayList): ArtifactMessage {
  let frame: ArtifactFrame;
  try {
    frame = ArtifactFrame.decode(bytes);
  } catch (error) {
    throw new MalformedFrame('a frame that is none', { cause: error });
  }
  const { network, ask, cancel, part, refusal } = frame;
  const fields = [network, ask, cancel, part, refusal].filter((field) => field !== undefined);
  if (fields.length !== 1) throw new MalformedFrame('a frame says one thing');
  if (network !== undefined) return { type: 'network', id: Uint8Array.from(network) };
  if (ask !== undefined) return { type: 'ask', ...askOf(ask) };
  if (cancel !== undefined) return { type: 'cancel', id: cancel };
  if (refusal !== undefined) {
    const reason = REFUSALS[refusal.reason];
    if (reason === undefined) throw new MalformedFrame('a refusal without a reason');
    return { type: 'refusal', id: refusal.id, reason };
  }
  return { type: 'part', ...partOf(part as NonNullable<typeof part>) };
}

function askOf(ask: NonNullable<ArtifactFrame['ask']>): ArtifactAsk {
  const digests = { sha256: hexOf(ask.sha256, 32), sha512: hexOf(ask.sha512, 64) };
  if (digests.sha256 === undefined && digests.sha512 === undefined)
    throw new MalformedFrame('a question without a digest');
  const root = hexOf(ask.root, 32);
  const kind = KINDS[ask.kind];
  const { id, first, count } = ask;
  if (kind === undefined) throw new MalformedFrame('a question for nothing');
  if (kind !== 'pieces') return { id, digests, portion: { kind }, root };
  const isRun = count >= 1 && count <= BOUNDS.runPieces && first <= BOUNDS.leaves;
  if (!isRun || root === undefined) throw new MalformedFrame('a question for no run of pieces');
  return { id, digests, portion: { kind, first, count }, root };
}

function partOf(part: NonNullable<ArtifactFrame['part']>): AnswerPart {
  const root = hexOf(part.root, 32);
  const { id, data, last, length } = part;
  if (data.length > BOUNDS.runBytes) throw new MalformedFrame('too much in one part');
  if ((root === undefined) !== (length === undefined))
    throw new MalformedFrame('half of the beginning of a tree');
  const tree =
    root === undefined || length === undefined ? undefined : { root, lengthBytes: length };
  if (tree !== undefined && tree.lengthBytes > BOUNDS.artifactBytes)
    throw new MalformedFrame('a tree of more than an artifact');
  return { id, data, isLast: last, tree };
}

function hexOf(bytes: Uint8Array | undefined, length: number): string | undefined {
  if (bytes === undefined) return undefined;
  if (bytes.length !== length) throw new MalformedFrame(`${length} bytes are wanted`);
  return Buffer.from(bytes).toString('hex');
}

function bytesOf(hex: string): Uint8Array<ArrayBuffer> {
  return wireBytes(Buffer.from(hex, 'hex'));
}
