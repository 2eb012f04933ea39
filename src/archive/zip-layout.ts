/** The bytes of a zip file around its content (APPNOTE 6.3.10): stored entries, zip64 where sizes ask for it. */

/** DOS date of 1980-01-01, where it begins; the time is midnight. */
const DOS_DATE = 0x0021;
const REGULAR_FILE_0644 = 0o100644;
const MADE_BY_UNIX = 3;
const VERSION_PLAIN = 20;
const VERSION_ZIP64 = 45;
/** Flag bit 3: checksum and sizes follow the content. */
const FLAG_DESCRIPTOR = 0x0008;
const MAX_16 = 0xffff;
const MAX_32 = 0xffff_ffff;

/** Up to this size an entry's checksum is known before its header is written. */
export const BUFFERED_BYTES = 1 << 20;

/** An entry's place in the file. */
export interface PlacedEntry {
  name: string;
  lengthBytes: number;
  /** Of its local header. */
  offset: number;
}

export interface ZipLayout {
  entries: PlacedEntry[];
  directoryOffset: number;
  sizeBytes: number;
}

/** Where everything lies, and how large the file is, before a byte of it is written. */
export function layOut(items: readonly { name: string; lengthBytes: number }[]): ZipLayout {
  const entries: PlacedEntry[] = [];
  let at = 0;
  for (const { name, lengthBytes } of items) {
    entries.push({ name, lengthBytes, offset: at });
    at += localHeaderBytes(name, lengthBytes) + lengthBytes + descriptorBytes(lengthBytes);
  }
  const directoryOffset = at;
  for (const entry of entries) at += centralHeaderBytes(entry);
  const isLarge = needsZip64End(entries.length, at - directoryOffset, directoryOffset);
  return { entries, directoryOffset, sizeBytes: at + (isLarge ? 56 + 20 : 0) + 22 };
}

/** At most so many bytes are the container's own for one entry. */
export function entryOverheadBytes(name: string): number {
  return 30 + 20 + 24 + 46 + 28 + 2 * Buffer.byteLength(name);
}

/** At most so many bytes are the container's own for the file as a whole. */
export const FILE_OVERHEAD_BYTES = 56 + 20 + 22;

function isBuffered(lengthBytes: number): boolean {
  return lengthBytes <= BUFFERED_BYTES;
}

function localHeaderBytes(name: string, lengthBytes: number): number {
  return 30 + Buffer.byteLength(name) + (lengthBytes >= MAX_32 ? 20 : 0);
}

function descriptorBytes(lengthBytes: number): number {
  if (isBuffered(lengthBytes)) return 0;
  return lengthBytes >= MAX_32 ? 24 : 16;
}

/** @param crc32 where the entry is small enough for it to be known; 0 otherwise. */
export function localHeader({ name, lengthBytes }: PlacedEntry, crc32: number): Buffer {
  const isLarge = lengthBytes >= MAX_32;
  const known = isBuffered(lengthBytes);
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(isLarge ? VERSION_ZIP64 : VERSION_PLAIN, 4);
  header.writeUInt16LE(known ? 0 : FLAG_DESCRIPTOR, 6);
  header.writeUInt16LE(DOS_DATE, 12);
  header.writeUInt32LE(known ? crc32 : 0, 14);
  const size = isLarge ? MAX_32 : known ? lengthBytes : 0;
  header.writeUInt32LE(size, 18);
  header.writeUInt32LE(size, 22);
  header.writeUInt16LE(Buffer.byteLength(name), 26);
  header.writeUInt16LE(isLarge ? 20 : 0, 28);
  // Its presence says that the descriptor's sizes have 64 bits; the sizes themselves stand there.
  const extra = isLarge ? zip64Extra([0, 0]) : Buffer.alloc(0);
  return Buffer.concat([header, Buffer.from(name), extra]);
}

/** What follows the content of an entry whose header could not know its checksum. */
export function dataDescriptor({ lengthBytes }: PlacedEntry, crc32: number): Buffer {
  const bytes = Buffer.alloc(descriptorBytes(lengthBytes));
  if (bytes.length === 0) return bytes;
  bytes.writeUInt32LE(0x08074b50, 0);
  bytes.writeUInt32LE(crc32, 4);
  if (bytes.length === 16) {
    bytes.writeUInt32LE(lengthBytes, 8);
    bytes.writeUInt32LE(lengthBytes, 12);
  } else {
    bytes.writeBigUInt64LE(BigInt(lengthBytes), 8);
    bytes.writeBigUInt64LE(BigInt(lengthBytes), 16);
  }
  return bytes;
}

function largeFields({ lengthBytes, offset }: PlacedEntry): number[] {
  const sizes = lengthBytes >= MAX_32 ? [lengthBytes, lengthBytes] : [];
  return offset >= MAX_32 ? [...sizes, offset] : sizes;
}

function centralHeaderBytes(entry: PlacedEntry): number {
  const fields = largeFields(entry).length;
  return 46 + Buffer.byteLength(entry.name) + (fields === 0 ? 0 : 4 + 8 * fields);
}

function centralHeader(entry: PlacedEntry, crc32: number): Buffer {
  const { name, lengthBytes, offset } = entry;
  const fields = largeFields(entry);
  const version = fields.length > 0 ? VERSION_ZIP64 : VERSION_PLAIN;
  const header = Buffer.alloc(46);
  header.writeUInt32LE(0x02014b50, 0);
  header.writeUInt16LE((MADE_BY_UNIX << 8) | version, 4);
  header.writeUInt16LE(version, 6);
  header.writeUInt16LE(isBuffered(lengthBytes) ? 0 : FLAG_DESCRIPTOR, 8);
  header.writeUInt16LE(DOS_DATE, 14);
  header.writeUInt32LE(crc32, 16);
  header.writeUInt32LE(Math.min(lengthBytes, MAX_32), 20);
  header.writeUInt32LE(Math.min(lengthBytes, MAX_32), 24);
  header.writeUInt16LE(Buffer.byteLength(name), 28);
  header.writeUInt16LE(fields.length === 0 ? 0 : 4 + 8 * fields.length, 30);
  header.writeUInt32LE(REGULAR_FILE_0644 * 0x1_0000, 38);
  header.writeUInt32LE(Math.min(offset, MAX_32), 42);
  return Buffer.concat([header, Buffer.from(name), fields.length > 0 ? zip64Extra(fields) : EMPTY]);
}

const EMPTY = Buffer.alloc(0);

function zip64Extra(fields: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + 8 * fields.length);
  extra.writeUInt16LE(0x0001, 0);
  extra.writeUInt16LE(8 * fields.length, 2);
  fields.forEach((field, at) => extra.writeBigUInt64LE(BigInt(field), 4 + 8 * at));
  return extra;
}

function needsZip64End(count: number, directoryBytes: number, directoryOffset: number): boolean {
  return count >= MAX_16 || directoryBytes >= MAX_32 || directoryOffset >= MAX_32;
}

/** The central directory and what ends the file. @param crc32s one an entry. */
export function* directory(layout: ZipLayout, crc32s: readonly number[]): Generator<Buffer> {
  const { entries, directoryOffset } = layout;
  let bytes = 0;
  for (const [at, entry] of entries.entries()) {
    const header = centralHeader(entry, crc32s[at] ?? 0);
    bytes += header.length;
    yield header;
  }
  const count = entries.length;
  const isLarge = needsZip64End(count, bytes, directoryOffset);
  if (isLarge) {
    const record = Buffer.alloc(56 + 20);
    record.writeUInt32LE(0x06064b50, 0);
    record.writeBigUInt64LE(44n, 4);
    record.writeUInt16LE((MADE_BY_UNIX << 8) | VERSION_ZIP64, 12);
    record.writeUInt16LE(VERSION_ZIP64, 14);
    record.writeBigUInt64LE(BigInt(count), 24);
    record.writeBigUInt64LE(BigInt(count), 32);
    record.writeBigUInt64LE(BigInt(bytes), 40);
    record.writeBigUInt64LE(BigInt(directoryOffset), 48);
    record.writeUInt32LE(0x07064b50, 56);
    record.writeBigUInt64LE(BigInt(directoryOffset + bytes), 64);
    record.writeUInt32LE(1, 72);
    yield record;
  }
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(count, MAX_16), 8);
  end.writeUInt16LE(Math.min(count, MAX_16), 10);
  end.writeUInt32LE(Math.min(bytes, MAX_32), 12);
  end.writeUInt32LE(Math.min(directoryOffset, MAX_32), 16);
  yield end;
}
