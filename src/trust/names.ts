/** The version of the TUF specification that the metadata follows. */
export const SPEC_VERSION = '1.0.31';

export const TOP_LEVEL_ROLES = ['root', 'timestamp', 'snapshot', 'targets'] as const;

/** The first part of every hashed bin's name: `bin-0f`. */
export const BIN_PREFIX = 'bin';

export const TIMESTAMP_FILE = 'timestamp.json';

export function rootFileName(version: number): string {
  return `${version}.root.json`;
}

/** The consistent-snapshot name of a snapshot, targets or bin file (TUF 1.0.31 section 6.2). */
export function versionedFileName(role: string, version: number): string {
  return `${version}.${role}.json`;
}
