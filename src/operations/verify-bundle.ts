import type { BundleEntry, Manifest } from '../domain/bundle.js';
import { messageOf, XError, type ErrorCode } from '../domain/errors.js';
import type { BundleRecord, Catalog, CatalogEntry } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import type { EcosystemServer, HeldView, ProofVerdict } from '../ports/ecosystem.js';
import type { Report } from '../ports/progress.js';
import type { Store } from '../ports/store.js';
import type { VolumeReader } from '../ports/volume.js';
import { checkMetadata, type CheckedMetadata } from '../trust/check.js';
import type { Freshness } from '../trust/freshness.js';
import { trustedNow } from './trusted-now.js';
import { findBundle } from './find-bundle.js';
import { surveyVolumes, type SurveyedBundle } from './verify-volumes.js';

export interface VerifyDeps {
  store: Pick<Store, 'stat' | 'verify' | 'isDamaged'>;
  catalog: Catalog;
  clock: Pick<Clock, 'now'>;
  reader: VolumeReader;
  /** Who checks publishers' proofs. */
  servers: readonly EcosystemServer[];
  /** What this machine holds, for the proofs of its own bundles. */
  view: HeldView;
  report: Report;
}

export interface VerifyRequest {
  /** A bundle's name or id; or volumes and folders of them. */
  what: { bundle: string } | { paths: readonly string[] };
  signal?: AbortSignal | undefined;
}

export interface ArtifactVerdict {
  bundle: string;
  path: string;
  purl: string | undefined;
  /** `damaged`: bytes that are not the signed ones; the store has dropped them. */
  content: 'whole' | 'damaged' | 'missing';
  /** For packages whose content is whole. */
  proof: ProofVerdict | undefined;
}

export interface VerifiedBundle {
  record: BundleRecord;
  state: Freshness;
  /** Whether this machine trusts the source; a volume's metadata may prove itself and still be a stranger's. */
  isPinned: boolean;
  /** Of volumes: those that hold what is missing or damaged, as the ones say that were read. */
  missingIn: string[];
  /** Of volumes: how many parity volumes are among them. */
  parityVolumes: number;
}

export interface VerifyResult {
  /** False for any damage: metadata, content, or a proof that does not hold. */
  ok: boolean;
  /** False where something that is signed is not there. */
  complete: boolean;
  bundles: VerifiedBundle[];
  artifacts: ArtifactVerdict[];
  /** Damage that is no artifact's: metadata, a volume, an entry that nothing names. */
  problems: { where: string; code: ErrorCode; message: string }[];
  warnings: string[];
}

/**
 * Checks everything that can be checked: signatures, every byte of every entry, every package's
 * publisher's proof. Takes nothing in.
 * @throws XError BUNDLE_NOT_FOUND, INPUT_NOT_FOUND; metadata of a bundle of this machine that does
 *   not hold: SIGNATURE_INVALID, METADATA_INVALID, STORE_DAMAGED; IO_FAILED.
 */
export async function verifyBundle(
  deps: VerifyDeps,
  request: VerifyRequest,
): Promise<VerifyResult> {
  const { what } = request;
  return 'bundle' in what
    ? verifyHeld(deps, what.bundle, request.signal)
    : verifyVolumes(deps, what.paths, request.signal);
}

async function verifyHeld(
  deps: VerifyDeps,
  name: string,
  signal: AbortSignal | undefined,
): Promise<VerifyResult> {
  const { catalog, store } = deps;
  const record = findBundle(catalog, name);
  const { now, warnings } = trustedNow(deps);
  const files = catalog.metadata(record.id);
  const checked = (await checkMetadata({
    bundle: record.name,
    source: record.source,
    files: (file) => Promise.resolve(files.get(file)),
    now,
    acceptStale: true,
  })) as CheckedMetadata;
  const problems = catalogProblems(record, checked.manifest, catalog);
  const artifacts: ArtifactVerdict[] = [];
  for (const entry of checked.manifest.entries) {
    signal?.throwIfAborted();
    const content = await contentHeld(store, entry);
    artifacts.push(await verdict(deps, deps.view, record, entry, content, now));
  }
  const { state } = checked;
  const own = { record, state, isPinned: isPinned(catalog, record) };
  const bundle = { ...own, missingIn: [], parityVolumes: 0 };
  return result([bundle], artifacts, problems, [...warnings, ...checked.warnings]);
}

/** The catalog's rows answer for the gateway, so they must be what was signed. */
function catalogProblems(
  record: BundleRecord,
  manifest: Manifest,
  catalog: Pick<Catalog, 'entries'>,
): VerifyResult['problems'] {
  const signed = new Map(manifest.entries.map((entry) => [entry.path, entry.sha256]));
  const wrong: string[] = [];
  for (const { path, sha256 } of catalog.entries(record.id)) {
    if (signed.get(path) !== sha256) wrong.push(path);
    signed.delete(path);
  }
  return [...wrong, ...signed.keys()].map((path) => ({
    where: path,
    code: 'STORE_DAMAGED',
    message: `the catalog of "${record.name}" does not name it as it is signed`,
  }));
}

async function contentHeld(
  store: VerifyDeps['store'],
  entry: BundleEntry,
): Promise<ArtifactVerdict['content']> {
  const blob = store.stat(entry.sha256);
  // What an earlier look found damaged is not merely missing until it has come again.
  if (blob === undefined) return store.isDamaged(entry.sha256) ? 'damaged' : 'missing';
  const isSigned = blob.lengthBytes === entry.lengthBytes && blob.pieceRoot === entry.pieceRoot;
  const isWhole = await store.verify(entry.sha256);
  return isSigned && isWhole ? 'whole' : 'damaged';
}

async function verifyVolumes(
  deps: VerifyDeps,
  paths: readonly string[],
  signal: AbortSignal | undefined,
): Promise<VerifyResult> {
  const { catalog, reader, report } = deps;
  const { now, warnings } = trustedNow(deps);
  const survey = await surveyVolumes({ reader, report, now, paths, signal });
  const artifacts: ArtifactVerdict[] = [];
  for (const { record, manifest, contents } of survey.bundles) {
    for (const entry of manifest.entries) {
      signal?.throwIfAborted();
      const content = contents.get(entry.sha256) ?? 'missing';
      artifacts.push(await verdict(deps, survey.view, record, entry, content, now));
    }
  }
  const bundles = survey.bundles.map(({ record, state, missingIn, parityVolumes }) => {
    return { record, state, isPinned: isPinned(catalog, record), missingIn, parityVolumes };
  });
  const strangers = survey.bundles.flatMap((bundle) => strangerWarnings(catalog, bundle));
  const all = [...warnings, ...survey.warnings, ...strangers];
  return result(bundles, artifacts, survey.problems, all);
}

function strangerWarnings(catalog: Catalog, { record }: SurveyedBundle): string[] {
  if (isPinned(catalog, record)) return [];
  return [
    `"${record.name}" is signed by ${record.source}, which this machine does not trust yet: ` +
      'compare the DID with the source’s operator',
  ];
}

function isPinned(catalog: Catalog, { source, role }: BundleRecord): boolean {
  if (role === 'source') return true;
  const isOwn = catalog.bundles().some((one) => one.source === source && one.role === 'source');
  return isOwn || catalog.pinnedSources().some(({ did }) => did === source);
}

async function verdict(
  deps: VerifyDeps,
  view: HeldView,
  record: BundleRecord,
  entry: BundleEntry,
  content: ArtifactVerdict['content'],
  now: Date,
): Promise<ArtifactVerdict> {
  const { path, purl } = entry;
  if (content === 'damaged') {
    deps.report({ event: 'warning', message: `${record.name}: ${path} is damaged` });
  }
  const isProvable = content === 'whole' && entry.kind === 'package';
  const catalogEntry = { ...entry, bundleId: record.id, bundleName: record.name };
  const proof = isProvable ? await checkProof(deps.servers, view, catalogEntry, now) : undefined;
  return { bundle: record.name, path, purl, content, proof };
}

async function checkProof(
  servers: readonly EcosystemServer[],
  view: HeldView,
  entry: CatalogEntry,
  now: Date,
): Promise<ProofVerdict> {
  const server = servers.find(({ name }) => name === entry.ecosystem);
  if (server === undefined) {
    return {
      proof: entry.proof,
      verdict: 'carried',
      note: `nothing here checks ${entry.ecosystem}`,
    };
  }
  try {
    return await server.checkProof(entry, view, now);
  } catch (thrown) {
    if (!(thrown instanceof XError)) throw thrown;
    const verdictOf = thrown.code === 'INCOMPLETE' ? 'carried' : 'broken';
    return { proof: entry.proof, verdict: verdictOf, note: messageOf(thrown) };
  }
}

function result(
  bundles: VerifiedBundle[],
  artifacts: ArtifactVerdict[],
  problems: VerifyResult['problems'],
  warnings: string[],
): VerifyResult {
  const isDamaged = artifacts.some(
    ({ content, proof }) => content === 'damaged' || proof?.verdict === 'broken',
  );
  const complete = artifacts.every(({ content }) => content !== 'missing');
  return {
    ok: !isDamaged && problems.length === 0,
    complete,
    bundles,
    artifacts,
    problems,
    warnings,
  };
}
