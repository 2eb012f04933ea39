import { answeringEntries } from '../../domain/answering-source.js';
import type { CatalogEntry } from '../../ports/catalog.js';
import type { HeldView, NativeRequest, NativeResponse } from '../../ports/ecosystem.js';
import { RootPages, type RootPage } from './root-pages.js';
import { isProjectName, normalizeName } from './filename.js';
import {
  filenameOf,
  projectHtml,
  projectJson,
  servedFile,
  type ServedFile,
} from './simple-pages.js';

const HTML = 'application/vnd.pypi.simple.v1+html';
const JSON_TYPE = 'application/vnd.pypi.simple.v1+json';

/**
 * Answers pip, uv and other clients of the simple API: `simple/`, `simple/NAME/`,
 * `files/SHA256/FILENAME` with its `.metadata` and `.provenance`. Nothing but what signed bundles hold is listed.
 * @see https://packaging.python.org/en/latest/specifications/simple-repository-api/
 */
export function respondPypi(
  request: NativeRequest,
  view: HeldView,
  roots = new RootPages(),
): Promise<NativeResponse> {
  return Promise.resolve(answer(request, view, roots));
}

function answer(request: NativeRequest, view: HeldView, roots: RootPages): NativeResponse {
  const segments = request.path.replace(/\/+$/, '').split('/');
  const [first, second, third] = segments;
  if (request.method === 'POST') {
    // twine and uv show the text.
    const text = 'nothing can be uploaded here: the gateway serves what signed bundles hold\n';
    const headers = { 'content-type': 'text/plain; charset=utf-8', allow: 'GET, HEAD' };
    return { kind: 'bytes', status: 405, headers, bytes: Buffer.from(text) };
  }
  if (first === 'simple' && second === undefined) return rootPage(request, roots.of(view));
  if (first === 'simple' && segments.length === 2) return projectPage(request, view, second ?? '');
  if (first === 'files' && segments.length === 3) return file(second ?? '', third ?? '', view);
  return { kind: 'not-found', ecosystem: 'pypi', what: request.path };
}

/** Which of the two forms a client prefers; HTML where it does not say. */
function wantsJson(request: NativeRequest): boolean {
  const format = request.query.get('format');
  const accept = format ?? request.headers['accept'] ?? '';
  let [json, html] = [0, 0];
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const quality = Number(parameters.find((one) => one.startsWith('q='))?.slice(2) ?? 1);
    if (type === JSON_TYPE || type === 'application/vnd.pypi.simple.latest+json') {
      json = Math.max(json, quality);
    } else if (type === HTML || type === 'text/html' || type === '*/*') {
      html = Math.max(html, quality);
    }
  }
  return json > 0 && json >= html;
}

/** A page in the form that the client prefers. */
export function pageOf(
  request: NativeRequest,
  json: () => string | Buffer,
  html: () => string | Buffer,
): Extract<NativeResponse, { kind: 'bytes' }> {
  const isJson = wantsJson(request);
  const isNewHtml = (request.headers['accept'] ?? '').includes(HTML);
  const type = isJson ? JSON_TYPE : isNewHtml ? HTML : 'text/html; charset=utf-8';
  return {
    kind: 'bytes',
    status: 200,
    headers: { 'content-type': type, vary: 'Accept', 'cache-control': 'no-cache' },
    bytes: bytesOf(isJson ? json() : html()),
  };
}

function bytesOf(page: string | Buffer): Buffer {
  return typeof page === 'string' ? Buffer.from(page) : page;
}

function rootPage(request: NativeRequest, { json, html }: RootPage): NativeResponse {
  return pageOf(
    request,
    () => json,
    () => html,
  );
}

function projectPage(request: NativeRequest, view: HeldView, asked: string): NativeResponse {
  // A name in another spelling is answered at once: a redirect would only cost a round.
  const name = normalizeName(asked);
  const files = isProjectName(asked) ? filesOf(name, view) : [];
  if (files.length === 0) {
    return { kind: 'not-found', ecosystem: 'pypi', what: name, isPackage: isProjectName(asked) };
  }
  return pageOf(
    request,
    () => projectJson(name, files, request.baseUrl),
    () => projectHtml(name, files, request.baseUrl),
  );
}

/**
 * The union over bundles; of two files of one name that known first counts, where the view has not
 * settled it. A name private to one source is answered from it alone.
 */
function filesOf(name: string, view: HeldView): ServedFile[] {
  const entries = view.entriesByName('pypi', name).filter(({ kind }) => kind === 'package');
  const packages = new Map<string, CatalogEntry>();
  for (const entry of answeringEntries(entries, view.bundles())) {
    const filename = filenameOf(entry);
    if (!packages.has(filename)) packages.set(filename, entry);
  }
  return [...packages.values()].map((entry) =>
    servedFile(entry, {
      metadata: besideOf(entry, '.metadata', view),
      provenance: besideOf(entry, '.provenance', view),
    }),
  );
}

/** What stands beside a file under its name: METADATA (PEP 658), attestations (PEP 740). */
const BESIDE: Readonly<Record<string, string>> = {
  '.metadata': 'text/plain; charset=utf-8',
  '.provenance': 'application/json',
};

function besideOf(entry: CatalogEntry, suffix: string, view: HeldView): CatalogEntry | undefined {
  const found = view.entryByPath(entry.bundleId, entry.path + suffix);
  return found?.kind === 'package' ? undefined : found;
}

function file(sha256: string, filename: string, view: HeldView): NativeResponse {
  const suffix = Object.keys(BESIDE).find((one) => filename.endsWith(one)) ?? '';
  const wanted = filename.slice(0, filename.length - suffix.length);
  const entry = view
    .entriesBySha256(sha256)
    .find(
      (one) => one.ecosystem === 'pypi' && one.kind === 'package' && filenameOf(one) === wanted,
    );
  const served = entry !== undefined && suffix !== '' ? besideOf(entry, suffix, view) : entry;
  if (served === undefined) return { kind: 'not-found', ecosystem: 'pypi', what: filename };
  const type = BESIDE[suffix] ?? 'application/octet-stream';
  return { kind: 'artifact', headers: { 'content-type': type }, entry: served };
}
