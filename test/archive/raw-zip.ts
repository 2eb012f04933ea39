import { crc32 } from 'node:zlib';

/** One entry of a zip file made by hand, with whatever an attacker may write into its headers. */
export interface RawEntry {
  name: string | Buffer;
  bytes: Buffer;
  method?: number;
  flags?: number;
  /** What the central directory says, where it lies. */
  sizeBytes?: number;
  compressedBytes?: number;
  mode?: number;
  /** Points at the local header of another entry. */
  sameAs?: number;
}

/** A zip file of these entries, without any check. */
export function rawZip(entries: readonly RawEntry[], claimedCount = entries.length): Buffer {
  const parts: Buffer[] = [];
  const central: Buffer[] = [];
  const offsets: number[] = [];
  let offset = 0;
  const add = (part: Buffer): void => {
    parts.push(part);
    offset += part.length;
  };
  for (const entry of entries) {
    const name = Buffer.from(entry.name);
    offsets.push(entry.sameAs === undefined ? offset : (offsets[entry.sameAs] ?? 0));
    const header = Buffer.alloc(30);
    header.writeUInt32LE(0x04034b50, 0);
    header.writeUInt16LE(20, 4);
    header.writeUInt16LE(entry.flags ?? 0, 6);
    header.writeUInt16LE(entry.method ?? 0, 8);
    header.writeUInt32LE(crc32(entry.bytes), 14);
    header.writeUInt32LE(entry.bytes.length, 18);
    header.writeUInt32LE(entry.bytes.length, 22);
    header.writeUInt16LE(name.length, 26);
    if (entry.sameAs === undefined) for (const part of [header, name, entry.bytes]) add(part);
    const record = Buffer.alloc(46);
    record.writeUInt32LE(0x02014b50, 0);
    record.writeUInt16LE((3 << 8) | 20, 4);
    record.writeUInt16LE(20, 6);
    record.writeUInt16LE(entry.flags ?? 0, 8);
    record.writeUInt16LE(entry.method ?? 0, 10);
    record.writeUInt32LE(crc32(entry.bytes), 16);
    record.writeUInt32LE(entry.compressedBytes ?? entry.sizeBytes ?? entry.bytes.length, 20);
    record.writeUInt32LE(entry.sizeBytes ?? entry.bytes.length, 24);
    record.writeUInt16LE(name.length, 28);
    record.writeUInt32LE(((entry.mode ?? 0o100644) << 16) >>> 0, 38);
    record.writeUInt32LE(offsets.at(-1) ?? 0, 42);
    central.push(record, name);
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(claimedCount, 8);
  end.writeUInt16LE(claimedCount, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, directory, end]);
}
