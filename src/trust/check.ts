import type { Metadata, Root, Snapshot, Targets, Timestamp } from '@tufjs/models';
import { BOUNDS } from '../domain/bounds.js';
import type { BundleEntry, Did, Manifest } from '../domain/bundle.js';
import { sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { MetadataFiles } from '../ports/catalog.js';
import { checkBinSignature, parseBin } from './bin-file.js';
import { checkListed, checkSignature, listedFile, type ListedFile } from './check-file.js';
import { readHeld, type HeldVersions } from './check-held.js';
import { checkRootChain } from './check-root.js';
import { entriesOfBin, readDelegation } from './delegation.js';
import { arrangeEntries } from './entries.js';
import { FreshnessLog, type Freshness } from './freshness.js';
import { checkMark } from './mark.js';
import { TIMESTAMP_FILE, versionedFileName } from './names.js';
import {
  expiryOf,
  markOf,
  parseSnapshot,
  parseTargets,
  parseTimestamp,
  type SignedRole,
} from './parse.js';
import { readTopLevelFields, type TopLevelFields } from './top-level.js';

/** Reads one metadata file by name, at most `maxBytes` of it; undefined where there is none. */
export type MetadataReader = (name: string, maxBytes: number) => Promise<Uint8Array | undefined>;

export interface CheckRequest {
  bundle: string;
  /** The pinned source: its key signed root version 1. */
  source: Did;
  files: MetadataReader;
  /** What was accepted before; versions never fall below it. */
  held?: MetadataFiles | undefined;
  /** The later of the clock and the newest verified signing time. */
  now: Date;
  /** New content is taken although expiry and grace are over. */
  acceptStale?: boolean | undefined;
}

/** Metadata that holds. `files` are the accepted bytes by name, `same` where they are what was held. */
export interface CheckedMetadata extends TopLevelFields {
  outcome: 'new' | 'newer' | 'same';
  manifest: Manifest;
  files: Map<string, Uint8Array>;
  state: Freshness;
  warnings: string[];
}

/** Properly signed metadata that is older than what is held: a volume or sibling that is behind. */
export interface OlderMetadata {
  outcome: 'older';
  /** Versions of the timestamp role. */
  offeredVersion: number;
  heldVersion: number;
}

/**
 * Checks a bundle's metadata in the order of TUF 1.0.31 section 5.3 to 5.6, each role once.
 * Whether older metadata is an attack depends on who offers it, so it is an outcome, not an error.
 * @throws XError SIGNATURE_INVALID, WRONG_SOURCE, ROLLBACK, EXPIRED, METADATA_INVALID; STORE_DAMAGED
 *   where the held metadata cannot be read; what `files` throws.
 */
export async function checkMetadata(
  request: CheckRequest,
): Promise<CheckedMetadata | OlderMetadata> {
  const walk = new Walk(request);
  const root = await walk.root();
  const timestamp = await walk.timestamp(root);
  if (timestamp === undefined) return walk.older();
  const snapshot = await walk.snapshot(root, timestamp);
  const targets = await walk.targets(root, snapshot);
  const entries = await walk.bins(targets, snapshot);
  return walk.result(targets, entries);
}

class Walk {
  readonly #request: CheckRequest;
  readonly #files = new Map<string, Uint8Array>();
  readonly #freshness: FreshnessLog;
  #held: HeldVersions | undefined;
  #offered = 0;
  #expires: Date | undefined;
  #snapshotBytes: Uint8Array = new Uint8Array();
  #isSame = false;

  constructor(request: CheckRequest) {
    this.#request = request;
    this.#held = request.held && request.held.size > 0 ? readHeld(request.held) : undefined;
    const staleAllowed = (): boolean => request.acceptStale === true || this.#isSame;
    this.#freshness = new FreshnessLog(request.bundle, request.now, staleAllowed);
  }

  /** Section 5.3. */
  async root(): Promise<Metadata<Root>> {
    const { bundle, source } = this.#request;
    const chain = await checkRootChain({ bundle, source, read: (name) => this.#readRoot(name) });
    for (const [name, bytes] of chain.files) this.#files.set(name, bytes);
    // Section 5.3.11: keys that were replaced may have signed any version, so what they signed no longer counts.
    if (this.#held && chain.replacedAfter(this.#held.rootVersion)) this.#held = undefined;
    return chain.root;
  }

  /** Section 5.4. Undefined where what is held is newer. */
  async timestamp(root: Metadata<Root>): Promise<Metadata<Timestamp> | undefined> {
    const bytes = await this.#read(TIMESTAMP_FILE, BOUNDS.timestampMetadataBytes);
    const timestamp = parseTimestamp(TIMESTAMP_FILE, bytes);
    checkSignature(root, 'timestamp', TIMESTAMP_FILE, timestamp);
    checkMark(TIMESTAMP_FILE, markOf(timestamp.signed), this.#request);
    const held = this.#held;
    this.#offered = timestamp.signed.version;
    if (held && this.#offered < held.timestampVersion) return undefined;
    const listed = listedFile(TIMESTAMP_FILE, 'snapshot', timestamp.signed.snapshotMeta);
    this.#isSame = held?.timestampVersion === this.#offered;
    if (this.#isSame && listed.sha256 !== held?.snapshotSha256) {
      throw rollback(`${TIMESTAMP_FILE} version ${this.#offered} is not the one that is held`);
    }
    if (held && listed.version < held.snapshotVersion) {
      throw rollback(
        `${TIMESTAMP_FILE} goes back to snapshot version ${listed.version}`,
        held.snapshotVersion,
      );
    }
    // The root's expiry is judged last of its section, once the walk knows whether anything is new.
    this.#judge('root.json', root.signed, false);
    this.#judge(TIMESTAMP_FILE, timestamp.signed);
    this.#files.set(TIMESTAMP_FILE, bytes);
    return timestamp;
  }

  /** Section 5.5. */
  async snapshot(
    root: Metadata<Root>,
    timestamp: Metadata<Timestamp>,
  ): Promise<Metadata<Snapshot>> {
    const listed = listedFile(TIMESTAMP_FILE, 'snapshot', timestamp.signed.snapshotMeta);
    const [name, bytes] = await this.#readListed(listed, BOUNDS.snapshotMetadataBytes);
    const snapshot = parseSnapshot(name, bytes);
    checkSignature(root, 'snapshot', name, snapshot);
    checkVersion(name, snapshot.signed, listed);
    for (const [file, version] of this.#held?.listed ?? []) {
      const now = snapshot.signed.meta[file]?.version;
      if (now === undefined) throw rollback(`${name} no longer lists ${file}`);
      if (now < version) throw rollback(`${name} goes back to version ${now} of ${file}`, version);
    }
    this.#judge(name, snapshot.signed);
    this.#snapshotBytes = bytes;
    return snapshot;
  }

  /** Section 5.6, the top level. */
  async targets(root: Metadata<Root>, snapshot: Metadata<Snapshot>): Promise<Metadata<Targets>> {
    const listed = listedFile('snapshot', 'targets', snapshot.signed.meta['targets.json']);
    const [name, bytes] = await this.#readListed(listed, BOUNDS.targetsMetadataBytes);
    const targets = parseTargets(name, bytes);
    checkSignature(root, 'targets', name, targets);
    checkVersion(name, targets.signed, listed);
    this.#judge(name, targets.signed);
    return targets;
  }

  /** Section 5.6, the delegated bins, a few read at a time. */
  async bins(targets: Metadata<Targets>, snapshot: Metadata<Snapshot>): Promise<BundleEntry[]> {
    const { bins, binOf } = readDelegation(targets.signed);
    const listed = bins.map((bin) =>
      listedFile('snapshot', bin, snapshot.signed.meta[`${bin}.json`]),
    );
    const total = listed.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    if (total > BOUNDS.bundleMetadataBytes) {
      throw new XError(
        'METADATA_INVALID',
        `the bins of "${this.#request.bundle}" take ${total} bytes`,
      );
    }
    const entries: BundleEntry[] = [];
    for (let at = 0; at < listed.length; at += BOUNDS.metadataParallelReads) {
      const batch = listed.slice(at, at + BOUNDS.metadataParallelReads);
      const files = await Promise.all(
        batch.map((bin) => this.#readListed(bin, BOUNDS.targetsMetadataBytes)),
      );
      for (const [i, [name, bytes]] of files.entries()) {
        const file = batch[i] as ListedFile;
        const bin = parseBin(name, bytes);
        checkBinSignature(targets.signed, name, bin);
        checkVersion(name, bin.signed, file);
        this.#judge(name, bin.signed);
        for (const entry of entriesOfBin(name, file.role, bin, binOf)) entries.push(entry);
      }
      if (entries.length > BOUNDS.manifestEntries) {
        throw new XError('METADATA_INVALID', `more than ${BOUNDS.manifestEntries} entries`);
      }
    }
    return arrangeEntries(entries);
  }

  older(): OlderMetadata {
    const heldVersion = this.#held?.timestampVersion ?? 0;
    return { outcome: 'older', offeredVersion: this.#offered, heldVersion };
  }

  result(targets: Metadata<Targets>, entries: BundleEntry[]): CheckedMetadata {
    const { bundle, source } = this.#request;
    const fields = readTopLevelFields('targets.json', targets.signed);
    const hadAny = (this.#request.held?.size ?? 0) > 0;
    return {
      ...fields,
      outcome: this.#isSame ? 'same' : hadAny ? 'newer' : 'new',
      manifest: {
        bundle,
        source,
        version: targets.signed.version,
        digest: sha256(this.#snapshotBytes),
        signedAt: fields.signedAt,
        expiresAt: `${(this.#expires ?? new Date(0)).toISOString().slice(0, 19)}Z`,
        graceDays: fields.graceDays,
        entries,
      },
      files: this.#files,
      state: this.#freshness.state,
      warnings: this.#freshness.warnings(),
    };
  }

  /** The role's mark, then its expiry; the earliest expiry of all but the root is the bundle's. */
  #judge(file: string, signed: SignedRole, countsForBundle = true): void {
    const mark = checkMark(file, markOf(signed), this.#request);
    const expires = expiryOf(signed);
    this.#freshness.note(file, expires, mark.graceDays);
    if (countsForBundle && (!this.#expires || expires < this.#expires)) this.#expires = expires;
  }

  async #readRoot(name: string): Promise<Uint8Array | undefined> {
    const held = this.#request.held?.get(name);
    if (held) return held;
    const bytes = await this.#request.files(name, BOUNDS.rootMetadataBytes);
    if (bytes) checkEnd(name, bytes, BOUNDS.rootMetadataBytes);
    return bytes;
  }

  async #read(name: string, maxBytes: number): Promise<Uint8Array> {
    const bytes = await this.#request.files(name, maxBytes);
    if (bytes === undefined) {
      throw new XError(
        'METADATA_INVALID',
        `the metadata of "${this.#request.bundle}" lacks ${name}`,
        {
          hint: 'Ask another master or volume, or have the source publish again.',
        },
      );
    }
    checkEnd(name, bytes, maxBytes);
    return bytes;
  }

  /** A file that signed metadata lists: from what is held where that is it, so that only changes travel. */
  async #readListed(listed: ListedFile, maxBytes: number): Promise<[string, Uint8Array]> {
    const name = versionedFileName(listed.role, listed.version);
    if (listed.lengthBytes > maxBytes) {
      throw new XError('METADATA_INVALID', `${name} is listed with ${listed.lengthBytes} bytes`);
    }
    const held = this.#request.held?.get(name);
    const isHeld = held !== undefined && sha256(held) === listed.sha256;
    const bytes = isHeld ? held : await this.#read(name, listed.lengthBytes);
    checkListed(name, bytes, listed);
    this.#files.set(name, bytes);
    return [name, bytes];
  }
}

function checkVersion(name: string, signed: SignedRole, listed: ListedFile): void {
  if (signed.version !== listed.version) {
    throw new XError(
      'METADATA_INVALID',
      `${name} is version ${signed.version} inside; version ${listed.version} is listed`,
    );
  }
}

function checkEnd(name: string, bytes: Uint8Array, maxBytes: number): void {
  if (bytes.length > maxBytes) {
    throw new XError(
      'METADATA_INVALID',
      `${name} is longer than the ${maxBytes} bytes it may have`,
    );
  }
}

function rollback(what: string, heldVersion?: number): XError {
  const held = heldVersion === undefined ? '' : `; version ${heldVersion} was accepted before`;
  return new XError('ROLLBACK', what + held, {
    hint: 'Metadata only moves forward: to go back, the source publishes the old content again.',
  });
}
