import { BOUNDS } from '../../domain/bounds.js';
import { XError } from '../../domain/errors.js';
import { nearest } from '../../domain/nearest.js';
import type { ListFolder, PypiIndex, PypiSettings } from '../../ports/pypi-settings.js';
import type { Upstream } from '../../ports/upstream.js';
import {
  fileOf,
  parseIndexPage,
  parseRootPage,
  SIMPLE_ACCEPT,
  type IndexFile,
} from './index-page.js';
import { answering, inOrder } from './answering-index.js';
import type { IndexStrategy } from './choices.js';
import { isProjectName, normalizeName } from './filename.js';
import { compareVersions, type Version } from './version.js';

/** A file with the index that offers it; undefined for find-links. */
export interface OfferedFile extends IndexFile {
  index: PypiIndex | undefined;
}

export interface IndexesOptions {
  upstream: Upstream;
  settings: PypiSettings;
  strategy: IndexStrategy;
  listFolder: ListFolder;
  warn: (message: string) => void;
  signal: AbortSignal | undefined;
}

/**
 * Every place that pip would look in, asked as one; `answering` says whose files of a name count.
 * Find-links are places that the user names file by file: what they have counts beside the index.
 *
 * An index that cannot be reached is a warning, once. A name that no other place has then counts as
 * unknown, as in pip, so that a version that needs it is passed over; where the plan fails for it,
 * `failure` says why. One that refuses a name is left out for that name alone. Without an index that
 * would answer ahead of the one that does, nothing is planned.
 */
export class Indexes {
  readonly #options: IndexesOptions;
  readonly #pages = new Map<string, Promise<OfferedFile[]>>();
  readonly #unreachable = new Map<string, XError>();
  readonly #unanswered = new Map<string, XError>();
  #links: Promise<OfferedFile[]> | undefined;

  constructor(options: IndexesOptions) {
    this.#options = options;
  }

  /**
   * The files of a project in pip's order, least preferred among equals first; none where it is unknown.
   * @throws XError UPSTREAM_UNREACHABLE and UPSTREAM_REFUSED of a pinned index, UPSTREAM_MALFORMED, LIMIT_EXCEEDED.
   */
  files(name: string): Promise<OfferedFile[]> {
    let page = this.#pages.get(name);
    if (page === undefined) {
      page = this.#load(name);
      this.#pages.set(name, page);
    }
    return page;
  }

  /** Why a name has no files, where that is because an index could not be reached. */
  failure(name: string): XError | undefined {
    return this.#unanswered.get(name);
  }

  async #load(name: string): Promise<OfferedFile[]> {
    const { settings, strategy } = this.#options;
    const asked = settings.noIndex || !isProjectName(name) ? [] : settings.indexes;
    const [links, ...pages] = await Promise.all([
      this.#findLinks(),
      ...asked.map(async (index) => ({ index, page: await this.#page(index, name) })),
    ]);
    const linked = links.filter(({ parsed }) => parsed.name === name);
    const answers = pages.map(({ index, page }) => ({
      index,
      files: page instanceof XError ? [] : page,
    }));
    const { files, from, leftOut } = answering(answers, strategy);
    const failures = pages.filter((one): one is { index: PypiIndex; page: XError } => {
      return one.page instanceof XError;
    });
    const [failure] = failures;
    if (linked.length + files.length === 0 && failure !== undefined)
      this.#unanswered.set(name, failure.page);
    if (strategy !== 'pip') checkAhead(name, pages, from);
    this.#tellLeftOut(name, from, leftOut);
    return from.some(({ isPinned }) => isPinned) && strategy !== 'pip'
      ? files
      : [...linked, ...files];
  }

  /** Told, because pip would do otherwise: on the isolated machine it has no choice. */
  #tellLeftOut(
    name: string,
    from: readonly PypiIndex[],
    leftOut: readonly { index: PypiIndex; files: readonly OfferedFile[] }[],
  ): void {
    for (const { index, files } of leftOut) {
      const newest = files.map(({ parsed }) => parsed.version).reduce(newer).text;
      this.#options.warn(
        `${name} is taken from ${from.map(({ url }) => url).join(' and ')} alone; ${index.url} has that name too, up to ${newest}: --index-strategy pip takes the best of all, as pip does`,
      );
    }
  }

  /** The page's files, or why the index did not answer. */
  async #page(index: PypiIndex, name: string): Promise<OfferedFile[] | XError> {
    const known = this.#unreachable.get(index.url);
    if (known !== undefined) return known;
    const { upstream, signal } = this.#options;
    const url = pageUrl(index.url, name);
    try {
      const body = await upstream.read(
        { ecosystem: 'pypi', url, accept: SIMPLE_ACCEPT, isPublic: index.isPublic, signal },
        BOUNDS.indexPageBytes,
      );
      const { files } = parseIndexPage(body.bytes, body.contentType, body.url);
      return files.filter(({ parsed }) => parsed.name === name).map((file) => ({ ...file, index }));
    } catch (thrown) {
      if (!(thrown instanceof XError)) throw thrown;
      if (thrown.code === 'PACKAGE_NOT_FOUND') return [];
      // Without the index that alone answers for its names, another one would answer for them.
      if (index.isPinned) throw thrown;
      if (thrown.code === 'UPSTREAM_UNREACHABLE') this.#reportUnreachable(index, thrown);
      else if (thrown.code === 'UPSTREAM_REFUSED') this.#reportRefusal(index, name, thrown);
      else throw broken(thrown, index);
      return thrown;
    }
  }

  #reportUnreachable(index: PypiIndex, error: XError): void {
    if (this.#unreachable.has(index.url)) return;
    this.#unreachable.set(index.url, error);
    this.#options.warn(
      `index ${index.url} cannot be reached, planned without it: ${error.message}`,
    );
  }

  /** Some indexes refuse the names that they do not have: pip goes on with the others, and with other names. */
  #reportRefusal(index: PypiIndex, name: string, error: XError): void {
    this.#options.warn(
      `index ${index.url} does not answer for ${name}, planned without it: ${error.message}`,
    );
  }

  #findLinks(): Promise<OfferedFile[]> {
    this.#links ??= this.#loadLinks();
    return this.#links;
  }

  async #loadLinks(): Promise<OfferedFile[]> {
    const places = await Promise.all(
      this.#options.settings.findLinks.map((place) => this.#linksOf(place)),
    );
    return places.flat().map((file) => ({ ...file, index: undefined }));
  }

  async #linksOf(place: string): Promise<IndexFile[]> {
    const address = new URL(place);
    const direct = fileOf(address);
    if (direct !== undefined) return [direct];
    if (address.protocol === 'file:' && !/\.html?$/i.test(address.pathname)) {
      const folder = place.endsWith('/') ? place : `${place}/`;
      const names = await this.#namesIn(folder);
      // pip takes a folder's files in reverse order of their names.
      return names
        .toSorted()
        .toReversed()
        .flatMap((name) => fileOf(new URL(encodeURIComponent(name), folder)) ?? []);
    }
    return this.#linkPage(place);
  }

  /** A folder that is not there is told and passed over, as pip does: a configuration may outlive it. */
  async #namesIn(folder: string): Promise<string[]> {
    try {
      return await this.#options.listFolder(folder);
    } catch (thrown) {
      if (!(thrown instanceof XError)) throw thrown;
      this.#options.warn(`${thrown.message}: planned without it`);
      return [];
    }
  }

  async #linkPage(url: string): Promise<IndexFile[]> {
    const { upstream, signal, warn } = this.#options;
    try {
      const body = await upstream.read({ ecosystem: 'pypi', url, signal }, BOUNDS.indexPageBytes);
      return parseIndexPage(body.bytes, body.contentType ?? 'text/html', body.url).files;
    } catch (thrown) {
      if (!(thrown instanceof XError)) throw thrown;
      if (thrown.code !== 'UPSTREAM_UNREACHABLE' && thrown.code !== 'PACKAGE_NOT_FOUND')
        throw thrown;
      warn(`find-links ${url} cannot be read, planned without it: ${thrown.message}`);
      return [];
    }
  }

  /** Indexes that are folders of this machine, as they are configured, and are not there. */
  async missingFolders(): Promise<string[]> {
    const { settings, listFolder } = this.#options;
    const folders = settings.noIndex
      ? []
      : settings.indexes.filter(({ url }) => url.startsWith('file:'));
    const missing = await Promise.all(
      folders.map(async ({ url }) => {
        try {
          await listFolder(`${url}/`);
          return [];
        } catch (thrown) {
          if (thrown instanceof XError) return [url];
          throw thrown;
        }
      }),
    );
    return missing.flat();
  }

  /** Names near to one that nobody knows, from the root pages that can be read. */
  async nearNames(name: string, known: Iterable<string>): Promise<string[]> {
    const names = new Set(known);
    for (const index of this.#options.settings.noIndex ? [] : this.#options.settings.indexes) {
      for (const listed of await this.#rootNames(index)) names.add(listed);
    }
    return nearest(name, names, NEAR_NAMES);
  }

  async #rootNames(index: PypiIndex): Promise<string[]> {
    if (this.#unreachable.has(index.url)) return [];
    const { upstream, signal } = this.#options;
    const url = pageUrl(index.url, undefined);
    try {
      const body = await upstream.read({ ecosystem: 'pypi', url, signal }, ROOT_PAGE_BYTES);
      return parseRootPage(body.bytes).map(normalizeName);
    } catch (thrown) {
      // Only a hint depends on it: an index without a root page, or with an endless one, has none.
      if (thrown instanceof XError) return [];
      throw thrown;
    }
  }
}

/** A page that cannot be read may hide the files of its project: nothing is planned past it. */
function broken(error: XError, { url }: PypiIndex): XError {
  const hint =
    error.hint ??
    `${url} answers with what cannot be read as an index page: check its address, or take it out of pip's configuration and the requirements.`;
  return new XError(error.code, error.message, { hint, cause: error });
}

function newer(a: Version, b: Version): Version {
  return compareVersions(a, b) >= 0 ? a : b;
}

/**
 * An index that does not answer may be the one that the name belongs to: another must not stand in for it.
 * @throws XError UPSTREAM_UNREACHABLE.
 */
function checkAhead(
  name: string,
  pages: readonly { index: PypiIndex; page: OfferedFile[] | XError }[],
  from: readonly PypiIndex[],
): void {
  for (const { index, page } of inOrder(pages)) {
    if (from.length === 0 || from.includes(index)) return;
    if (!(page instanceof XError) || page.code !== 'UPSTREAM_UNREACHABLE' || index.isPublic)
      continue;
    const others = from.map(({ url }) => url).join(' and ');
    throw new XError(
      page.code,
      `${name} may belong to ${index.url}, which cannot be reached, and not to ${others}: ${page.message}`,
      { hint: '--index-strategy pip goes on without it, as pip does.', cause: page },
    );
  }
}

/** A root page longer than this is not cheap, and no hint is worth it. */
const ROOT_PAGE_BYTES = 4 << 20;

function pageUrl(index: string, name: string | undefined): string {
  const folder = name === undefined ? `${index}/` : `${index}/${name}/`;
  return index.startsWith('file:') ? `${folder}index.html` : folder;
}

/** How many names a hint has room for. */
const NEAR_NAMES = 3;
