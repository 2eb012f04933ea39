import { BOUNDS } from '../../domain/bounds.js';
import { XError } from '../../domain/errors.js';
import type { Sha256 } from '../../domain/digest.js';
import type { Store } from '../../ports/store.js';
import { compressionOf, decompress } from './decompress.js';
import { PackageVersion } from './package-version.js';
import { eachStanza, fieldIn, textOf } from './packages-index.js';
import { PackagesTable } from './packages-table.js';
import { TableBuilder } from './table-builder.js';
import { packagesFilesOf } from './release.js';
import { releaseFolder, type LoadedSuite, type LoaderContext } from './suite-loader.js';
import type { ReleaseIndex } from './release-index.js';

/**
 * The Packages files of a suite that some architectures need, in apt's order; a warning for each that
 * is missing.
 */
export function indexesOf(
  { source, release, facts, warnings }: LoadedSuite,
  architectures: readonly string[],
): ReleaseIndex[] {
  const isFlat = source.components.length === 0;
  const hasSeparateAll =
    !isFlat &&
    release.architectures.includes('all') &&
    release.fields.get('no-support-for-architecture-all') !== 'Packages';
  const indexOf = (component: string | undefined, architecture: string, folder: string) => {
    const path = packagesFilesOf(release, component, folder)[0];
    const file = path === undefined ? undefined : release.files.get(path);
    if (path === undefined || file === undefined) return [];
    const { sha256 } = file;
    return [{ release: facts, component: component ?? 'main', architecture, path, sha256 }];
  };
  const wanted = architectures.filter(
    (name) =>
      source.architectures?.includes(name) !== false && !source.exceptArchitectures.includes(name),
  );
  return (isFlat ? [undefined] : source.components).flatMap((component) =>
    wanted.flatMap((architecture): ReleaseIndex[] => {
      const folders = hasSeparateAll ? [architecture, 'all'] : [architecture];
      const found = folders.flatMap((folder) => indexOf(component, architecture, folder));
      if (found.length === 0) {
        const what = `no Packages of ${component ?? 'its own'} for ${architecture}`;
        warnings.add(`${facts.baseUrl} ${source.suite} has ${what}.`);
      }
      return found;
    }),
  );
}

/** An index as an earlier run parsed it; undefined where none did, and then it is in the store. */
export async function obtainParsed(
  context: LoaderContext,
  suite: LoadedSuite,
  index: ReleaseIndex,
): Promise<PackagesTable | undefined> {
  const cached = await context.parsed?.load(index.sha256);
  const known = cached && PackagesTable.read(cached);
  if (known === undefined) await obtainIndex(context, suite, index);
  return known;
}

/**
 * Parses an index that the store holds, and keeps the result for the next run.
 * @throws XError UPSTREAM_MALFORMED, LIMIT_EXCEEDED.
 */
export async function parseIndex(
  { store, parsed }: Pick<LoaderContext, 'store' | 'parsed'>,
  index: ReleaseIndex,
  { release }: Pick<LoadedSuite, 'release'>,
): Promise<PackagesTable> {
  const plain = release.files.get(index.path.replace(/\.[a-z0-9]+$/, ''));
  const builder = new TableBuilder(plain?.sizeBytes);
  const where = `${index.release.suiteId}/${index.path}`;
  await eachStanza(openIndex(store, index, where), where, (stanza) => {
    builder.add(stanza);
  });
  const table = builder.table();
  await parsed?.save(index.sha256, table.parts());
  return table;
}

/**
 * Sees that the store has an index: fetched by digest first, where it lacks it.
 * @throws XError DIGEST_MISMATCH, UPSTREAM_*.
 */
export async function obtainIndex(
  context: LoaderContext,
  { source, release }: Pick<LoadedSuite, 'source' | 'release'>,
  index: ReleaseIndex,
): Promise<void> {
  if (context.store.stat(index.sha256) !== undefined) return;
  const folder = index.release.baseUrl + releaseFolder(source);
  const parent = index.path.slice(0, index.path.lastIndexOf('/') + 1);
  const urls = [`${folder}${index.path}`];
  if (release.hasByHash) urls.unshift(`${folder}${parent}by-hash/SHA256/${index.sha256}`);
  await fetchIndex(context, urls, index, release.files.get(index.path)?.sizeBytes);
}

export function openIndex(
  store: Pick<Store, 'open'>,
  { path, sha256 }: Pick<ReleaseIndex, 'path' | 'sha256'>,
  where: string,
): AsyncIterable<Uint8Array> {
  const compression = compressionOf(path) ?? 'none';
  return decompress(store.open(sha256), compression, BOUNDS.packagesFileBytes, where);
}

/** The whole stanzas of the files of some digests, read anew from an index that the store holds. */
export async function findListed(
  store: Pick<Store, 'open'>,
  index: Pick<ReleaseIndex, 'path' | 'sha256'>,
  suiteId: string,
  digests: ReadonlySet<Sha256>,
): Promise<Map<Sha256, PackageVersion>> {
  const where = `${suiteId}/${index.path}`;
  const found = new Map<Sha256, PackageVersion>();
  await eachStanza(openIndex(store, index, where), where, (stanza) => {
    const sha256 = fieldIn(stanza, 'sha256')?.toLowerCase() ?? '';
    if (!digests.has(sha256)) return;
    const name = fieldIn(stanza, 'package') ?? '';
    const version = fieldIn(stanza, 'version') ?? '';
    const architecture = fieldIn(stanza, 'architecture') ?? '';
    const text = textOf(stanza);
    found.set(sha256, new PackageVersion(name, version, architecture, text, undefined));
  });
  return found;
}

async function fetchIndex(
  { upstream, store, signal }: LoaderContext,
  urls: readonly string[],
  { sha256, release: { isPublic } }: Pick<ReleaseIndex, 'sha256' | 'release'>,
  sizeBytes: number | undefined,
): Promise<void> {
  for (const [attempt, url] of urls.entries()) {
    try {
      await store.putResumable(
        `debian-index:${sha256}`,
        (offset) => upstream.open({ ecosystem: 'debian', url, offset, isPublic, sha256, signal }),
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
    // Whoever holds an index back keeps an update from this machine: no trust in such a mirror.
    return new XError('METADATA_INVALID', `${url} is signed for, but is not there`, {
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
