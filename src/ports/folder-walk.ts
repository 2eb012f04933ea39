/** What a walk through a folder meets. */
export type Met =
  | { kind: 'file'; path: string }
  /** A file or folder that cannot be looked at, or is too deep. */
  | { kind: 'problem'; path: string; reason: string }
  /** A symbolic link, which is not followed, or a device, pipe or socket. */
  | { kind: 'passed-over'; path: string };

export interface WalkOptions {
  /** Folders below folders. */
  depth: number;
  /** Names that are looked at in all. */
  entries: number;
  /** Absolute paths of folders that are not entered. */
  except: ReadonlySet<string>;
  signal?: AbortSignal | undefined;
}

/**
 * Goes through a folder and what is below it; a root that is a file is that file alone.
 * @throws XError INPUT_NOT_FOUND, INPUT_UNREADABLE for the root itself; the signal's reason.
 */
export type WalkFolder = (root: string, options: WalkOptions) => AsyncIterable<Met>;
