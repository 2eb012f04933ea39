/** One index that names are looked up in. */
export interface PypiIndex {
  /** Without credentials and without a trailing slash: `https://pypi.org/simple`. */
  url: string;
  /** Answers alone for every name that it has: no other index can slip a file under that name. */
  isPinned: boolean;
  /** Anybody may read it: what it serves may be named in public. */
  isPublic: boolean;
}

/** A `--only-binary` or `--no-binary` list, names normalised; `:all:` and `:none:` are resolved. */
export interface PypiFormatControl {
  all: boolean;
  names: ReadonlySet<string>;
}

/** Where Python packages come from, as pip's configuration and the flags say. */
export interface PypiSettings {
  /** In pip's order: the index, then the extra ones. */
  indexes: readonly PypiIndex[];
  /** Addresses: pages, files, or folders as `file:///…/`. */
  findLinks: readonly string[];
  noIndex: boolean;
  onlyBinary: PypiFormatControl;
  noBinary: PypiFormatControl;
  preReleases: boolean;
  /** Older wheels before newer sdists. */
  preferBinary: boolean;
  /** pip refuses whatever has no hash. */
  requireHashes: boolean;
  /** Constraints files that pip is configured with. */
  constraints: readonly { path: string; text: string }[];
}

/** The credentials that indexes are reached with: those of pip's configuration, and those that inputs name. */
export interface IndexCredentials {
  /** Keeps the user and password that stand in an address, for every address of its origin. */
  remember(address: string): void;
  /** Keeps an index's address, whose login its files have too, and tells whether there is one. */
  addIndex(url: string): boolean;
}

/** Lists a local folder that `--find-links` names: file names, no path. */
export type ListFolder = (folderUrl: string) => Promise<string[]>;
