import { BOUNDS } from '../domain/bounds.js';
import { isBundleName, type Did, type Manifest } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';
import type { BundleRecord, Catalog, MetadataFiles } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import { checkMetadata, type MetadataReader } from '../trust/check.js';
import { isDid } from '../trust/did.js';
import { mastersOf } from '../trust/masters.js';
import type { Freshness } from '../trust/freshness.js';
import { givenUpKeyWarnings } from './given-up-key.js';
import { aheadOf, noteSigningTime, trustedNow, withClock } from './trusted-now.js';

/** How the user lets a source be trusted that is met for the first time. */
export interface TrustChoice {
  /** The DID that was given on the command line or in an invitation; any other is refused. */
  did?: Did | undefined;
  /** Take a source that is not known yet. */
  acceptNew?: boolean | undefined;
  /** A question on a terminal. */
  ask?: ((what: { source: Did; bundle: string; from: string }) => Promise<boolean>) | undefined;
}

export interface AcceptDeps {
  catalog: Catalog;
  clock: Pick<Clock, 'now'>;
}

export interface AcceptRequest {
  bundle: string;
  /** Who the peer or volume says signed it; the metadata proves it or not. */
  source: Did;
  files: MetadataReader;
  /** Where it comes from, for messages and for the pin: `master 10.0.0.7:8471`, a volume's path. */
  from: string;
  trust: TrustChoice;
  acceptStale?: boolean | undefined;
  /** The machine that serves it, where one does. Who is not on the signed list of masters is a relay. */
  server?: Did | undefined;
  /** A master's newest may not be older than what is held; a volume, sibling or relay may be behind. */
  older: 'refuse' | 'pass-over';
}

export interface AcceptResult {
  /** `older`: nothing was taken, what is held stays. */
  outcome: 'new' | 'newer' | 'same' | 'older';
  /** What the catalog holds now. */
  record: BundleRecord;
  /** Undefined where older metadata was passed over. */
  manifest: Manifest | undefined;
  masters: Did[];
  state: Freshness | undefined;
  warnings: string[];
}

/**
 * Takes a bundle's metadata from anywhere: the source is trusted or refused, everything is checked
 * against what is held, and only then is it stored and the source pinned. Blobs may still be missing.
 * What is held may move while this reads: it is then checked again against what is held by now.
 * @throws XError METADATA_INVALID for a name or DID that can be none, UNKNOWN_SOURCE, WRONG_SOURCE,
 *   and as checkMetadata; ROLLBACK for older metadata where it is to be refused; DATA_FOLDER_BUSY
 *   where others save the same bundle again and again.
 */
export async function acceptMetadata(
  deps: AcceptDeps,
  request: AcceptRequest,
): Promise<AcceptResult> {
  checkNames(request);
  await decideTrust(deps.catalog, request);
  for (let attempt = 0; attempt < BOUNDS.metadataSaveAttempts; attempt += 1) {
    const accepted = await checkAndSave(deps, request);
    if (accepted !== undefined) return accepted;
  }
  throw new XError(
    'DATA_FOLDER_BUSY',
    `"${request.bundle}" is being saved by others all the time`,
    {
      hint: 'Stop the other commands that use this data folder, then run this one again.',
    },
  );
}

/** Undefined where what is held changed between the check and the save: the verdict is void then. */
async function checkAndSave(
  deps: AcceptDeps,
  request: AcceptRequest,
): Promise<AcceptResult | undefined> {
  const { catalog } = deps;
  const { bundle, source, files, acceptStale } = request;
  const { now, warnings } = trustedNow(deps);
  const record = findRecord(catalog, bundle, source);
  const held: MetadataFiles = record ? catalog.metadata(record.id) : new Map();
  const checked = await withClock(
    warnings,
    checkMetadata({ bundle, source, files, held, now, acceptStale }),
  );
  if (checked.outcome === 'older') {
    const older = isRelay(request, mastersOf(held)) ? 'pass-over' : request.older;
    return passOver({ ...request, older }, checked, record, warnings);
  }
  if (record === undefined) requireNotBelowDropped(catalog, request, checked.manifest.version);
  warnings.push(...checked.warnings);
  if (isRelay(request, checked.masters)) warnings.push(relayWarning(request));
  pin(catalog, request, now);
  const { outcome, manifest, masters, state } = checked;
  const role = record?.role ?? 'client';
  const saved =
    outcome === 'same' && record
      ? record
      : catalog.replaceBundle(held, manifest, role, checked.files);
  if (saved === undefined) return undefined;
  warnings.push(...aheadOf(now, manifest));
  if (outcome !== 'same') warnings.push(...givenUpKeyWarnings(catalog, manifest, checked.files));
  noteSigningTime(catalog, manifest.signedAt);
  return { outcome, record: saved, manifest, masters, state, warnings };
}

/** Dropping a bundle forgets its bytes, not how far it had come: nobody can take it back by that. */
function requireNotBelowDropped(
  catalog: Catalog,
  { bundle, source, from }: AcceptRequest,
  version: number,
): void {
  const dropped = Number(catalog.getValue(droppedKey(`${bundle}@${source}`)) ?? 0);
  if (version >= dropped) return;
  throw new XError(
    'ROLLBACK',
    `${from} offers "${bundle}" at version ${version}; version ${dropped} was here before it was dropped`,
    {
      hint: 'Bring that version or a newer one. To go back, the source publishes the old content again.',
    },
  );
}

/** Under which the catalog keeps the version that a bundle had when it was dropped. */
export function droppedKey(bundleId: string): string {
  return `dropped:${bundleId}`;
}

function isRelay({ server }: AcceptRequest, masters: readonly Did[]): boolean {
  return server !== undefined && !masters.includes(server);
}

function relayWarning({ from, bundle, source }: AcceptRequest): string {
  return `${from} is not among the masters that ${source} lists for "${bundle}": what it serves is checked all the same, but there may be something newer`;
}

/** A peer chooses the name and the DID; both are shown to people and become parts of paths. */
function checkNames({ bundle, source, from }: AcceptRequest): void {
  const wrong = !isBundleName(bundle)
    ? `a bundle under a name that none may have: ${quoted(bundle)}`
    : !isDid(source)
      ? `"${bundle}" of a source that is no DID: ${quoted(source)}`
      : undefined;
  if (wrong === undefined) return;
  throw new XError('METADATA_INVALID', `${from} offers ${wrong}`, {
    hint: 'A name has up to 64 small letters, digits, dots, dashes and underscores; x key prints a DID.',
  });
}

/** Bounded and escaped: it may be meant for a terminal. */
function quoted(text: string): string {
  return JSON.stringify(text.slice(0, 80));
}

/**
 * Whether a source is trusted: pinned, named by the user, or new and let in.
 * @throws XError WRONG_SOURCE, UNKNOWN_SOURCE with the DID in the message.
 */
async function decideTrust(catalog: Catalog, request: AcceptRequest): Promise<void> {
  const { source, bundle, from, trust } = request;
  if (trust.did !== undefined && trust.did !== source) {
    throw new XError(
      'WRONG_SOURCE',
      `${from} offers "${bundle}" of ${source}, not of ${trust.did}`,
      {
        hint: 'Check the DID with the source’s operator.',
      },
    );
  }
  if (trust.did === source || isPinned(catalog, source)) return;
  const namesake = catalog.bundles().find(({ name }) => name === bundle);
  if (namesake !== undefined) {
    throw new XError(
      'WRONG_SOURCE',
      `${from} offers "${bundle}" signed by ${source}, but here it is signed by ${namesake.source}`,
      { hint: `If both are right, trust the second one by name: --trust ${source}` },
    );
  }
  if (trust.acceptNew === true) return;
  if (trust.ask !== undefined && (await trust.ask({ source, bundle, from }))) return;
  throw new XError(
    'UNKNOWN_SOURCE',
    `${from} offers "${bundle}", signed by a source not known here: ${source}`,
    {
      hint: `Compare the DID with what x source printed, then run again with --trust ${source} (or --accept-new, which trusts whoever answers first)`,
    },
  );
}

/** Pinned, or the source of a bundle that is here, as this machine itself may be. */
export function isPinned(catalog: Catalog, source: Did): boolean {
  return (
    catalog.pinnedSources().some(({ did }) => did === source) ||
    catalog.bundles().some((bundle) => bundle.source === source)
  );
}

function pin(catalog: Catalog, { source, from }: AcceptRequest, now: Date): void {
  if (!isPinned(catalog, source)) catalog.pinSource(source, from, now.toISOString());
}

function findRecord(catalog: Catalog, bundle: string, source: Did): BundleRecord | undefined {
  return catalog.bundles().find((one) => one.name === bundle && one.source === source);
}

function passOver(
  request: AcceptRequest,
  versions: { offeredVersion: number; heldVersion: number },
  record: BundleRecord | undefined,
  warnings: string[],
): AcceptResult {
  const { offeredVersion, heldVersion } = versions;
  const what = `${request.from} offers "${request.bundle}" at version ${offeredVersion}; version ${heldVersion} is held`;
  if (request.older === 'refuse' || record === undefined) {
    throw new XError('ROLLBACK', what, {
      hint: 'A master that falls behind is not followed. To go back, the source publishes the old content again.',
    });
  }
  warnings.push(`${what}: its metadata is passed over`);
  return { outcome: 'older', record, manifest: undefined, masters: [], state: undefined, warnings };
}
