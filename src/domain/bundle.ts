import type { Sha256 } from './digest.js';
import type { EcosystemName, JsonObject, ProofKind } from './plan.js';

/** `did:key:z6Mk…` of an Ed25519 key. */
export type Did = string;

/**
 * What an entry is for: `package` an artifact that clients install; `index` metadata that `respond`
 * answers from; `proof` publisher's evidence; `input` the requirement files and their rewritten copies.
 */
export type EntryKind = 'package' | 'index' | 'proof' | 'input';

/** One file of a bundle as the signed metadata names it. Order is by path, bytewise. */
export interface BundleEntry {
  /** Relative, forward slashes, no `.` or `..` segment; `isSafePath` holds. */
  path: string;
  lengthBytes: number;
  sha256: Sha256;
  sha512?: string | undefined;
  /** Hex root of the RFC 9162 tree over 256 KiB pieces. */
  pieceRoot: Sha256;
  kind: EntryKind;
  /** Undefined for inputs. */
  ecosystem?: EcosystemName | undefined;
  /** The ecosystem's normalised package name; for Debian indexes the suite's codename. */
  name?: string | undefined;
  version?: string | undefined;
  purl?: string | undefined;
  proof: ProofKind;
  /** purls of the entries that this one needs: the signed closure. */
  requires: string[];
  /** Target ids. */
  targets: string[];
  private: boolean;
  /** Small, ecosystem's own (for PyPI: requires-python, yanked, upload-time). */
  detail?: JsonObject | undefined;
}

/** A named set of entries at one version, as its verified metadata describes it. */
export interface Manifest {
  bundle: string;
  source: Did;
  /** The version of the top-level targets role. */
  version: number;
  /** SHA-256 of the snapshot metadata file: names this exact set, so also the have-maps over it. */
  digest: Sha256;
  /** ISO 8601. */
  signedAt: string;
  expiresAt: string;
  graceDays: number;
  /** Sorted by path, bytewise. */
  entries: BundleEntry[];
}

/** What moving an entry takes. */
export type PieceEntry = Pick<
  BundleEntry,
  'path' | 'lengthBytes' | 'sha256' | 'sha512' | 'pieceRoot'
>;

/** A manifest as those take it who move it; `PieceEntries` keeps its entries in little memory. */
export interface PieceManifest extends Omit<Manifest, 'entries'> {
  entries: Iterable<PieceEntry> & { readonly length: number };
}

/** The longest path of an entry, in bytes. */
const MAX_PATH_BYTES = 1024;

/** The longest name of a file or folder that every file system takes. */
const MAX_SEGMENT_BYTES = 255;

/** A UTF-16 unit takes at most three bytes of UTF-8: most texts need no counting. */
function isLonger(text: string, maxBytes: number): boolean {
  return text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes;
}

/** Whether a bundle path can be used as a relative path anywhere: no traversal, no control characters, no drive letters. */
export function isSafePath(path: string): boolean {
  if (path === '' || isLonger(path, MAX_PATH_BYTES)) return false;
  if (/[\u0000-\u001f\u007f\\:*?"<>|]/.test(path)) return false;
  return path
    .split('/')
    .every(
      (part) =>
        part !== '' &&
        part !== '.' &&
        part !== '..' &&
        !part.endsWith(' ') &&
        !isLonger(part, MAX_SEGMENT_BYTES),
    );
}

/** Bytewise order of paths, the order of entries and of have-maps. */
export function comparePaths(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** Whether a bundle's name can stand in file names, URLs and TUF fields. */
export function isBundleName(name: string): boolean {
  return /^[a-z0-9][a-z0-9._-]{0,63}$/.test(name);
}
