import type { Digests } from '../../domain/digest.js';
import type { IndexFile } from './index-page.js';
import type { Requirement } from './requirement.js';
import { EVERYWHERE, type Scope } from './scope.js';

/** A requirement with the place it stands in and the hashes that its file must have one of. */
export interface InputRequirement {
  requirement: Requirement;
  /** Empty where any file will do. */
  hashes: readonly Digests[];
  /** `file:line`. */
  where: string;
  /** The files it may be met by, where a lock file records them. */
  files?: readonly IndexFile[];
  /** The flags of x, with names, that choose whether it counts: `--group dev`. */
  chosenBy?: readonly string[];
  /** Why it cannot be carried, which counts where it is needed at all. */
  refusal?: string;
}

/** The options of a requirements file that choose where packages come from. */
export interface InputOptions {
  indexUrl: string | undefined;
  extraIndexUrls: string[];
  /** Addresses: relative paths are resolved beside their file. */
  findLinks: string[];
  noIndex: boolean;
  onlyBinary: string[];
  noBinary: string[];
  preReleases: boolean;
  preferBinary: boolean;
  requireHashes: boolean;
}

/** What this ecosystem read from one input file and those nested in it. */
export interface PypiRequirements {
  file: string;
  requirements: InputRequirement[];
  constraints: InputRequirement[];
  options: InputOptions;
  /** Addresses with user and password, as variables filled them in: for fetching, never for the bundle. */
  logins: string[];
  /** Names of extras and dependency groups that the file has. */
  offers: { extras: string[]; groups: string[] };
  /** The targets that the file is made for. */
  scope: Scope;
}

export function emptyRequirements(file: string): PypiRequirements {
  return {
    file,
    requirements: [],
    constraints: [],
    logins: [],
    offers: { extras: [], groups: [] },
    scope: EVERYWHERE,
    options: {
      indexUrl: undefined,
      extraIndexUrls: [],
      findLinks: [],
      noIndex: false,
      onlyBinary: [],
      noBinary: [],
      preReleases: false,
      preferBinary: false,
      requireHashes: false,
    },
  };
}
