import { BOUNDS } from '../../domain/bounds.js';
import { XError } from '../../domain/errors.js';
import type { Sha256 } from '../../domain/digest.js';
import type { AptHost } from '../../ports/apt.js';
import type { Store } from '../../ports/store.js';
import type { Upstream } from '../../ports/upstream.js';
import { compressionOf, decompress } from './decompress.js';
import { readKeyring, verifySigned, type Keyring } from './openpgp.js';
import { parsePackages } from './packages-index.js';
import {
  checkFreshness,
  checkSuite,
  packagesFilesOf,
  parseRelease,
  type Release,
} from './release.js';
import type { AptSettings } from './apt/settings.js';
import type { NamedSource } from './apt/suite-ids.js';
import type { PackageVersion } from './package-version.js';
import type { ReleaseFacts, ReleaseIndex } from './release-index.js';

export type IndexStore = Pick<Store, 'stat' | 'open' | 'read' | 'putBytes' | 'putResumable'>;

export interface LoaderContext {
  upstream: Upstream;
  store: IndexStore;
  host: AptHost;
  settings: AptSettings;
  now: Date;
  signal: AbortSignal | undefined;
}

/** A suite whose Release file is verified. */
export interface LoadedSuite {
  source: NamedSource;
  release: Release;
  facts: ReleaseFacts;
  warnings: string[];
}

/**
 * Fetches a suite's Release file and proves it: the signature by a key of its keyring, the time, the
 * suite that was asked for.
 * @throws XError SIGNATURE_INVALID, EXPIRED, METADATA_INVALID, UPSTREAM_*.
 */
export async function loadSuite(context: LoaderContext, source: NamedSource): Promise<LoadedSuite> {
  const { settings, now, store } = context;
  const baseUrl = withoutCredentials(source.uri);
  const folder = releaseFolder(source);
  const keyrings = await keyringsFor(context.host, source);
  const fetched = await fetchRelease(context, `${baseUrl}${folder}`);
  const where = fetched.url;
  // apt can be told not to look at dates; then a signature from the future is one as well.
  const date = settings.checkDate ? now : new Date(Math.max(now.getTime(), FAR_FUTURE_MS));
  const verified = await verifySigned(fetched, keyrings, date, where);
  const release = parseRelease(verified.text, where);
  checkSuite(release, source.suite, where);
  const freshness = {
    checkValidUntil: source.checkValidUntil ?? settings.checkValidUntil,
    checkDate: source.checkDate ?? settings.checkDate,
  };
  const warning = checkFreshness(release, freshness, now, where);
  const stored = await store.putBytes(fetched.bytes);
  const signature = fetched.signature && (await store.putBytes(fetched.signature));
  const facts: ReleaseFacts = {
    suiteId: source.suiteId,
    baseUrl,
    origin: release.fields.get('origin'),
    label: release.fields.get('label'),
    suite: release.suite,
    codename: release.codename,
    version: release.fields.get('version'),
    isNotAutomatic: release.fields.get('notautomatic') === 'yes',
    isButAutomaticUpgrades: release.fields.get('butautomaticupgrades') === 'yes',
    sha256: stored.sha256,
    signatureSha256: signature?.sha256,
    isPublic: isPublicKeyring(verified.keyring),
  };
  return { source, release, facts, warnings: warning === undefined ? [] : [warning] };
}

/** Later than any signature that is not nonsense: the year 2100. */
const FAR_FUTURE_MS = Date.UTC(2100, 0, 1);

/** Where a suite's Release file lies below the repository's address. */
export function releaseFolder({ suite }: Pick<NamedSource, 'suite'>): string {
  return suite.endsWith('/') ? suite.replace(/^\.?\/+/, '') : `dists/${suite}/`;
}

/** The keyrings that the distributions themselves install: what they verify is public. */
function isPublicKeyring(label: string): boolean {
  return /^\/(usr\/share\/keyrings|etc\/apt\/trusted\.gpg\.d)\/(debian|ubuntu)-archive-[a-z0-9-]+\.(gpg|asc|pgp)$/.test(
    label,
  );
}

interface FetchedRelease {
  url: string;
  bytes: Uint8Array;
  signature: Uint8Array | undefined;
}

async function fetchRelease(context: LoaderContext, folder: string): Promise<FetchedRelease> {
  const read = (name: string) =>
    context.upstream.read(
      { ecosystem: 'debian', url: folder + name, signal: context.signal },
      BOUNDS.releaseFileBytes,
    );
  try {
    const { bytes, url } = await read('InRelease');
    return { url, bytes, signature: undefined };
  } catch (error) {
    if (!(error instanceof XError && error.code === 'PACKAGE_NOT_FOUND')) throw error;
  }
  try {
    const [release, signature] = await Promise.all([read('Release'), read('Release.gpg')]);
    return { url: release.url, bytes: release.bytes, signature: signature.bytes };
  } catch (error) {
    if (!(error instanceof XError && error.code === 'PACKAGE_NOT_FOUND')) throw error;
    throw new XError('UPSTREAM_REFUSED', `${folder} has no signed Release file`, {
      hint: 'The suite may not exist there, or is not signed; X takes nothing that is not.',
      cause: error,
    });
  }
}

/** The keys that may sign a source: its Signed-By, or all that apt trusts. */
export async function keyringsFor(host: AptHost, source: NamedSource): Promise<Keyring[]> {
  const fingerprints = source.signedBy
    .filter((text) => /^[0-9A-Fa-f]{32,}!?$/.test(text))
    .map((text) => text.replace('!', '').toUpperCase());
  const named = source.signedBy.filter((text) => !/^[0-9A-Fa-f]{32,}!?$/.test(text));
  const keyrings = await Promise.all(
    named.map(async (text) =>
      text.includes('-----BEGIN PGP')
        ? readKeyring(Buffer.from(text), `Signed-By of ${source.where}`)
        : readKeyring(await host.readKeyring(text), text),
    ),
  );
  if (source.signedBy.length > 0 && fingerprints.length === 0) return keyrings;
  const trusted = await Promise.all(
    host.trustedKeyrings.map(async (path) => readKeyring(await host.readKeyring(path), path)),
  );
  if (fingerprints.length === 0) return trusted;
  return [...keyrings, ...trusted.map((keyring) => ({ ...keyring, fingerprints }))];
}

/** The Packages files of a suite that an architecture needs; a warning for each that is missing. */
export function indexesOf(
  { source, release, facts, warnings }: LoadedSuite,
  architecture: string,
): ReleaseIndex[] {
  if (source.architectures?.includes(architecture) === false) return [];
  const isFlat = source.components.length === 0;
  const hasSeparateAll =
    release.architectures.includes('all') &&
    release.fields.get('no-support-for-architecture-all') !== 'Packages';
  const architectures = hasSeparateAll && !isFlat ? [architecture, 'all'] : [architecture];
  const components = isFlat ? [undefined] : source.components;
  return components.flatMap((component) => {
    const found = architectures.flatMap((name): ReleaseIndex[] => {
      const path = packagesFilesOf(release, component, name)[0];
      const file = path === undefined ? undefined : release.files.get(path);
      if (path === undefined || file === undefined) return [];
      return [
        { release: facts, component: component ?? 'main', architecture, path, sha256: file.sha256 },
      ];
    });
    if (found.length === 0) {
      warnings.push(
        `${facts.baseUrl} ${source.suite} has no Packages of ${component ?? 'its own'} for ${architecture}.`,
      );
    }
    return found;
  });
}

/**
 * The stanzas of an index: from the store where it is there, else fetched into it, by digest first.
 * @throws XError DIGEST_MISMATCH, UPSTREAM_*.
 */
export async function loadIndex(
  context: LoaderContext,
  { source, release }: LoadedSuite,
  index: ReleaseIndex,
): Promise<PackageVersion[]> {
  const folder = index.release.baseUrl + releaseFolder(source);
  const sizeBytes = release.files.get(index.path)?.sizeBytes;
  if (context.store.stat(index.sha256) === undefined) {
    const parent = index.path.slice(0, index.path.lastIndexOf('/') + 1);
    const urls = [`${folder}${index.path}`];
    if (release.hasByHash) urls.unshift(`${folder}${parent}by-hash/SHA256/${index.sha256}`);
    await fetchIndex(context, urls, index.sha256, sizeBytes);
  }
  return readIndex(context.store, index, index.release.suiteId, index);
}

/** Parses an index that the store holds; its versions name `index` as where they are from. */
export async function readIndex(
  store: Pick<Store, 'open'>,
  { path, sha256 }: Pick<ReleaseIndex, 'path' | 'sha256'>,
  suiteId: string,
  index?: ReleaseIndex,
): Promise<PackageVersion[]> {
  const where = `${suiteId}/${path}`;
  const compression = compressionOf(path) ?? 'none';
  const text = decompress(store.open(sha256), compression, BOUNDS.packagesFileBytes, where);
  return parsePackages(text, index, where);
}

async function fetchIndex(
  { upstream, store, signal }: LoaderContext,
  urls: readonly string[],
  sha256: Sha256,
  sizeBytes: number | undefined,
): Promise<void> {
  for (const [attempt, url] of urls.entries()) {
    try {
      await store.putResumable(
        `debian-index:${sha256}`,
        (offset) => upstream.open({ ecosystem: 'debian', url, offset, signal }),
        { digests: { sha256 }, lengthBytes: sizeBytes, maxBytes: BOUNDS.packagesFileBytes },
      );
      return;
    } catch (error) {
      const isMissing = error instanceof XError && error.code === 'PACKAGE_NOT_FOUND';
      if (!isMissing || attempt === urls.length - 1) throw indexError(error, url);
    }
  }
}

function indexError(error: unknown, url: string): unknown {
  if (error instanceof XError && error.code === 'PACKAGE_NOT_FOUND') {
    return new XError('UPSTREAM_REFUSED', `${url} is signed for, but is not there`, {
      hint: 'The mirror may be in the middle of an update; try again, or use another.',
      cause: error,
    });
  }
  if (
    error instanceof XError &&
    (error.code === 'DIGEST_MISMATCH' || error.code === 'INCOMPLETE')
  ) {
    // Shorter than signed, though the answer was whole: another file, and none to continue.
    return new XError('DIGEST_MISMATCH', `${url}: ${error.message}`, {
      hint: 'The mirror may be in the middle of an update, or damaged; try again, or use another.',
      cause: error,
    });
  }
  return error;
}

export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//');
}
