import { hash } from 'node:crypto';
import { isDigest, type Sha256 } from './digest.js';

/** An exact set of digests: their salted 64-bit prefixes, sorted and delta-coded. */
export interface EncodedHeldSet {
  /** Hex, chosen afresh for each set: nobody can prepare a file whose prefix meets another's. */
  salt: string;
  count: number;
  /** Low bits of each delta that are written as they are; the rest of it is unary (Rice coding). */
  riceBits: number;
  bytes: Uint8Array;
}

/** What a machine said it holds. */
export interface HeldSet {
  readonly count: number;
  has(sha256: Sha256): boolean;
}

export const SALT_BYTES = 16;
const WORD_BITS = 64;

/** About 5.7 bytes a digest for a million of them. */
export function encodeHeldSet(digests: Iterable<Sha256>, salt: Uint8Array): EncodedHeldSet {
  const prefixes = [...new Set([...digests].map((digest) => prefixOf(salt, digest)))];
  const sorted = BigUint64Array.from(prefixes).sort();
  const riceBits = riceBitsFor(sorted.length);
  const bits = new BitWriter();
  let next = 0n;
  for (const prefix of sorted) {
    const delta = prefix - next;
    bits.unary(Number(delta >> BigInt(riceBits)));
    bits.low(delta, riceBits);
    next = prefix + 1n;
  }
  return {
    salt: Buffer.from(salt).toString('hex'),
    count: sorted.length,
    riceBits,
    bytes: bits.finish(),
  };
}

/** The set that was encoded; undefined where the bytes are none of that many strictly rising prefixes. */
export function decodeHeldSet({
  salt,
  count,
  riceBits,
  bytes,
}: EncodedHeldSet): HeldSet | undefined {
  const isSound =
    /^[0-9a-f]{32}$/.test(salt) &&
    Number.isInteger(riceBits) &&
    riceBits >= 0 &&
    riceBits < WORD_BITS &&
    Number.isSafeInteger(count) &&
    count >= 0 &&
    // A digest takes a bit at least: the count cannot promise more than the bytes could hold.
    count <= bytes.length * 8;
  if (!isSound) return undefined;
  const sorted = new BigUint64Array(count);
  const bits = new BitReader(bytes);
  let next = 0n;
  for (let at = 0; at < count; at += 1) {
    const quotient = bits.unary();
    const low = bits.low(riceBits);
    if (quotient === undefined || low === undefined) return undefined;
    const prefix = next + (BigInt(quotient) << BigInt(riceBits)) + low;
    if (prefix >> BigInt(WORD_BITS) !== 0n) return undefined;
    sorted[at] = prefix;
    next = prefix + 1n;
  }
  if (!bits.isAtEnd()) return undefined;
  const saltBytes = Buffer.from(salt, 'hex');
  return {
    count,
    has: (digest) => isDigest('sha256', digest) && includes(sorted, prefixOf(saltBytes, digest)),
  };
}

function prefixOf(salt: Uint8Array, digest: Sha256): bigint {
  const salted = Buffer.concat([salt, Buffer.from(digest, 'hex')]);
  return hash('sha256', salted, 'buffer').readBigUInt64BE();
}

/** The low bits that make the code shortest where `count` prefixes spread evenly over 64 bits. */
function riceBitsFor(count: number): number {
  if (count === 0) return 0;
  return Math.min(WORD_BITS - 1, Math.max(0, Math.floor(WORD_BITS - Math.log2(count) - 0.5)));
}

function includes(sorted: BigUint64Array, wanted: bigint): boolean {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as bigint) < wanted) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === wanted;
}

/** Bits from the highest of each byte down. */
class BitWriter {
  #bytes: Uint8Array = new Uint8Array(1024);
  #at = 0;

  unary(ones: number): void {
    for (let i = 0; i < ones; i += 1) this.#bit(1);
    this.#bit(0);
  }

  low(value: bigint, count: number): void {
    const high = Number((value >> 32n) & 0xffff_ffffn);
    const low = Number(value & 0xffff_ffffn);
    for (let i = count - 1; i >= 0; i -= 1) {
      this.#bit(i >= 32 ? (high >>> (i - 32)) & 1 : (low >>> i) & 1);
    }
  }

  finish(): Uint8Array {
    return this.#bytes.slice(0, Math.ceil(this.#at / 8));
  }

  #bit(bit: number): void {
    const byte = this.#at >>> 3;
    if (byte === this.#bytes.length) {
      const larger = new Uint8Array(this.#bytes.length * 2);
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    if (bit === 1) this.#bytes[byte] = (this.#bytes[byte] as number) | (0x80 >>> (this.#at & 7));
    this.#at += 1;
  }
}

class BitReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  unary(): number | undefined {
    for (let ones = 0; ; ones += 1) {
      const bit = this.#bit();
      if (bit === undefined) return undefined;
      if (bit === 0) return ones;
    }
  }

  low(count: number): bigint | undefined {
    let high = 0;
    let low = 0;
    for (let i = count - 1; i >= 0; i -= 1) {
      const bit = this.#bit();
      if (bit === undefined) return undefined;
      if (i >= 32) high = high * 2 + bit;
      else low = low * 2 + bit;
    }
    return (BigInt(high) << 32n) | BigInt(low);
  }

  /** Whether nothing but the filling of the last byte is left. */
  isAtEnd(): boolean {
    if (this.#bytes.length * 8 - this.#at >= 8) return false;
    while (this.#at < this.#bytes.length * 8) if (this.#bit() !== 0) return false;
    return true;
  }

  #bit(): number | undefined {
    const byte = this.#bytes[this.#at >>> 3];
    if (byte === undefined) return undefined;
    const bit = (byte >>> (7 - (this.#at & 7))) & 1;
    this.#at += 1;
    return bit;
  }
}
