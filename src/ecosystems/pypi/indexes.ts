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
import { isProjectName, normalizeName } from './filename.js';

/** A file with the index that offers it; undefined for find-links. */
export interface OfferedFile extends IndexFile {
  index: PypiIndex | undefined;
}

export interface IndexesOptions {
  upstream: Upstream;
  settings: PypiSettings;
  listFolder: ListFolder;
  warn: (message: string) => void;
  signal: AbortSignal | undefined;
}

/**
 * Every place that pip would look in, asked as one.
 *
 * Which index answers for a name: pip merges all of its indexes and takes the best file wherever it
 * stands, and so do these, because the plan must be what pip would install. That lets whoever can
 * publish on one index shadow a private name of another (dependency confusion). Therefore an index
 * that is pinned - reached with credentials, or named by flag - answers alone for the names it has.
 * Among equals the order is pip's: of files that are equal in all else, the last index's is taken.
 *
 * An index that cannot be reached is a warning, once. A name that no other place has then counts as
 * unknown, as in pip, so that a version that needs it is passed over; where the plan fails for it,
 * `failure` says why. One that refuses a name is left out for that name alone. Without a pinned index
 * nothing is planned.
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
    const { indexes, noIndex } = this.#options.settings;
    const asked = noIndex || !isProjectName(name) ? [] : indexes;
    const [links, ...pages] = await Promise.all([
      this.#findLinks(),
      ...asked.map((index) => this.#page(index, name)),
    ]);
    const linked = links.filter(({ parsed }) => parsed.name === name);
    const found = pages.flatMap((page) => (page instanceof XError ? [] : page));
    const failure = pages.find((page) => page instanceof XError);
    if (linked.length + found.length === 0 && failure !== undefined)
      this.#unanswered.set(name, failure);
    const pinned = found.filter((file) => file.index?.isPinned);
    return pinned.length > 0 ? pinned : [...linked, ...found];
  }

  /** The page's files, or why the index did not answer. */
  async #page(index: PypiIndex, name: string): Promise<OfferedFile[] | XError> {
    const known = this.#unreachable.get(index.url);
    if (known !== undefined) return known;
    const { upstream, signal } = this.#options;
    const url = pageUrl(index.url, name);
    try {
      const body = await upstream.read(
        { ecosystem: 'pypi', url, accept: SIMPLE_ACCEPT, signal },
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
      else throw thrown;
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
      const names = await this.#options.listFolder(folder);
      // pip takes a folder's files in reverse order of their names.
      return names
        .toSorted()
        .toReversed()
        .flatMap((name) => fileOf(new URL(encodeURIComponent(name), folder)) ?? []);
    }
    return this.#linkPage(place);
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

/** A root page longer than this is not cheap, and no hint is worth it. */
const ROOT_PAGE_BYTES = 4 << 20;

function pageUrl(index: string, name: string | undefined): string {
  const folder = name === undefined ? `${index}/` : `${index}/${name}/`;
  return index.startsWith('file:') ? `${folder}index.html` : folder;
}

/** How many names a hint has room for. */
const NEAR_NAMES = 3;
