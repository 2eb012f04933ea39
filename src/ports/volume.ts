/** One file inside a volume, its length known beforehand. */
export interface VolumeItem {
  /** A path of lower-case ASCII letters, digits, `.`, `-`, `_` and `/`. */
  name: string;
  lengthBytes: number;
  /** Exactly `lengthBytes` bytes; opened once, when its turn comes. */
  open(): AsyncIterable<Uint8Array>;
}

/** Writes volumes: one zip file each, stored, the same bytes for the same items. */
export interface VolumeWriter {
  /** At most so many bytes are the container's own for one item, beside the item's. */
  itemOverheadBytes(name: string): number;
  /** At most so many bytes are the container's own for a volume as a whole. */
  readonly volumeOverheadBytes: number;
  /**
   * Writes a volume under a temporary name beside `path`, flushes it and renames it: under `path`
   * there is a whole volume or what was there before. Folders are created.
   * @throws XError DISK_FULL, IO_FAILED; what an item's `open` throws. An item of another length
   *   than it says is an assertion's failure.
   */
  write(path: string, items: readonly VolumeItem[]): Promise<{ sizeBytes: number }>;
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
   * An entry's bytes, exactly as many as its length says.
   * @throws XError VOLUME_DAMAGED where the entry is not there or ends early.
   */
  read(name: string): AsyncIterable<Uint8Array>;
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
}
