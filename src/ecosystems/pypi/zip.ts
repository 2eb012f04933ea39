import { crc32, inflateRawSync } from 'node:zlib';
import { BOUNDS } from '../../domain/bounds.js';
import { messageOf, XError } from '../../domain/errors.js';

/** Bytes that can be read from any place: a file, a blob of the store, an address that does ranges. */
export interface RandomReader {
  readonly lengthBytes: number;
  /** Exactly the bytes from `start` to `end`, exclusive. */
  read(start: number, end: number): Promise<Uint8Array>;
}

/** One file of a zip, as the central directory names it. */
export interface ZipEntry {
  /** As stored: judge it before using it as a path. */
  name: string;
  method: number;
  isEncrypted: boolean;
  crc32: number;
  compressedBytes: number;
  sizeBytes: number;
  headerOffset: number;
}

const END_SIZE = 22;
const MAX_COMMENT = 0xffff;
const ZIP64_LOCATOR_SIZE = 20;
const MAX_ENTRIES = 2_000_000;

/**
 * Reads a zip's central directory, bounded by `wheelDirectoryBytes`.
 * @param where names the file in errors.
 * @throws XError UPSTREAM_MALFORMED, LIMIT_EXCEEDED; what the reader throws.
 * @see https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT section 4.3
 */
export async function readZipDirectory(reader: RandomReader, where: string): Promise<ZipEntry[]> {
  const tailStart = Math.max(reader.lengthBytes - END_SIZE - MAX_COMMENT - ZIP64_LOCATOR_SIZE, 0);
  const tail = viewOf(await reader.read(tailStart, reader.lengthBytes));
  const at = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (at < 0 || at + END_SIZE > tail.length) throw malformed(where, 'no end of central directory');
  let count = tail.readUInt16LE(at + 10);
  let sizeBytes = tail.readUInt32LE(at + 12);
  let offset = tail.readUInt32LE(at + 16);
  if (count === 0xffff || sizeBytes === 0xffffffff || offset === 0xffffffff) {
    const end64 = await readEnd64(reader, tail, at, where);
    count = Number(end64.readBigUInt64LE(32));
    sizeBytes = Number(end64.readBigUInt64LE(40));
    offset = Number(end64.readBigUInt64LE(48));
  }
  if (sizeBytes > BOUNDS.wheelDirectoryBytes || count > MAX_ENTRIES) {
    throw new XError('LIMIT_EXCEEDED', `${where}: the zip's directory has ${sizeBytes} bytes`);
  }
  if (offset + sizeBytes > reader.lengthBytes) throw malformed(where, 'directory outside the file');
  const directory = viewOf(await reader.read(offset, offset + sizeBytes));
  return parseDirectory(directory, count, where);
}

async function readEnd64(
  reader: RandomReader,
  tail: Buffer,
  endAt: number,
  where: string,
): Promise<Buffer> {
  const locator = endAt - ZIP64_LOCATOR_SIZE;
  if (locator < 0 || tail.readUInt32LE(locator) !== 0x07064b50) {
    throw malformed(where, 'no zip64 locator');
  }
  const offset = Number(tail.readBigUInt64LE(locator + 8));
  if (offset + 56 > reader.lengthBytes) throw malformed(where, 'zip64 record outside the file');
  const end64 = viewOf(await reader.read(offset, offset + 56));
  if (end64.readUInt32LE(0) !== 0x06064b50) throw malformed(where, 'no zip64 record');
  return end64;
}

function parseDirectory(directory: Buffer, count: number, where: string): ZipEntry[] {
  const entries: ZipEntry[] = [];
  let at = 0;
  while (entries.length < count) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== 0x02014b50) {
      throw malformed(where, `directory entry ${entries.length + 1} is damaged`);
    }
    const nameEnd = at + 46 + directory.readUInt16LE(at + 28);
    const extraEnd = nameEnd + directory.readUInt16LE(at + 30);
    const next = extraEnd + directory.readUInt16LE(at + 32);
    if (next > directory.length) throw malformed(where, 'directory entry is cut off');
    const entry: ZipEntry = {
      name: directory.toString('utf8', at + 46, nameEnd),
      method: directory.readUInt16LE(at + 10),
      isEncrypted: (directory.readUInt16LE(at + 8) & 1) === 1,
      crc32: directory.readUInt32LE(at + 16),
      compressedBytes: directory.readUInt32LE(at + 20),
      sizeBytes: directory.readUInt32LE(at + 24),
      headerOffset: directory.readUInt32LE(at + 42),
    };
    applyZip64(entry, directory.subarray(nameEnd, extraEnd));
    entries.push(entry);
    at = next;
  }
  return entries;
}

/** The 64-bit extra field holds, in this order, only those values that the 32-bit ones could not. */
function applyZip64(entry: ZipEntry, extra: Buffer): void {
  let at = 0;
  while (at + 4 <= extra.length) {
    const end = at + 4 + extra.readUInt16LE(at + 2);
    if (extra.readUInt16LE(at) === 1) {
      let value = at + 4;
      for (const key of ['sizeBytes', 'compressedBytes', 'headerOffset'] as const) {
        if (entry[key] !== 0xffffffff || value + 8 > Math.min(end, extra.length)) continue;
        entry[key] = Number(extra.readBigUInt64LE(value));
        value += 8;
      }
    }
    at = end;
  }
}

/**
 * Reads one entry whole, its CRC checked.
 * @throws XError UPSTREAM_MALFORMED, LIMIT_EXCEEDED past `maxBytes`, whatever the directory claims.
 */
export async function readZipEntry(
  reader: RandomReader,
  entry: ZipEntry,
  maxBytes: number,
  where: string,
): Promise<Uint8Array> {
  const name = `${where}: ${entry.name}`;
  if (entry.sizeBytes > maxBytes || entry.compressedBytes > maxBytes) {
    throw new XError(
      'LIMIT_EXCEEDED',
      `${name} has ${entry.sizeBytes} bytes, more than ${maxBytes}`,
    );
  }
  if (entry.isEncrypted) throw malformed(name, 'encrypted');
  const header = await readInside(reader, entry.headerOffset, 30, name);
  if (header.readUInt32LE(0) !== 0x04034b50) throw malformed(name, 'no local header');
  const start = entry.headerOffset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28);
  const stored = await readInside(reader, start, entry.compressedBytes, name);
  const bytes = open(stored, entry, maxBytes, name);
  if (bytes.length !== entry.sizeBytes || crc32(bytes) !== entry.crc32) {
    throw malformed(name, 'its length or CRC is not what the directory says');
  }
  return bytes;
}

async function readInside(
  reader: RandomReader,
  start: number,
  length: number,
  name: string,
): Promise<Buffer> {
  if (start + length > reader.lengthBytes) throw malformed(name, 'outside the file');
  return viewOf(await reader.read(start, start + length));
}

function open(stored: Buffer, entry: ZipEntry, maxBytes: number, name: string): Uint8Array {
  if (entry.method === 0) return stored;
  if (entry.method !== 8) throw malformed(name, `unknown compression method ${entry.method}`);
  try {
    return inflateRawSync(stored, {
      maxOutputLength: Math.max(Math.min(entry.sizeBytes, maxBytes), 1),
    });
  } catch (thrown) {
    throw malformed(name, messageOf(thrown));
  }
}

/** The same memory, as a Buffer. */
export function viewOf({ buffer, byteOffset, length }: Uint8Array): Buffer {
  return Buffer.from(buffer, byteOffset, length);
}

function malformed(where: string, problem: string): XError {
  return new XError('UPSTREAM_MALFORMED', `${where}: not a readable zip: ${problem}`);
}
