import type { Targets } from '@tufjs/models';
import { BOUNDS } from '../domain/bounds.js';
import type { BundleEntry } from '../domain/bundle.js';
import { sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { JsonObject } from '../domain/plan.js';
import type { BinFile } from './bin-file.js';
import { entryOfTarget } from './entries.js';
import { BIN_PREFIX } from './names.js';

/** The hashed bins that the top-level targets role delegates to. */
export interface Delegation {
  /** Every bin's role name, in order. */
  bins: string[];
  bitLength: number;
  /** The one bin that may name a path (TAP 15: the leftmost bits of the path's SHA-256). */
  binOf(path: string): string;
}

/** The names of all bins, in order (TAP 15). */
export function binNames(bitLength: number): string[] {
  return Array.from({ length: 2 ** bitLength }, (_, index) => binName(index, bitLength));
}

/** The bin of a path: the leftmost bits of its SHA-256. */
export function binOfPath(path: string, bitLength: number): string {
  return binName(Number.parseInt(sha256(path).slice(0, 8), 16) >>> (32 - bitLength), bitLength);
}

function binName(index: number, bitLength: number): string {
  const digits = (2 ** bitLength - 1).toString(16).length;
  return `${BIN_PREFIX}-${index.toString(16).padStart(digits, '0')}`;
}

/**
 * Reads the delegation that X makes, and refuses any other: nothing but succinct hashed bins, within
 * bounds, and no target at the top level.
 * @see https://github.com/theupdateframework/taps/blob/master/tap15.md
 * @throws XError METADATA_INVALID.
 */
export function readDelegation(targets: Targets): Delegation {
  const refuse = (what: string): XError => new XError('METADATA_INVALID', `targets.json: ${what}`);
  const delegations = targets.delegations;
  const succinct = delegations?.succinctRoles;
  if (delegations === undefined || succinct === undefined || delegations.roles !== undefined) {
    throw refuse('it does not delegate to hashed bins, or not to them alone');
  }
  if (Object.keys(targets.targets).length > 0) throw refuse('it names targets of its own');
  if (succinct.namePrefix !== BIN_PREFIX) {
    throw refuse(`its bins are not called "${BIN_PREFIX}"`);
  }
  if (!Number.isInteger(succinct.bitLength) || succinct.numberOfBins > BOUNDS.bundleBins) {
    throw refuse(`${succinct.numberOfBins} bins, more than ${BOUNDS.bundleBins}`);
  }
  if (!(succinct.threshold >= 1)) throw refuse('its bins have no threshold');
  return {
    bins: binNames(succinct.bitLength),
    bitLength: succinct.bitLength,
    binOf: (path) => binOfPath(path, succinct.bitLength),
  };
}

/**
 * The entries of one bin, each validated and in the bin where it belongs.
 * @throws XError METADATA_INVALID.
 */
export function entriesOfBin(
  file: string,
  bin: string,
  { signed, targets }: BinFile,
  binOf: (path: string) => string,
): BundleEntry[] {
  if (signed.delegations !== undefined) {
    throw new XError('METADATA_INVALID', `${file} delegates further, which a bin may not`);
  }
  return Object.entries(targets).map(([path, target]) => {
    if (binOf(path) !== bin) {
      throw new XError(
        'METADATA_INVALID',
        `${file} names ${JSON.stringify(path)}, which belongs to ${binOf(path)}`,
      );
    }
    return entryOfTarget(path, target as JsonObject);
  });
}
