import { BOUNDS } from '../../domain/bounds.js';
import { isDigest, type Digests } from '../../domain/digest.js';
import { messageOf, XError } from '../../domain/errors.js';
import { parseFilename, type SdistName, type WheelName } from './filename.js';
import { tagsOf } from './html-tags.js';
import { parseSpecifiers, type SpecifierSet } from './specifier.js';

/** One file that an index offers. */
export interface IndexFile {
  filename: string;
  parsed: WheelName | SdistName;
  url: string;
  digests: Digests;
  /** As the index says it, for passing on. */
  requiresPythonText: string | undefined;
  requiresPython: SpecifierSet | undefined;
  /** The reason, possibly empty, where the file is yanked (PEP 592). */
  yanked: string | undefined;
  /** PEP 658: METADATA stands beside the file, with or without a digest. */
  coreMetadata: { sha256: string | undefined } | undefined;
  /** PEP 700. */
  sizeBytes: number | undefined;
  uploadTime: string | undefined;
  /** PEP 740: where its attestations are. */
  provenanceUrl: string | undefined;
}

/** What one index answered for one project. */
export interface IndexPage {
  files: IndexFile[];
}

const JSON_TYPE = /^application\/(?:vnd\.pypi\.simple\.v1\+json|json)/i;

/** What is asked for: JSON first, as pip does. */
export const SIMPLE_ACCEPT =
  'application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html; q=0.1, text/html; q=0.01';

/**
 * Reads a project's page: PEP 691 JSON or PEP 503 HTML. Links that are no distribution are passed over,
 * and so are those of a page from the network to files of this machine.
 * @throws XError UPSTREAM_MALFORMED, LIMIT_EXCEEDED.
 */
export function parseIndexPage(
  bytes: Uint8Array,
  contentType: string | undefined,
  url: string,
): IndexPage {
  const text = new TextDecoder().decode(bytes);
  const isJson = JSON_TYPE.test(contentType ?? '') || /^\s*\{/.test(text);
  const files = isJson ? filesOfJson(text, url) : filesOfHtml(text, url);
  return { files: files.filter((file) => mayLinkTo(file.url, url)) };
}

/** A page from the network names no file of this machine: it would be signed and handed on. */
function mayLinkTo(fileUrl: string, pageUrl: string): boolean {
  const protocol = new URL(fileUrl).protocol;
  return /^https?:$/.test(protocol) || (protocol === 'file:' && pageUrl.startsWith('file:'));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

/** The project names on an index's root page, HTML or JSON; for naming near misses. */
export function parseRootPage(bytes: Uint8Array): string[] {
  const text = new TextDecoder().decode(bytes);
  if (!/^\s*\{/.test(text)) {
    return [...tagsOf(text, 'a')].map((anchor) => decodeEntities(anchor.text).trim());
  }
  const root = parseJson(text, 'root page') as { projects?: unknown };
  const projects: unknown[] = Array.isArray(root.projects) ? root.projects : [];
  return projects.flatMap((project) => {
    const name: unknown = isObject(project) ? project['name'] : undefined;
    return typeof name === 'string' ? [name] : [];
  });
}

const ATTRIBUTE = /([a-z][a-z0-9-]*)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'>]+)))?/gi;

function filesOfHtml(text: string, pageUrl: string): IndexFile[] {
  const [first] = tagsOf(text, 'base');
  const base = first && attributesOf(first.attributes).get('href');
  const isUsable = base !== undefined && URL.canParse(base, pageUrl);
  const baseUrl = isUsable ? new URL(base, pageUrl).href : pageUrl;
  const files: IndexFile[] = [];
  for (const anchor of tagsOf(text, 'a')) {
    const attributes = attributesOf(anchor.attributes);
    const href = attributes.get('href');
    if (href === undefined || !URL.canParse(href, baseUrl)) continue;
    const address = new URL(href, baseUrl);
    const metadata =
      attributes.get('data-core-metadata') ?? attributes.get('data-dist-info-metadata');
    const file = fileOf(address, {
      requiresPython: attributes.get('data-requires-python'),
      yanked: attributes.get('data-yanked'),
      coreMetadata:
        metadata === undefined || metadata === 'false'
          ? undefined
          : { sha256: sha256Of(metadata.replace(/^sha256=/, '')) },
      provenanceUrl: linkBeside(attributes.get('data-provenance'), baseUrl),
    });
    if (file !== undefined) files.push(file);
    if (files.length > BOUNDS.indexPageFiles) throw tooMany(pageUrl);
  }
  return files;
}

/** An address that a page names beside a file, without credentials; only what the page itself may link to. */
function linkBeside(text: string | undefined, pageUrl: string): string | undefined {
  if (text === undefined || !URL.canParse(text, pageUrl)) return undefined;
  const url = new URL(text, pageUrl);
  url.username = '';
  url.password = '';
  return mayLinkTo(url.href, pageUrl) ? url.href : undefined;
}

function attributesOf(text: string): Map<string, string> {
  const attributes = new Map<string, string>();
  for (const [, name = '', double, single, bare] of text.matchAll(ATTRIBUTE)) {
    attributes.set(name.toLowerCase(), decodeEntities(double ?? single ?? bare ?? ''));
  }
  return attributes;
}

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
};

function decodeEntities(text: string): string {
  return text.replace(/&(#x[0-9a-f]{1,6}|#[0-9]{1,7}|[a-z]+);/gi, (whole, name: string) => {
    if (!name.startsWith('#')) return ENTITIES[name.toLowerCase()] ?? whole;
    const isHex = /^#x/i.test(name);
    const code = Number.parseInt(name.slice(isHex ? 2 : 1), isHex ? 16 : 10);
    return code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** What an index may say of a file beside its address. */
interface FileFacts {
  requiresPython?: string | undefined;
  yanked?: string | undefined;
  coreMetadata?: IndexFile['coreMetadata'];
  sizeBytes?: number | undefined;
  uploadTime?: string | undefined;
  provenanceUrl?: string | undefined;
  filename?: string | undefined;
  digests?: Digests;
}

/** A file from its address, the digest in the fragment; undefined where it is no distribution. */
export function fileOf(address: URL, facts: FileFacts = {}): IndexFile | undefined {
  const filename = facts.filename ?? lastSegment(address);
  const parsed = filename === undefined ? undefined : parseFilename(filename);
  if (filename === undefined || parsed === undefined) return undefined;
  const fragment = new URLSearchParams(address.hash.slice(1));
  const digests: Digests = { ...facts.digests };
  for (const algorithm of ['sha256', 'sha512'] as const) {
    const hex = fragment.get(algorithm)?.toLowerCase();
    if (hex !== undefined && isDigest(algorithm, hex)) digests[algorithm] ??= hex;
  }
  const url = new URL(address);
  url.hash = '';
  const { requiresPython } = facts;
  return {
    filename,
    parsed,
    url: url.href,
    digests,
    requiresPythonText: requiresPython,
    requiresPython: requiresPython === undefined ? undefined : parseSpecifiers(requiresPython),
    yanked: facts.yanked,
    coreMetadata: facts.coreMetadata,
    sizeBytes: facts.sizeBytes,
    uploadTime: facts.uploadTime,
    provenanceUrl: facts.provenanceUrl,
  };
}

function lastSegment(address: URL): string | undefined {
  try {
    return decodeURIComponent(address.pathname.slice(address.pathname.lastIndexOf('/') + 1));
  } catch (thrown) {
    if (thrown instanceof URIError) return undefined;
    throw thrown;
  }
}

function filesOfJson(text: string, pageUrl: string): IndexFile[] {
  const page = parseJson(text, pageUrl) as { meta?: { 'api-version'?: unknown }; files?: unknown };
  const version = page.meta?.['api-version'];
  if (typeof version !== 'string' || !/^1\.[0-9]+$/.test(version)) {
    throw new XError('UPSTREAM_MALFORMED', `${pageUrl}: unknown api-version ${String(version)}`);
  }
  if (!Array.isArray(page.files)) {
    throw new XError('UPSTREAM_MALFORMED', `${pageUrl}: no list of files`);
  }
  if (page.files.length > BOUNDS.indexPageFiles) throw tooMany(pageUrl);
  return page.files.flatMap((raw) => fileOfJson(raw, pageUrl) ?? []);
}

function tooMany(pageUrl: string): XError {
  return new XError('LIMIT_EXCEEDED', `${pageUrl}: more than ${BOUNDS.indexPageFiles} files`);
}

function parseJson(text: string, where: string): object {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (thrown) {
    const problem = `${where}: not JSON: ${messageOf(thrown)}`;
    throw new XError('UPSTREAM_MALFORMED', problem, { cause: thrown });
  }
  if (typeof value === 'object' && value !== null) return value;
  throw new XError('UPSTREAM_MALFORMED', `${where}: not a JSON object`);
}

function fileOfJson(raw: unknown, pageUrl: string): IndexFile | undefined {
  if (!isObject(raw)) return undefined;
  const file = raw;
  const text = (key: string): string | undefined =>
    typeof file[key] === 'string' ? file[key] : undefined;
  const href = text('url');
  if (href === undefined || !URL.canParse(href, pageUrl)) return undefined;
  const { yanked } = file;
  const isYanked = typeof yanked === 'string' || yanked === true;
  return fileOf(new URL(href, pageUrl), {
    filename: text('filename'),
    digests: digestsOf(file['hashes']),
    requiresPython: text('requires-python'),
    yanked: isYanked ? (typeof yanked === 'string' ? yanked : '') : undefined,
    coreMetadata: metadataOf(file['core-metadata'] ?? file['dist-info-metadata']),
    sizeBytes: Number.isSafeInteger(file['size']) ? (file['size'] as number) : undefined,
    uploadTime: text('upload-time'),
    provenanceUrl: linkBeside(text('provenance'), pageUrl),
  });
}

function digestsOf(hashes: unknown): Digests {
  const digests: Digests = {};
  if (typeof hashes !== 'object' || hashes === null) return digests;
  for (const algorithm of ['sha256', 'sha512'] as const) {
    const hex: unknown = (hashes as Record<string, unknown>)[algorithm];
    if (typeof hex === 'string' && isDigest(algorithm, hex.toLowerCase())) {
      digests[algorithm] = hex.toLowerCase();
    }
  }
  return digests;
}

function metadataOf(value: unknown): IndexFile['coreMetadata'] {
  if (value === true) return { sha256: undefined };
  if (typeof value !== 'object' || value === null) return undefined;
  return { sha256: digestsOf(value).sha256 };
}

function sha256Of(hex: string): string | undefined {
  return isDigest('sha256', hex.toLowerCase()) ? hex.toLowerCase() : undefined;
}
