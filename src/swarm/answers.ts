import { Uint8ArrayList } from 'uint8arraylist';
import type { Sha256 } from '../domain/digest.js';
import { joined, lengthOf, partsOf, type PieceBytes } from '../domain/piece.js';
import { PieceFrame } from './messages.pb.js';
import { wireBytes } from './wire-bytes.js';

export interface LeafBytes {
  leaf: number;
  bytes: PieceBytes;
}

/** A PieceFrame as it was received, its pieces in the parts that they arrived in. */
export type ReceivedFrame = Omit<PieceFrame, 'answer'> & {
  answer?: { id: number; pieces: LeafBytes[] } | undefined;
};

// Field number and wire type, as protobuf packs them.
const MANIFEST = 0x0a;
const ANSWER = 0x2a;
const ID = 0x08;
const PIECE = 0x12;
const LEAF = 0x08;
const DATA = 0x12;

const DIGEST_BYTES = 32;
/** As messages.pb.proto has it. */
const PIECES = 256;
/** What is shorter is copied: many small parts cost more than their bytes. */
const COPIED_BYTES = 16 << 10;
/** A piece that came in more parts than this is joined. */
const PARTS = 64;

/**
 * The frame `PieceFrame { manifest, answer { id, pieces } }`, the same bytes that protons would write,
 * with the pieces referred to instead of copied.
 */
export function encodeAnswer(
  manifest: Sha256,
  id: number,
  pieces: readonly LeafBytes[],
): Uint8ArrayList {
  const sizes = pieces.map(({ leaf, bytes }) => {
    const data = lengthOf(bytes);
    const header = (leaf === 0 ? 0 : 1 + varintBytes(leaf)) + 1 + varintBytes(data);
    return { data, piece: header + data };
  });
  let answer = id === 0 ? 0 : 1 + varintBytes(id);
  let referred = 0;
  for (const { data, piece } of sizes) {
    answer += 1 + varintBytes(piece) + piece;
    if (data >= COPIED_BYTES) referred += data;
  }
  const copied = 2 + DIGEST_BYTES + 1 + varintBytes(answer) + answer - referred;
  const out = new FrameWriter(copied);
  out.tag(MANIFEST, DIGEST_BYTES);
  out.copy(Buffer.from(manifest, 'hex'));
  out.tag(ANSWER, answer);
  if (id !== 0) out.tag(ID, id);
  pieces.forEach(({ leaf, bytes }, at) => {
    const { data, piece } = sizes[at] ?? { data: 0, piece: 0 };
    out.tag(PIECE, piece);
    if (leaf !== 0) out.tag(LEAF, leaf);
    out.tag(DATA, data);
    for (const part of partsOf(bytes)) {
      if (data >= COPIED_BYTES) out.refer(part);
      else out.copy(part);
    }
  });
  return out.finish();
}

/** @throws Error where the frame is malformed. */
export function decodeFrame(frame: Uint8ArrayList): ReceivedFrame {
  const answer = decodeAnswer(frame);
  if (answer !== undefined) return answer;
  const general = PieceFrame.decode(frame);
  if (general.answer === undefined) return { ...general, answer: undefined };
  const { id, pieces } = general.answer;
  return {
    ...general,
    answer: { id, pieces: pieces.map(({ leaf, data }) => ({ leaf, bytes: data })) },
  };
}

/** Undefined where the frame is anything but a manifest and an answer as `encodeAnswer` writes them. */
function decodeAnswer(frame: Uint8ArrayList): ReceivedFrame | undefined {
  const reader = new FrameReader(frame);
  if (reader.byte() !== MANIFEST || reader.varint() !== DIGEST_BYTES) return undefined;
  const digest = reader.take(DIGEST_BYTES);
  if (digest === undefined || reader.byte() !== ANSWER) return undefined;
  if (reader.varint() !== reader.left) return undefined;
  let id = 0;
  const pieces: LeafBytes[] = [];
  let tag = reader.byte();
  if (tag === ID) {
    id = reader.varint() ?? -1;
    tag = reader.byte();
  }
  for (; tag !== undefined; tag = reader.byte()) {
    const piece = tag === PIECE && pieces.length < PIECES ? decodePiece(reader) : undefined;
    if (piece === undefined) return undefined;
    pieces.push(piece);
  }
  if (id < 0) return undefined;
  return { manifest: wireBytes(joined(digest)), bye: false, answer: { id, pieces } };
}

function decodePiece(reader: FrameReader): LeafBytes | undefined {
  const length = reader.varint();
  if (length === undefined) return undefined;
  const leftAfter = reader.left - length;
  let leaf = 0;
  let tag = reader.byte();
  if (tag === LEAF) {
    leaf = reader.varint() ?? -1;
    tag = reader.byte();
  }
  if (tag !== DATA || leaf < 0) return undefined;
  const parts = reader.take(reader.varint() ?? -1);
  if (parts === undefined || reader.left !== leftAfter) return undefined;
  return { leaf, bytes: parts.length > PARTS ? joined(parts) : parts };
}

function varintBytes(value: number): number {
  let bytes = 1;
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) bytes++;
  return bytes;
}

class FrameWriter {
  readonly #list = new Uint8ArrayList();
  readonly #copied: Buffer;
  #start = 0;
  #at = 0;

  constructor(copiedBytes: number) {
    this.#copied = Buffer.allocUnsafe(copiedBytes);
  }

  tag(tag: number, value: number): void {
    this.#copied[this.#at++] = tag;
    let rest = value;
    for (; rest >= 128; rest = Math.floor(rest / 128))
      this.#copied[this.#at++] = (rest % 128) | 128;
    this.#copied[this.#at++] = rest;
  }

  copy(bytes: Uint8Array): void {
    this.#copied.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  refer(bytes: Uint8Array): void {
    this.#cut();
    this.#list.append(bytes);
  }

  finish(): Uint8ArrayList {
    this.#cut();
    return this.#list;
  }

  #cut(): void {
    if (this.#at > this.#start) this.#list.append(this.#copied.subarray(this.#start, this.#at));
    this.#start = this.#at;
  }
}

/** Reads from the front of a list; whatever is not there is undefined. */
class FrameReader {
  readonly #parts: Uint8Array[];
  #part = 0;
  #at = 0;
  left: number;

  constructor(frame: Uint8ArrayList) {
    this.#parts = [...frame];
    this.left = frame.byteLength;
  }

  byte(): number | undefined {
    const part = this.#current();
    if (part === undefined) return undefined;
    this.left--;
    return part[this.#at++];
  }

  /** Up to 32 bits. */
  varint(): number | undefined {
    let value = 0;
    for (let shift = 1; shift <= 2 ** 28; shift *= 128) {
      const byte = this.byte();
      if (byte === undefined) return undefined;
      value += (byte & 127) * shift;
      if (byte < 128) return value <= 0xffffffff ? value : undefined;
    }
    return undefined;
  }

  take(length: number): Uint8Array[] | undefined {
    if (length < 0 || length > this.left) return undefined;
    const taken: Uint8Array[] = [];
    let wanted = length;
    while (wanted > 0) {
      const part = this.#current();
      if (part === undefined) return undefined;
      const bytes = part.subarray(this.#at, this.#at + wanted);
      taken.push(bytes);
      this.#at += bytes.length;
      wanted -= bytes.length;
    }
    this.left -= length;
    return taken;
  }

  #current(): Uint8Array | undefined {
    while (this.#at >= (this.#parts[this.#part]?.length ?? Infinity)) {
      this.#part++;
      this.#at = 0;
    }
    return this.#parts[this.#part];
  }
}
