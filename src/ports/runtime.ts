/** A file of the program that runs here. */
export interface OwnFile {
  /** Where it lies. */
  path: string;
  /** Where it goes, relative to the runtime's folder. */
  name: string;
}

/** The program that runs here, as files. */
export interface OwnProgram {
  version: string;
  /** `linux/amd64/glibc`. */
  platform: string;
  /** `v24.1.0`. */
  node: string;
  /** @throws XError RUNTIME_UNSUITED where it cannot be taken along. */
  files(): Promise<OwnFile[]>;
}

/** Files packed into one that a machine without Node can unpack. */
export interface RuntimeArchive {
  /** Of an archive's name. */
  readonly suffix: string;
  /** The same bytes for the same files. */
  pack(files: readonly OwnFile[], to: string): Promise<void>;
  /**
   * Unpacks into an empty folder, plain files and folders alone, nothing outside of it, and flushes.
   * @throws XError METADATA_INVALID, LIMIT_EXCEEDED, DISK_FULL, IO_FAILED.
   */
  unpack(archive: string, folder: string): Promise<void>;
}

/** Where runtimes are installed: a folder each, and one of them is what `x` starts. */
export interface RuntimeHome {
  /** For people. */
  readonly folder: string;
  /** The one that runs here, and its description as it was signed. */
  current(): Promise<{ id: string; description: Uint8Array }>;
  /** The one that was current before; undefined where there is none. */
  previous(): Promise<string | undefined>;
  holds(id: string): Promise<boolean>;
  /** An empty folder beside the others. */
  begin(): Promise<string>;
  /** What it says when it is asked for its version. @throws XError RUNTIME_UNSUITED where it does not start. */
  versionOf(folder: string): Promise<string>;
  /** Gives a folder its name, everything in it flushed before. */
  keep(folder: string, id: string): Promise<void>;
  /** Removes what `begin` made, if it is still there. */
  drop(folder: string): Promise<void>;
  /** From now on this one is started, in one step; the one before is remembered. */
  select(id: string): Promise<void>;
  /** Removes those that neither run, nor are the current one or the one before. */
  prune(): Promise<void>;
}
