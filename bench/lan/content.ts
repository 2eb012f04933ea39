import { createCipheriv, createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const KIB = 1 << 10;
const MIB = 1 << 20;
const CHUNK_BYTES = 1 << 20;

/** One file of a benchmark's content. Its bytes follow from the seed and its path. */
export interface ContentFile {
  path: string;
  lengthBytes: number;
}

export function totalBytes(files: readonly ContentFile[]): number {
  return files.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
}

/** One file of half the total, 2,000 of 1 to 200 KB, and the rest in files of 1 to 20 MB. */
export function mixedContent(seed: string, total = 256 * MIB): ContentFile[] {
  const scale = total / (256 * MIB);
  const files = [{ path: 'large/half.bin', lengthBytes: total / 2 }];
  for (let i = 0; i < Math.round(2000 * scale); i += 1) {
    const lengthBytes = Math.round(between(1_000, 200_000, chance(seed, `small ${i}`)));
    files.push({ path: `small/${String(i % 50).padStart(2, '0')}/${i}.bin`, lengthBytes });
  }
  let left = total - totalBytes(files);
  for (let i = 0; left > 0; i += 1) {
    const wanted = Math.round(between(1e6, 20e6, chance(seed, `medium ${i}`)));
    const lengthBytes = left - wanted < 1e6 ? left : wanted;
    files.push({ path: `medium/${i}.bin`, lengthBytes });
    left -= lengthBytes;
  }
  return files;
}

export function equalContent(count: number, lengthBytes = 4 * KIB): ContentFile[] {
  return Array.from({ length: count }, (_, i) => ({
    path: `${String(i % 100).padStart(2, '0')}/${i}.bin`,
    lengthBytes,
  }));
}

/** A file of 4 GiB, the rest in files of 1 MB to 1 GB. */
export function largeContent(seed: string, total: number): ContentFile[] {
  const files = [{ path: 'huge.bin', lengthBytes: Math.round(total * 0.4) }];
  let left = total - totalBytes(files);
  for (let i = 0; left > 0; i += 1) {
    const wanted = Math.round(between(1e6, 1e9, chance(seed, `large ${i}`)));
    const lengthBytes = left - wanted < 1e6 ? left : wanted;
    files.push({ path: `large/${i}.bin`, lengthBytes });
    left -= lengthBytes;
  }
  return files;
}

/** Bytes that do not compress: a key stream of AES-128 in counter mode. */
export async function* bytesOf(seed: string, file: ContentFile): AsyncGenerator<Uint8Array> {
  const key = createHash('sha256').update(`${seed}/${file.path}`).digest();
  const stream = createCipheriv('aes-128-ctr', key.subarray(0, 16), key.subarray(16));
  const zeros = Buffer.alloc(Math.min(CHUNK_BYTES, file.lengthBytes));
  for (let left = file.lengthBytes; left > 0; left -= zeros.length)
    yield stream.update(zeros.subarray(0, Math.min(left, zeros.length)));
}

/** Writes the files below a folder. */
export async function writeContent(
  folder: string,
  seed: string,
  files: readonly ContentFile[],
): Promise<void> {
  for (const file of files) {
    const path = join(folder, file.path);
    await mkdir(dirname(path), { recursive: true });
    await pipeline(Readable.from(bytesOf(seed, file)), createWriteStream(path));
  }
}

/** A number from 0 to 1 that follows from its name. */
function chance(seed: string, name: string): number {
  return createHash('sha256').update(`${seed}:${name}`).digest().readUInt32BE(0) / 2 ** 32;
}

/** Log-uniform: as many between 1 and 2 KB as between 100 and 200 KB, as packages are. */
function between(low: number, high: number, share: number): number {
  return low * (high / low) ** share;
}
