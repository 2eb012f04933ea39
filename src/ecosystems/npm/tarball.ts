import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { BOUNDS } from '../../domain/bounds.js';
import { isSafePath } from '../../domain/bundle.js';
import { messageOf, XError } from '../../domain/errors.js';

const BLOCK = 512;
/** Long names and pax records are a few kilobytes. */
const MAX_META_BYTES = 1 << 20;

interface Header {
  name: string;
  sizeBytes: number;
  type: string;
}

/**
 * Reads single files out of an npm tarball in one bounded pass; what is not asked for is skipped
 * unread. As npm does on install, the first folder of every path is dropped and the last entry of
 * a name wins.
 * @param wanted paths below the package's folder: `package.json`.
 * @returns undefined for a file that is not there.
 * @throws XError UPSTREAM_MALFORMED where it is no gzipped tar; LIMIT_EXCEEDED.
 * @see https://pubs.opengroup.org/onlinepubs/9699919799/utilities/pax.html (ustar and pax)
 */
export async function readFromTarball<Name extends string>(
  tarball: AsyncIterable<Uint8Array>,
  wanted: readonly Name[],
  what: string,
): Promise<Record<Name, Uint8Array | undefined>> {
  const found = Object.fromEntries(wanted.map((name) => [name, undefined])) as Record<
    Name,
    Uint8Array | undefined
  >;
  const isWanted = (path: string): path is Name => (wanted as readonly string[]).includes(path);
  await eachFile(tarball, what, isWanted, (path, bytes) => (found[path] = bytes));
  return found;
}

/**
 * Reads the files below a folder of an npm tarball, in one bounded pass.
 * @param folder below the package's own, with a slash behind it: `include/`.
 * @returns bytes by path; paths are safe to write below a folder.
 * @throws XError as readFromTarball; UPSTREAM_MALFORMED for a path that leads elsewhere.
 */
export async function readFolderFromTarball(
  tarball: AsyncIterable<Uint8Array>,
  folder: string,
  what: string,
): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>();
  const isBelow = (path: string): path is string => path.startsWith(folder);
  await eachFile(tarball, what, isBelow, (path, bytes) => {
    if (!isSafePath(path))
      throw malformed(what, `a path that leads elsewhere: ${path.slice(0, 200)}`);
    if (found.size >= BOUNDS.placedBlobs) throw tooLarge(what, `${BOUNDS.placedBlobs} files`);
    found.set(path, bytes);
  });
  return found;
}

async function eachFile<Name extends string>(
  tarball: AsyncIterable<Uint8Array>,
  what: string,
  isWanted: (path: string) => path is Name,
  take: (path: Name, bytes: Uint8Array) => void,
): Promise<void> {
  const reader = new BlockReader(unzipped(tarball, what), what);
  let longName: string | undefined;
  let paxSizeBytes: number | undefined;
  for (let entries = 0; ; entries += 1) {
    if (entries > BOUNDS.tarballEntries) throw tooLarge(what, `${BOUNDS.tarballEntries} entries`);
    const block = await reader.read(BLOCK);
    if (block.length < BLOCK || block.every((byte) => byte === 0)) break;
    const header = parseHeader(block, what);
    const sizeBytes = paxSizeBytes ?? header.sizeBytes;
    if (header.type === 'x' || header.type === 'L' || header.type === 'g' || header.type === 'K') {
      const body = await reader.readPadded(checked(sizeBytes, MAX_META_BYTES, what));
      if (header.type === 'L') longName = text(body);
      if (header.type === 'x') {
        const pax = parsePax(body);
        longName = pax.path ?? longName;
        paxSizeBytes = pax.sizeBytes;
      }
      continue;
    }
    const path = packagePath(longName ?? header.name);
    longName = undefined;
    paxSizeBytes = undefined;
    if (!isFile(header.type) || !isWanted(path)) await reader.skipPadded(sizeBytes);
    else take(path, await reader.readPadded(checked(sizeBytes, BOUNDS.packageJsonBytes, what)));
  }
  await reader.end();
}

async function* unzipped(
  tarball: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  // A failure of the source destroys gunzip with the same error, which the loop below then throws.
  pipeline(Readable.from(tarball), gunzip, () => undefined);
  let total = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Uint8Array>) {
      total += chunk.length;
      if (total > BOUNDS.tarballUnpackedBytes) {
        throw tooLarge(what, `${BOUNDS.tarballUnpackedBytes} bytes unpacked`);
      }
      yield chunk;
    }
  } catch (thrown) {
    if (thrown instanceof XError) throw thrown;
    throw malformed(what, `no gzip: ${messageOf(thrown)}`, thrown);
  }
}

/** Bytes of a stream in the portions that are asked for, holding no more than one portion. */
class BlockReader {
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #what: string;
  #chunk: Uint8Array = new Uint8Array(0);
  #at = 0;

  constructor(source: AsyncIterable<Uint8Array>, what: string) {
    this.#source = source[Symbol.asyncIterator]();
    this.#what = what;
  }

  /** The next bytes; fewer at the end of the stream. */
  async read(length: number): Promise<Uint8Array> {
    const parts: Uint8Array[] = [];
    let missing = length;
    while (missing > 0 && (await this.#fill())) {
      const part = this.#chunk.subarray(this.#at, this.#at + missing);
      this.#at += part.length;
      missing -= part.length;
      parts.push(part);
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }

  async readPadded(length: number): Promise<Uint8Array> {
    const bytes = await this.read(length);
    if (bytes.length < length) throw malformed(this.#what, 'a tar that breaks off');
    await this.skip(padding(length));
    return bytes;
  }

  async skipPadded(length: number): Promise<void> {
    await this.skip(length + padding(length));
  }

  async skip(length: number): Promise<void> {
    let missing = length;
    while (missing > 0 && (await this.#fill())) {
      const step = Math.min(missing, this.#chunk.length - this.#at);
      this.#at += step;
      missing -= step;
    }
    if (missing > 0 && missing > BLOCK) throw malformed(this.#what, 'a tar that breaks off');
  }

  /** Reads to the end, so that the compressed stream's own checksum is checked. */
  async end(): Promise<void> {
    this.#at = this.#chunk.length;
    while (await this.#fill()) this.#at = this.#chunk.length;
  }

  async #fill(): Promise<boolean> {
    while (this.#at >= this.#chunk.length) {
      const next = await this.#source.next();
      if (next.done === true) return false;
      this.#chunk = next.value;
      this.#at = 0;
    }
    return true;
  }
}

function parseHeader(block: Uint8Array, what: string): Header {
  const stated = octal(block.subarray(148, 156));
  let sum = 0;
  for (const [at, byte] of block.entries()) sum += at >= 148 && at < 156 ? 0x20 : byte;
  if (stated !== sum) throw malformed(what, 'no tar: a header checksum is wrong');
  const sizeBytes = sizeOf(block.subarray(124, 136));
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0)
    throw malformed(what, 'no tar: a size is wrong');
  const prefix = text(block.subarray(257, 262)) === 'ustar' ? text(block.subarray(345, 500)) : '';
  const name = text(block.subarray(0, 100));
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    sizeBytes,
    type: String.fromCharCode(block[156] ?? 0),
  };
}

/** A size field: octal, or base-256 where its first bit is set (GNU). */
function sizeOf(field: Uint8Array): number {
  if (((field[0] ?? 0) & 0x80) === 0) return octal(field);
  return field.subarray(1).reduce((value, byte) => value * 256 + byte, 0);
}

function octal(field: Uint8Array): number {
  const digits = text(field).trim();
  return /^[0-7]*$/.test(digits) ? Number.parseInt(digits === '' ? '0' : digits, 8) : Number.NaN;
}

function text(field: Uint8Array): string {
  const end = field.indexOf(0);
  return Buffer.from(end < 0 ? field : field.subarray(0, end)).toString('utf8');
}

/** Records of `length key=value\n`. */
function parsePax(body: Uint8Array): { path: string | undefined; sizeBytes: number | undefined } {
  let path: string | undefined;
  let sizeBytes: number | undefined;
  for (const record of Buffer.from(body).toString('utf8').split('\n')) {
    const match = /^\d+ (path|size)=(.*)$/s.exec(record);
    if (match?.[1] === 'path') path = match[2];
    if (match?.[1] === 'size' && /^\d{1,15}$/.test(match[2] ?? '')) sizeBytes = Number(match[2]);
  }
  return { path, sizeBytes };
}

/** The path below the package's folder, whatever that folder is called. */
function packagePath(path: string): string {
  const parts = path.split('/').filter((part) => part !== '' && part !== '.');
  return parts.slice(1).join('/');
}

function isFile(type: string): boolean {
  return type === '0' || type === '\0' || type === '7';
}

function padding(length: number): number {
  return (BLOCK - (length % BLOCK)) % BLOCK;
}

function checked(sizeBytes: number, limit: number, what: string): number {
  if (sizeBytes > limit) throw tooLarge(what, `${limit} bytes in a file that is read`);
  return sizeBytes;
}

function tooLarge(what: string, limit: string): XError {
  return new XError('LIMIT_EXCEEDED', `${what}: more than ${limit}`);
}

function malformed(what: string, reason: string, cause?: unknown): XError {
  return new XError('UPSTREAM_MALFORMED', `${what}: ${reason}`, {
    hint: 'The tarball is not one that npm could unpack.',
    cause,
  });
}
