/** A set of leaf numbers below `length`, a bit each. */
export class Bitmap {
  readonly length: number;
  /** 32 leaves a word, lowest bit first. Read-only outside this class. */
  readonly words: Uint32Array;
  #count = 0;

  constructor(length: number) {
    this.length = length;
    this.words = new Uint32Array((length + 31) >>> 5);
  }

  static full(length: number): Bitmap {
    const bitmap = new Bitmap(length);
    bitmap.addRange(0, length);
    return bitmap;
  }

  get count(): number {
    return this.#count;
  }

  has(leaf: number): boolean {
    return ((this.words[leaf >>> 5] ?? 0) & (1 << (leaf & 31))) !== 0;
  }

  /** Whether it was not in before. */
  add(leaf: number): boolean {
    if (leaf < 0 || leaf >= this.length || this.has(leaf)) return false;
    this.words[leaf >>> 5] = (this.words[leaf >>> 5] ?? 0) | (1 << (leaf & 31));
    this.#count++;
    return true;
  }

  /** Whether it was in before. */
  delete(leaf: number): boolean {
    if (!this.has(leaf)) return false;
    this.words[leaf >>> 5] = (this.words[leaf >>> 5] ?? 0) & ~(1 << (leaf & 31));
    this.#count--;
    return true;
  }

  addRange(first: number, count: number): void {
    const end = Math.min(first + count, this.length);
    let leaf = first;
    while (leaf < end) {
      if ((leaf & 31) === 0 && leaf + 32 <= end && this.words[leaf >>> 5] === 0) {
        this.words[leaf >>> 5] = 0xffffffff;
        this.#count += 32;
        leaf += 32;
      } else this.add(leaf++);
    }
  }

  /** How many of the `count` leaves from `first` on are in. */
  countIn(first: number, count: number): number {
    const end = Math.min(first + count, this.length);
    let found = 0;
    let leaf = Math.max(first, 0);
    while (leaf < end) {
      if ((leaf & 31) === 0 && leaf + 32 <= end) {
        found += bitsOf(this.words[leaf >>> 5] ?? 0);
        leaf += 32;
      } else found += this.has(leaf++) ? 1 : 0;
    }
    return found;
  }

  /** How much of each of `parts` equal parts is in, in whole percent rounded down. */
  percentages(parts: number): number[] {
    const shown = Math.min(parts, this.length);
    const edge = (part: number): number => Math.floor((part * this.length) / shown);
    return Array.from({ length: shown }, (_, part) => {
      const count = edge(part + 1) - edge(part);
      return Math.floor((this.countIn(edge(part), count) * 100) / count);
    });
  }

  clear(): void {
    this.words.fill(0);
    this.#count = 0;
  }

  toArray(): number[] {
    const leaves: number[] = [];
    this.forEach((leaf) => leaves.push(leaf));
    return leaves;
  }

  forEach(visit: (leaf: number) => void): void {
    scan(
      this.length,
      0,
      (word) => this.words[word] ?? 0,
      (leaf) => {
        visit(leaf);
        return true;
      },
    );
  }
}

function bitsOf(word: number): number {
  let bits = word - ((word >>> 1) & 0x55555555);
  bits = (bits & 0x33333333) + ((bits >>> 2) & 0x33333333);
  return (((bits + (bits >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24;
}

/**
 * Visits every leaf whose bit is set in `wordAt`, from `start` on and around, until `visit` says
 * false. Empty words cost one step, so sparse sets of millions of leaves stay cheap.
 */
export function scan(
  length: number,
  start: number,
  wordAt: (word: number) => number,
  visit: (leaf: number) => boolean,
): void {
  if (length === 0) return;
  const words = (length + 31) >>> 5;
  const firstWord = start >>> 5;
  for (let step = 0; step <= words; step++) {
    const word = (firstWord + step) % words;
    let bits = wordAt(word);
    if (bits === 0) continue;
    const below = (1 << (start & 31)) - 1;
    // The first word is visited twice: its upper part first, the part below `start` at the end.
    if (step === 0) bits &= ~below;
    else if (step === words) bits &= below;
    while (bits !== 0) {
      const lowest = bits & -bits;
      const leaf = (word << 5) + (31 - Math.clz32(lowest));
      if (leaf < length && !visit(leaf)) return;
      bits ^= lowest;
    }
  }
}

const RAW = 0;
const RUNS = 1;

/**
 * The wire form: one byte of kind, then either the words' bytes (little-endian, cut to the length)
 * or, where that is shorter, run lengths as varints, alternately absent and present, absent first.
 */
export function encodeBitmap(bitmap: Bitmap): Uint8Array {
  const rawBytes = (bitmap.length + 7) >>> 3;
  const runs: number[] = [RUNS];
  let present = false;
  let from = 0;
  for (let leaf = 0; leaf < bitmap.length && runs.length <= rawBytes;) {
    const word = bitmap.words[leaf >>> 5] ?? 0;
    if ((leaf & 31) === 0 && word === (present ? 0xffffffff : 0)) {
      leaf += 32;
      continue;
    }
    if (bitmap.has(leaf) !== present) {
      pushVarint(runs, leaf - from);
      present = !present;
      from = leaf;
    }
    leaf++;
  }
  if (present) pushVarint(runs, bitmap.length - from);
  if (runs.length <= rawBytes) return Uint8Array.from(runs);

  const raw = new Uint8Array(1 + rawBytes);
  raw[0] = RAW;
  for (let i = 0; i < rawBytes; i++) {
    raw[1 + i] = ((bitmap.words[i >>> 2] ?? 0) >>> ((i & 3) * 8)) & 0xff;
  }
  return raw;
}

/** The set that `bytes` encode over `length` leaves, or undefined where they are malformed. */
export function decodeBitmap(bytes: Uint8Array, length: number): Bitmap | undefined {
  if (bytes[0] === RAW) return decodeRaw(bytes, length);
  if (bytes[0] !== RUNS) return undefined;
  const bitmap = new Bitmap(length);
  let present = false;
  let leaf = 0;
  let at = 1;
  while (at < bytes.length) {
    let run = 0;
    let scale = 1;
    for (;;) {
      const byte = bytes[at++];
      if (byte === undefined || scale > 2 ** 28) return undefined;
      run += (byte & 0x7f) * scale;
      scale *= 128;
      if (byte < 0x80) break;
    }
    if (leaf + run > length) return undefined;
    if (present) bitmap.addRange(leaf, run);
    leaf += run;
    present = !present;
  }
  return bitmap;
}

function decodeRaw(bytes: Uint8Array, length: number): Bitmap | undefined {
  if (bytes.length !== 1 + ((length + 7) >>> 3)) return undefined;
  const bitmap = new Bitmap(length);
  for (let i = 1; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    for (let bit = 0; bit < 8; bit++) {
      if ((byte & (1 << bit)) !== 0) {
        const leaf = (i - 1) * 8 + bit;
        if (leaf >= length) return undefined;
        bitmap.add(leaf);
      }
    }
  }
  return bitmap;
}

function pushVarint(into: number[], value: number): void {
  while (value >= 128) {
    into.push((value % 128) | 0x80);
    value = Math.floor(value / 128);
  }
  into.push(value);
}
