import { BOUNDS } from '../../domain/bounds.js';
import { XError } from '../../domain/errors.js';
import type { AptHost, ParsedIndexes, SeenReleases } from '../../ports/apt.js';
import type { Store } from '../../ports/store.js';
import type { Upstream } from '../../ports/upstream.js';
import { readKeyring, verifySigned, type Keyring } from './openpgp.js';
import { checkFreshness, checkSeen, checkSuite, parseRelease, type Release } from './release.js';
import type { AptSettings } from './apt/settings.js';
import type { NamedSource } from './apt/suite-ids.js';
import type { ReleaseFacts } from './release-index.js';

export type IndexStore = Pick<Store, 'stat' | 'open' | 'read' | 'putBytes' | 'putResumable'>;

export interface LoaderContext {
  upstream: Upstream;
  store: IndexStore;
  /** Indexes that an earlier run parsed. */
  parsed?: ParsedIndexes | undefined;
  /** What earlier runs accepted: nothing goes back behind it. */
  seen?: SeenReleases | undefined;
  host: AptHost;
  settings: AptSettings;
  /** Mirrors whose packages may be named in public, whoever signs them. */
  publicIndexes?: readonly string[] | undefined;
  now: Date;
  signal: AbortSignal | undefined;
}

/** A suite whose Release file is verified. */
export interface LoadedSuite {
  source: NamedSource;
  release: Release;
  facts: ReleaseFacts;
  warnings: Set<string>;
}

/**
 * Fetches a suite's Release file and proves it: the signature by a key of its keyring, the time, the
 * suite that was asked for.
 * @throws XError SIGNATURE_INVALID, EXPIRED, ROLLBACK, METADATA_INVALID, UPSTREAM_*.
 */
export async function loadSuite(context: LoaderContext, source: NamedSource): Promise<LoadedSuite> {
  const { settings, now, store } = context;
  const baseUrl = withoutCredentials(source.uri);
  const folder = releaseFolder(source);
  const keyrings = await keyringsFor(context.host, source);
  const isNamed = isNamedPublic(context, baseUrl);
  // What only a distribution's own keys may sign is nobody's secret; a login makes it one.
  const isPublic =
    baseUrl === source.uri &&
    (isNamed || (keyrings.length > 0 && keyrings.every(({ label }) => isPublicKeyring(label))));
  const fetched = await fetchRelease(context, `${baseUrl}${folder}`, isPublic);
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
  const address = `${baseUrl}${folder}`;
  const news = checkSeen(release, await context.seen?.get(address), where);
  if (news !== undefined) await context.seen?.put(address, news);
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
    isPublic: isNamed || isPublicKeyring(verified.keyring),
  };
  return { source, release, facts, warnings: new Set(warning === undefined ? [] : [warning]) };
}

/** Later than any signature that is not nonsense: the year 2100. */
const FAR_FUTURE_MS = Date.UTC(2100, 0, 1);

/** Where a suite's Release file lies below the repository's address. */
export function releaseFolder({ suite }: Pick<NamedSource, 'suite'>): string {
  return suite.endsWith('/') ? suite.replace(/^\.?\/+/, '') : `dists/${suite}/`;
}

function isNamedPublic({ publicIndexes = [] }: LoaderContext, baseUrl: string): boolean {
  const bare = (url: string): string => url.replace(/\/+$/, '');
  return publicIndexes.some((url) => bare(url) === bare(baseUrl));
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

async function fetchRelease(
  { upstream, signal }: LoaderContext,
  folder: string,
  isPublic: boolean,
): Promise<FetchedRelease> {
  const read = (name: string) =>
    upstream.read(
      { ecosystem: 'debian', url: folder + name, isPublic, signal },
      BOUNDS.releaseFileBytes,
    );
  try {
    const { bytes, url } = await read('InRelease');
    return { url, bytes, signature: undefined };
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  const [release, signature] = await Promise.allSettled([read('Release'), read('Release.gpg')]);
  if (release.status === 'fulfilled' && signature.status === 'fulfilled') {
    const { url, bytes } = release.value;
    return { url, bytes, signature: signature.value.bytes };
  }
  for (const one of [release, signature]) {
    if (one.status === 'rejected' && !isMissing(one.reason)) throw one.reason;
  }
  if (release.status === 'fulfilled') {
    throw new XError('SIGNATURE_INVALID', `${release.value.url} is not signed: no Release.gpg`, {
      hint: 'X takes nothing that is not signed, whatever trusted=yes says; ask who publishes it.',
    });
  }
  throw new XError('UPSTREAM_REFUSED', `${folder} has no signed Release file`, {
    hint: 'The suite may not exist there, or is not signed; X takes nothing that is not.',
    cause: release.reason,
  });
}

function isMissing(error: unknown): error is XError {
  return error instanceof XError && error.code === 'PACKAGE_NOT_FOUND';
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
        : keyringFile(host, text),
    ),
  );
  if (source.signedBy.length > 0 && fingerprints.length === 0) return keyrings;
  const trusted = await Promise.all(host.trustedKeyrings.map((path) => keyringFile(host, path)));
  if (fingerprints.length === 0) return trusted;
  return [...keyrings, ...trusted.map((keyring) => ({ ...keyring, fingerprints }))];
}

/** What was read once serves every suite. */
const keyringFiles = new WeakMap<AptHost, Map<string, Promise<Keyring>>>();

function keyringFile(host: AptHost, path: string): Promise<Keyring> {
  const known = keyringFiles.get(host) ?? new Map<string, Promise<Keyring>>();
  keyringFiles.set(host, known);
  const keyring =
    known.get(path) ?? host.readKeyring(path).then((bytes) => readKeyring(bytes, path));
  known.set(path, keyring);
  return keyring;
}

export function withoutCredentials(url: string): string {
  return url.replace(/\/\/[^/@]*@/, '//');
}
