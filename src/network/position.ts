import { createHash } from 'node:crypto';
import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import { formatDigest, type DigestAlgorithm, type Digests } from '../domain/digest.js';
import type { Random } from '../ports/random.js';

const WORDS = 8;

/**
 * A place among 2^256, of a node or of an artifact: eight big-endian words. What is near in the exclusive-or metric looks after
 * each other. The network's name is hashed in, so that keys of one network say nothing in another, and
 * so that a key tells an artifact only to who knows the artifact's digest.
 * @see https://doi.org/10.1007/3-540-45748-8_5 (Kademlia)
 */
export type Position = Uint32Array;

export function positionOfNode(network: string, did: Did): Position {
  return positionOf(`x node 1\n${network}\n${did}`);
}

export function positionOfDigest(
  network: string,
  algorithm: DigestAlgorithm,
  hex: string,
): Position {
  return positionOf(`x digest 1\n${network}\n${formatDigest(algorithm, hex)}`);
}

/** The places of an artifact, the one that is looked up first: sha256, where it is known. */
export function keysOf(network: string, { sha256, sha512 }: Digests): Position[] {
  const keys: Position[] = [];
  if (sha256 !== undefined) keys.push(positionOfDigest(network, 'sha256', sha256));
  if (sha512 !== undefined) keys.push(positionOfDigest(network, 'sha512', sha512));
  return keys;
}

/** What tells one network's messages from another's without naming it: 32 bytes. */
export function networkId(network: string): Uint8Array {
  return bytesOfPosition(positionOf(`x network 1\n${network}`));
}

/** Places of nodes, each hashed once; the one met first is forgotten first. */
export class NodePositions {
  readonly #network: string;
  readonly #limit: number;
  readonly #known = new Map<Did, Position>();

  constructor(network: string, limit: number = BOUNDS.knownNodes) {
    this.#network = network;
    this.#limit = limit;
  }

  of(did: Did): Position {
    const known = this.#known.get(did);
    if (known !== undefined) return known;
    const position = positionOfNode(this.#network, did);
    if (this.#known.size >= this.#limit) {
      const [oldest] = this.#known.keys();
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(did, position);
    return position;
  }
}

/** A place that shares just so many leading bits with this one, the rest drawn. */
export function positionSharing(own: Position, bits: number, random: Random): Position {
  const drawn = positionOfBytes(random.bytes(4 * WORDS)) as Position;
  return drawn.map((word, i) => {
    const shared = Math.min(32, Math.max(0, bits - 32 * i));
    const ours = own[i] ?? 0;
    const mask = shared === 0 ? 0 : (-1 << (32 - shared)) >>> 0;
    let mixed = ((ours & mask) | (word & ~mask)) >>> 0;
    // The first bit after those differs.
    const at = bits - 32 * i;
    if (at >= 0 && at < 32) {
      const bit = (1 << (31 - at)) >>> 0;
      mixed = ((mixed & ~bit) | (~ours & bit)) >>> 0;
    }
    return mixed;
  });
}

function positionOf(text: string): Position {
  const hash = createHash('sha256').update(text).digest();
  return Uint32Array.from({ length: WORDS }, (_, i) => hash.readUInt32BE(4 * i));
}

/** As 32 bytes, the form in which it is asked for. */
export function bytesOfPosition(position: Position): Uint8Array {
  const bytes = Buffer.alloc(4 * WORDS);
  position.forEach((word, i) => bytes.writeUInt32BE(word, 4 * i));
  return bytes;
}

/** The inverse of bytesOfPosition; undefined where it is not 32 bytes. */
export function positionOfBytes(bytes: Uint8Array): Position | undefined {
  if (bytes.length !== 4 * WORDS) return undefined;
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  return Uint32Array.from({ length: WORDS }, (_, i) => view.readUInt32BE(4 * i));
}

/** For maps: the same text for the same place. */
export function textOfPosition(position: Position): string {
  return Buffer.from(bytesOfPosition(position)).toString('base64url');
}

/** Negative where `a` is nearer to `key` than `b`, 0 where they are the same. */
export function compareDistance(key: Position, a: Position, b: Position): number {
  for (let i = 0; i < WORDS; i++) {
    const inA = ((a[i] ?? 0) ^ (key[i] ?? 0)) >>> 0;
    const inB = ((b[i] ?? 0) ^ (key[i] ?? 0)) >>> 0;
    if (inA !== inB) return inA < inB ? -1 : 1;
  }
  return 0;
}

/** How many leading bits two places share: 0 to 256. */
export function sharedBits(a: Position, b: Position): number {
  for (let i = 0; i < WORDS; i++) {
    const difference = ((a[i] ?? 0) ^ (b[i] ?? 0)) >>> 0;
    if (difference !== 0) return 32 * i + Math.clz32(difference);
  }
  return 32 * WORDS;
}
