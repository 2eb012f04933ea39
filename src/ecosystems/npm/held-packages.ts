import semver from 'semver';
import { BOUNDS } from '../../domain/bounds.js';
import { answeringEntries } from '../../domain/answering-source.js';
import { integrityOfDigest } from '../../domain/digest.js';
import { XError } from '../../domain/errors.js';
import type { JsonObject } from '../../domain/plan.js';
import type { CatalogEntry } from '../../ports/catalog.js';
import type { HeldView } from '../../ports/ecosystem.js';
import { attestationsPath } from './check-proof.js';
import { foreignAddress } from './foreign.js';
import { isObject, strings } from './json.js';
import { packumentPath, tarballFile } from './names.js';
import { decodeDocument, withLatest, type PackumentDocument } from './packument.js';

/** A package as all bundles together hold it. */
export interface HeldPackument {
  document: PackumentDocument;
  /** The entry that answers for each version. */
  entries: Map<string, CatalogEntry>;
}

/**
 * The package entries that may answer for a name, that of the bundle known first before others. A name
 * private to one source is answered from it alone. Where two sources disagree about a file, the view
 * has the one that answers.
 */
export function packageEntries(view: HeldView, name: string): CatalogEntry[] {
  const entries = view
    .entriesByName('npm', name)
    .filter((entry) => entry.kind === 'package' && entry.version !== undefined)
    .filter((entry) => foreignAddress(entry.detail) === undefined);
  return answeringEntries(entries, view.bundles());
}

/** The entry that answers for a tarball's file name. */
export function tarballEntry(view: HeldView, name: string, file: string): CatalogEntry | undefined {
  const published = packageEntries(view, name).find(
    (entry) => tarballFile(name, entry.version ?? '') === file,
  );
  // What came from a git repository or an address has a name of its own, and stands in no packument.
  return published ?? view.entriesByName('npm', name).find((entry) => isForeignFile(entry, file));
}

function isForeignFile(entry: CatalogEntry, file: string): boolean {
  return (
    entry.kind === 'package' &&
    foreignAddress(entry.detail) !== undefined &&
    entry.path.endsWith(`/${file}`)
  );
}

/**
 * The union of the packuments that the bundles carry, versions whose tarball is signed only.
 * Undefined where no bundle holds the package.
 * @throws XError METADATA_INVALID where a signed index document cannot be read.
 */
export async function heldPackument(
  view: HeldView,
  name: string,
): Promise<HeldPackument | undefined> {
  const chosen = new Map<string, CatalogEntry>();
  for (const entry of packageEntries(view, name)) {
    if (entry.version !== undefined && !chosen.has(entry.version)) chosen.set(entry.version, entry);
  }
  const bundleIds = [...new Set([...chosen.values()].map((entry) => entry.bundleId))];
  const documents = new Map<string, PackumentDocument>();
  for (const id of bundleIds) documents.set(id, await readDocument(view, id, name));

  const merged: PackumentDocument = { name, distTags: {}, time: {}, versions: {} };
  const entries = new Map<string, CatalogEntry>();
  for (const [version, entry] of chosen) {
    const document = documents.get(entry.bundleId);
    const manifest = document?.versions[version];
    if (document === undefined || manifest === undefined) continue;
    entries.set(version, entry);
    const dist = distOf(manifest, entry, view);
    merged.versions[version] = { ...withHeldOptionals(manifest, view), dist };
    const time = document.time[version];
    if (time !== undefined) merged.time[version] = time;
  }
  if (entries.size === 0) return undefined;
  const tags = [...documents.values()].reverse().map(({ distTags }) => distTags);
  merged.distTags = withLatest(Object.assign({}, ...tags), Object.keys(merged.versions));
  return { document: merged, entries };
}

async function readDocument(
  view: HeldView,
  bundleId: string,
  name: string,
): Promise<PackumentDocument> {
  const entry = view.entryByPath(bundleId, packumentPath(name));
  const bytes = entry === undefined ? undefined : await view.read(entry, BOUNDS.documentBytes);
  const document = bytes === undefined ? undefined : decodeDocument(bytes);
  if (document?.name === name) return document;
  throw new XError('METADATA_INVALID', `${bundleId}: no readable ${packumentPath(name)}`, {
    hint: 'Pull the bundle again; if it stays so, its source has to publish it anew.',
  });
}

/**
 * The integrity that clients see is the signed entry's, whatever the document says; attestations are
 * named where they are carried.
 */
function distOf(manifest: JsonObject, entry: CatalogEntry, view: HeldView): JsonObject {
  const { attestations, ...dist } = isObject(manifest['dist']) ? manifest['dist'] : {};
  const integrity =
    entry.sha512 === undefined
      ? integrityOfDigest('sha256', entry.sha256)
      : integrityOfDigest('sha512', entry.sha512);
  const carried = view.entryByPath(entry.bundleId, attestationsPath(entry.path)) !== undefined;
  return { ...dist, ...(carried && attestations !== undefined ? { attestations } : {}), integrity };
}

/**
 * Optional dependencies that nothing held answers are left out: other platforms' binaries above all.
 * npm would skip them, but write them into its lockfile without a version, and then refuse that
 * lockfile in `npm ci`.
 */
function withHeldOptionals(manifest: JsonObject, view: HeldView): JsonObject {
  const optional = strings(manifest['optionalDependencies']);
  const missing = Object.entries(optional)
    .filter(([name, spec]) => !isHeld(name, spec, view))
    .map(([name]) => name);
  if (missing.length === 0) return manifest;
  const rest = (table: Record<string, string>): JsonObject =>
    Object.fromEntries(Object.entries(table).filter(([name]) => !missing.includes(name)));
  return {
    ...manifest,
    optionalDependencies: rest(optional),
    // Old manifests list optional dependencies a second time.
    ...(manifest['dependencies'] === undefined
      ? {}
      : { dependencies: rest(strings(manifest['dependencies'])) }),
  };
}

function isHeld(name: string, spec: string, view: HeldView): boolean {
  const alias = /^npm:(@?[^@]+)(?:@(.*))?$/.exec(spec);
  const range = alias === null ? spec : (alias[2] ?? '*');
  const entries = packageEntries(view, alias?.[1] ?? name);
  if (semver.validRange(range) === null) return entries.length > 0;
  return entries.some(({ version }) => semver.satisfies(version ?? '', range, { loose: true }));
}
