/** One file inside a volume, its length known beforehand. */
export interface VolumeItem {
  /** A path of lower-case ASCII letters, digits, `.`, `-`, `_` and `/`. */
  name: string;
  lengthBytes: number;
  /**
   * Exactly `lengthBytes` bytes; opened once, when its turn comes. A chunk has been used up when the
   * next one is asked for.
   */
  open(): AsyncIterable<Uint8Array>;
}

/** What is written is checked in runs of so many bytes. */
export const CHECKED_BYTES = 1 << 20;

export interface WriteOptions {
  /** Told of bytes as they are done; negative where they have to be done again. */
  onBytes?: ((count: number) => void) | undefined;
  /** Checks are SHA-256 in hex rather than a cheap checksum. */
  strong?: boolean | undefined;
  signal?: AbortSignal | undefined;
}

export interface WrittenVolume {
  sizeBytes: number;
  /** One for each CHECKED_BYTES, the last run shorter. */
  checks: string[];
  /** `kept`: it was there already, byte for byte. */
  state: 'written' | 'kept';
}

/** Writes volumes: one zip file each, stored, the same bytes for the same items. */
export interface VolumeWriter {
  /** At most so many bytes are the container's own for one item, beside the item's. */
  itemOverheadBytes(name: string): number;
  /** At most so many bytes are the container's own for a volume as a whole. */
  readonly volumeOverheadBytes: number;
  /** How large a volume of these items is, to the byte. */
  sizeOf(items: readonly VolumeItem[]): number;
  /** A volume's bytes in chunks of CHECKED_BYTES, the last one shorter. */
  bytes(items: readonly VolumeItem[]): AsyncIterable<Uint8Array>;
  /**
   * Writes a volume under a temporary name beside `path`, flushes it and renames it: under `path`
   * there is a whole volume or what was there before. What is there already and right is kept, and
   * what an earlier run left under the temporary name is continued. Folders are created.
   * @throws XError DISK_FULL, IO_FAILED; what an item's `open` throws. An item of another length
   *   than it says is an assertion's failure.
   */
  write(path: string, items: readonly VolumeItem[], options?: WriteOptions): Promise<WrittenVolume>;
}

export interface MediumSpace {
  /** Undefined where the file system does not know. */
  freeBytes: number | undefined;
  /** The largest file that the file system takes, where it has such a bound. */
  maxFileBytes: number | undefined;
}

export interface ReadBack {
  onBytes?: ((count: number) => void) | undefined;
  signal?: AbortSignal | undefined;
}

/** What volumes are written to. */
export interface Medium {
  /** Of the file system that a folder is on, or would be. */
  space(folder: string): Promise<MediumSpace>;
  /**
   * Keeps other processes from writing a file, and those that belong to it, until it is released.
   * @throws XError IO_FAILED where one does now.
   */
  reserve(path: string): Promise<() => Promise<void>>;
  /** Plain files in a folder, by name; none where it is not there. */
  sizes(folder: string): Promise<Map<string, number>>;
  /**
   * Reads a volume again and compares it with the checks of what was written. `direct`: past the
   * page cache, from the medium itself; `cached` where the file system knows no such reads.
   * @throws XError VOLUME_DAMAGED.
   */
  readBack(path: string, checks: readonly string[], read: ReadBack): Promise<'direct' | 'cached'>;
  /**
   * Writes a file of its chunks; under its name only when it is whole and flushed. Folders are made.
   * @throws XError DISK_FULL, IO_FAILED; what the chunks throw.
   */
  writeFile(path: string, chunks: AsyncIterable<Uint8Array>): Promise<void>;
}

/** Reed-Solomon over runs of equal length: what is lost of `data` is found again by `parity`. */
export interface ErasureCode {
  /** The parity runs of the data runs. */
  encode(data: readonly Uint8Array[], parity: number): Promise<Uint8Array[]>;
  /**
   * The data runs, those that are undefined found again; undefined where too many are lost.
   * @param shards data runs, then parity runs; undefined where lost.
   */
  rebuild(
    shards: readonly (Uint8Array | undefined)[],
    parity: number,
  ): Promise<Uint8Array[] | undefined>;
  close(): Promise<void>;
}

/** A file inside a volume that may be read. */
export interface VolumeEntry {
  name: string;
  lengthBytes: number;
}

/** An open volume. Nothing in it is trusted: names are safe, lengths true, and that is all. */
export interface OpenVolume {
  readonly path: string;
  readonly sizeBytes: number;
  readonly entries: ReadonlyMap<string, VolumeEntry>;
  /** Entries that are not read: compressed, encrypted, links, unsafe, doubled or clashing names. */
  readonly refused: readonly { name: string; reason: string }[];
  /**
   * An entry's bytes, exactly as many as its length says, or those of a part of it. A chunk is to be
   * used up before the next one is asked for: its memory is used again.
   * @throws XError VOLUME_DAMAGED where the entry is not there or ends early.
   */
  read(name: string, range?: { start: number; end: number }): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** A volume as plain bytes, also one too torn to be opened. */
export interface RawVolume {
  readonly path: string;
  readonly sizeBytes: number;
  /** Bytes `start` to `end`, fewer where it ends or cannot be read. */
  read(start: number, end: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface VolumeReader {
  /**
   * The volumes that a user means by a path: a file itself, or the `*.x.zip` of a folder in the
   * order of their names.
   * @throws XError INPUT_NOT_FOUND, INPUT_UNREADABLE, LIMIT_EXCEEDED.
   */
  list(path: string): Promise<string[]>;
  /**
   * Opens a volume and reads its directory, bounded.
   * @throws XError VOLUME_DAMAGED, INPUT_NOT_FOUND, INPUT_UNREADABLE, LIMIT_EXCEEDED.
   */
  open(path: string): Promise<OpenVolume>;
  /** @throws XError INPUT_NOT_FOUND, INPUT_UNREADABLE. */
  openRaw(path: string): Promise<RawVolume>;
}
