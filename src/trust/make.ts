import assert from 'node:assert/strict';
import { Metadata, Snapshot, Targets, Timestamp } from '@tufjs/models';
import { BOUNDS } from '../domain/bounds.js';
import { isBundleName, type BundleEntry, type Did, type Manifest } from '../domain/bundle.js';
import { sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { JsonObject } from '../domain/plan.js';
import type { MetadataFiles } from '../ports/catalog.js';
import { encodeBin, targetsText } from './bin-file.js';
import { binNames, binOfPath } from './delegation.js';
import { orderEntries, targetOfEntry } from './entries.js';
import type { Identity } from './identity.js';
import { markJson, type RoleMark } from './mark.js';
import { BIN_PREFIX, SPEC_VERSION, TIMESTAMP_FILE, versionedFileName } from './names.js';
import { readPublished, type Published } from './published.js';
import { carryRootChain, newRootChain, rotateRootChain, type RootChain } from './roots.js';
import { encodeSigned } from './sign.js';
import { addDays, formatTime } from './time.js';
import type { TopLevelFields } from './top-level.js';
import { tufKeyId, tufKeyJson } from './tuf-key.js';

const VALID_DAYS = 90;

/** A file that is unchanged is kept as long as it is valid for this long; then it is signed afresh. */
const KEEP_DAYS = 60;
const DEFAULT_GRACE_DAYS = 270;

/** How many targets a bin holds on average: the models' conversions take time by the square of it. */
const TARGETS_PER_BIN = 100;

export interface MakeRequest {
  bundle: string;
  /** The source's own key, which its DID is: it signs root version 1. */
  identity: Identity;
  /** Whose key holds the roles; default the source's own. */
  signer?: Identity | undefined;
  entries: readonly BundleEntry[];
  /** The metadata published last: versions rise from it, its root chain is carried on. */
  previous?: MetadataFiles | undefined;
  now: Date;
  /** A new version although nothing but the root changed, so that clients take the root in. */
  anew?: boolean | undefined;
  /** Default 270. */
  graceDays?: number | undefined;
  /** DIDs that may serve as master; default the source alone. */
  masters?: readonly Did[] | undefined;
  /** Signed with the top-level targets: keys' fingerprints, revoked serials. Whole numbers only. */
  extra?: JsonObject | undefined;
}

export interface MadeMetadata {
  files: Map<string, Uint8Array>;
  manifest: Manifest;
  /** False where the previous metadata says the same and stays valid long enough: it is returned as it is. */
  changed: boolean;
}

/**
 * Signs a bundle as a TUF repository: the same bytes for the same request.
 * @see https://theupdateframework.github.io/specification/v1.0.31/
 * @throws XError METADATA_INVALID for entries that no client would accept, LIMIT_EXCEEDED,
 *   SIGNATURE_INVALID where the identity no longer holds the bundle's roles.
 */
export function makeMetadata(request: MakeRequest): MadeMetadata {
  assert.ok(isBundleName(request.bundle), 'a bundle’s name was checked where it was given');
  return new Maker(request).make();
}

/** A file that was made or kept, as the next file up lists it. */
interface MadeFile {
  name: string;
  version: number;
  bytes: Uint8Array;
  expires: Date;
}

class Maker {
  readonly #request: MakeRequest;
  readonly #signer: Identity;
  readonly #entries: BundleEntry[];
  readonly #previous: Published | undefined;
  readonly #roots: RootChain;
  readonly #mark: RoleMark;
  readonly #version: number;
  readonly #expires: Date;

  constructor(request: MakeRequest) {
    const { bundle, identity, now } = request;
    this.#request = request;
    const signer = request.signer ?? identity;
    this.#signer = signer;
    this.#entries = orderEntries(request.entries);
    this.#previous =
      request.previous && request.previous.size > 0 ? readPublished(request.previous) : undefined;
    const graceDays = request.graceDays ?? DEFAULT_GRACE_DAYS;
    this.#mark = { bundle, source: this.#previous?.roots.source ?? identity.did, graceDays };
    this.#roots = this.#previous
      ? carryRootChain(this.#previous.roots, signer, this.#mark, now)
      : firstRootChain(this.#mark, identity, signer, now);
    this.#version = (this.#previous?.version ?? 0) + 1;
    this.#expires = new Date(formatTime(addDays(now, VALID_DAYS)));
  }

  make(): MadeMetadata {
    const bitLength = this.#bitLength();
    const bins = this.#makeBins(bitLength);
    const isAnew = this.#request.anew === true;
    if (this.#previous && !isAnew && this.#isUnchanged(this.#previous, bins, bitLength)) {
      return { ...this.#keep(this.#previous, bins), changed: false };
    }
    const fields = this.#fields(formatTime(this.#request.now));
    const targets = this.#sign('targets', this.#targets(bitLength, fields));
    const listed = new Map<string, MadeFile>([['targets', targets], ...bins]);
    const snapshot = this.#sign('snapshot', this.#snapshot(listed));
    const timestamp = this.#sign('timestamp', this.#timestamp(snapshot));
    const files = new Map(this.#roots.files).set(TIMESTAMP_FILE, timestamp.bytes);
    for (const { name, bytes } of [snapshot, ...listed.values()]) files.set(name, bytes);
    const manifest = this.#manifest(this.#version, fields, snapshot.bytes, [...bins.values()]);
    return { files, manifest, changed: true };
  }

  /** Bins are divided further as a bundle grows, never merged: a snapshot may not drop a file it listed. */
  #bitLength(): number {
    const wanted = Math.ceil(Math.log2(Math.max(this.#entries.length / TARGETS_PER_BIN, 2)));
    const bits = Math.max(wanted, this.#previous?.bitLength ?? 1);
    assert.ok(2 ** bits <= BOUNDS.bundleBins, 'the bound on entries keeps bins in theirs');
    return bits;
  }

  #makeBins(bitLength: number): Map<string, MadeFile> {
    const bins = new Map<string, BundleEntry[]>();
    for (const bin of binNames(bitLength)) bins.set(bin, []);
    for (const entry of this.#entries) {
      const bin = bins.get(binOfPath(entry.path, bitLength));
      assert.ok(bin, 'every path has a bin');
      bin.push(entry);
    }
    // A bin at a time, so that what is made of its entries is gone before it grows old.
    return new Map(
      [...bins].map(([bin, entries]) => {
        const targets = entries.map((entry): [string, JsonObject] => [
          entry.path,
          targetOfEntry(entry),
        ]);
        return [bin, this.#makeBin(bin, targets)];
      }),
    );
  }

  #makeBin(bin: string, list: [string, JsonObject][]): MadeFile {
    const kept = this.#previous?.bins.get(bin);
    // Entries come bytewise; members of JSON stand in the order of UTF-16 units.
    const targets = targetsText(list.sort(([a], [b]) => (a < b ? -1 : 1)));
    const isSame =
      kept !== undefined &&
      kept.keyIds.includes(tufKeyId(this.#signer.publicKey)) &&
      kept.graceDays === this.#mark.graceDays &&
      kept.expires >= addDays(this.#request.now, KEEP_DAYS) &&
      kept.targets === targets;
    if (isSame) return kept;
    return this.#made(bin, encodeBin(this.#common('targets'), targets, this.#signer));
  }

  #targets(bitLength: number, { signedAt, masters, extra }: TopLevelFields): Targets {
    const { publicKey } = this.#signer;
    const keyId = tufKeyId(publicKey);
    return Targets.fromJSON({
      ...this.#common('targets'),
      targets: {},
      delegations: {
        keys: { [keyId]: tufKeyJson(publicKey) },
        succinct_roles: {
          keyids: [keyId],
          threshold: 1,
          bit_length: bitLength,
          name_prefix: BIN_PREFIX,
        },
      },
      x: { ...markJson(this.#mark), signedAt, masters, extra },
    });
  }

  #snapshot(files: ReadonlyMap<string, MadeFile>): Snapshot {
    // Bins of a former, coarser division stay listed as they were.
    const meta: JsonObject = { ...this.#previous?.listed };
    for (const [role, file] of files) meta[`${role}.json`] = metaOf(file);
    return Snapshot.fromJSON({ ...this.#common('snapshot'), meta });
  }

  #timestamp(snapshot: MadeFile): Timestamp {
    const meta = { 'snapshot.json': metaOf(snapshot) };
    return Timestamp.fromJSON({ ...this.#common('timestamp'), meta });
  }

  #common(type: string): JsonObject {
    return {
      _type: type,
      spec_version: SPEC_VERSION,
      version: this.#version,
      expires: formatTime(this.#expires),
      x: markJson(this.#mark),
    };
  }

  #sign(role: string, signed: Targets | Snapshot | Timestamp): MadeFile {
    return this.#made(role, encodeSigned(new Metadata(signed), [this.#signer]));
  }

  #made(role: string, bytes: Uint8Array): MadeFile {
    const maxBytes =
      role === 'snapshot' ? BOUNDS.snapshotMetadataBytes : BOUNDS.targetsMetadataBytes;
    if (bytes.length > maxBytes) {
      throw new XError(
        'LIMIT_EXCEEDED',
        `${role}.json takes ${bytes.length} bytes, more than ${maxBytes}`,
        {
          hint: 'Split the requirements into several bundles.',
        },
      );
    }
    const name = versionedFileName(role, this.#version);
    return { name, version: this.#version, bytes, expires: this.#expires };
  }

  #fields(signedAt: string): TopLevelFields {
    const masters = [...(this.#request.masters ?? [this.#mark.source])];
    const { graceDays } = this.#mark;
    return { signedAt, graceDays, masters, extra: this.#request.extra ?? {} };
  }

  #isUnchanged(previous: Published, bins: Map<string, MadeFile>, bitLength: number): boolean {
    const fields = this.#fields(previous.fields.signedAt);
    return (
      previous.bitLength === bitLength &&
      previous.roots.root === this.#roots.root &&
      JSON.stringify(previous.fields) === JSON.stringify(fields) &&
      previous.expires >= addDays(this.#request.now, KEEP_DAYS) &&
      [...bins].every(([bin, file]) => previous.bins.get(bin) === file)
    );
  }

  #keep(previous: Published, bins: Map<string, MadeFile>): Omit<MadeMetadata, 'changed'> {
    const { version, fields, snapshot, expires } = previous;
    const manifest = this.#manifest(version, fields, snapshot, [...bins.values()], expires);
    return { files: new Map(previous.files), manifest };
  }

  #manifest(
    version: number,
    { signedAt, graceDays }: TopLevelFields,
    snapshot: Uint8Array,
    bins: MadeFile[],
    expires = this.#expires,
  ): Manifest {
    const { bundle, source } = this.#mark;
    const earliest = bins.reduce((min, bin) => (bin.expires < min ? bin.expires : min), expires);
    const expiresAt = formatTime(earliest);
    const digest = sha256(snapshot);
    return {
      bundle,
      source,
      version,
      digest,
      signedAt,
      expiresAt,
      graceDays,
      entries: this.#entries,
    };
  }
}

/** A source whose signing key was replaced publishes new bundles under its name all the same. */
function firstRootChain(
  mark: RoleMark,
  identity: Identity,
  signer: Identity,
  now: Date,
): RootChain {
  const first = newRootChain(mark.bundle, identity, mark.graceDays, now);
  return signer.did === identity.did ? first : rotateRootChain(first, identity, signer, mark, now);
}

function metaOf({ version, bytes }: MadeFile): JsonObject {
  return { version, length: bytes.length, hashes: { sha256: sha256(bytes) } };
}
