import { createGunzip } from 'node:zlib';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BOUNDS } from '../../domain/bounds.js';
import { messageOf, XError } from '../../domain/errors.js';
import { normalizeName, type SdistName, type WheelName } from './filename.js';
import { readZipDirectory, readZipEntry, type RandomReader } from './zip.js';

/**
 * METADATA of a wheel, without the rest of it.
 * @throws XError UPSTREAM_MALFORMED where it holds none or several, LIMIT_EXCEEDED.
 * @see https://packaging.python.org/en/latest/specifications/binary-distribution-format/#the-dist-info-directory
 */
export async function readWheelMetadata(
  reader: RandomReader,
  wheel: WheelName,
  where: string,
): Promise<Uint8Array> {
  const found = (await readZipDirectory(reader, where)).filter((entry) => {
    const match = /^([^/]+)-[^/-]+\.dist-info\/METADATA$/.exec(entry.name);
    return match?.[1] !== undefined && normalizeName(match[1]) === wheel.name;
  });
  const [entry] = found;
  if (entry === undefined || found.length > 1) {
    throw new XError(
      'UPSTREAM_MALFORMED',
      `${where}: ${found.length} METADATA files of ${wheel.name}`,
    );
  }
  return readZipEntry(reader, entry, BOUNDS.wheelMetadataBytes, where);
}

/** The files of an sdist that say what it is; undefined where it has none. */
export interface SdistFiles {
  pkgInfo: Uint8Array | undefined;
  pyproject: Uint8Array | undefined;
  setupCfg: Uint8Array | undefined;
  setupPy: Uint8Array | undefined;
  /** Its egg-info folder: setuptools wrote one; `requires` only where there was something to require. */
  eggInfo: { requires: Uint8Array | undefined } | undefined;
}

type SdistPart = 'pkgInfo' | 'pyproject' | 'setupCfg' | 'setupPy' | 'requires' | 'sources';

const TOP_FILES: Readonly<Record<string, SdistPart>> = {
  'PKG-INFO': 'pkgInfo',
  'pyproject.toml': 'pyproject',
  'setup.cfg': 'setupCfg',
  'setup.py': 'setupPy',
};
const EGG_FILES: Readonly<Record<string, SdistPart>> = {
  'requires.txt': 'requires',
  'SOURCES.txt': 'sources',
};

/** Which part of an sdist stands at a path: in its top folder, or in its egg-info at most one folder lower. */
function partAt(path: string, sdist: SdistName): SdistPart | undefined {
  const parts = path.replace(/^\.\//, '').split('/');
  if (parts.some((part) => part === '' || part === '..')) return undefined;
  const file = parts.at(-1) ?? '';
  if (parts.length === 2) return Object.hasOwn(TOP_FILES, file) ? TOP_FILES[file] : undefined;
  if (parts.length > 4 || !Object.hasOwn(EGG_FILES, file)) return undefined;
  const egg = /^(.*)\.egg-info$/.exec(parts.at(-2) ?? '')?.[1];
  return egg !== undefined && normalizeName(egg) === sdist.name ? EGG_FILES[file] : undefined;
}

/** The first of each part counts. */
class SdistParts {
  readonly #parts = new Map<SdistPart, Uint8Array>();

  add(part: SdistPart, bytes: Uint8Array): void {
    if (!this.#parts.has(part)) this.#parts.set(part, bytes);
  }

  /** Whether what is there settles everything, so that the rest need not be read. */
  get isEnough(): boolean {
    const pkgInfo = this.#parts.get('pkgInfo');
    return this.#parts.has('pyproject') && pkgInfo !== undefined && isStaticText(pkgInfo);
  }

  files(): SdistFiles {
    const isEgg = this.#parts.has('sources') || this.#parts.has('requires');
    return {
      pkgInfo: this.#parts.get('pkgInfo'),
      pyproject: this.#parts.get('pyproject'),
      setupCfg: this.#parts.get('setupCfg'),
      setupPy: this.#parts.get('setupPy'),
      eggInfo: isEgg ? { requires: this.#parts.get('requires') } : undefined,
    };
  }
}

/** A cheap look at PKG-INFO: 2.2 or newer, and nothing dynamic at all. */
function isStaticText(pkgInfo: Uint8Array): boolean {
  const text = new TextDecoder().decode(pkgInfo.subarray(0, 64 << 10));
  const version = /^metadata-version:\s*2\.([0-9]+)\s*$/im.exec(text)?.[1];
  return version !== undefined && Number(version) >= 2 && !/^dynamic:/im.test(text);
}

/** Reads what an sdist that is a zip says of itself. */
export async function readZipSdist(
  reader: RandomReader,
  sdist: SdistName,
  where: string,
): Promise<SdistFiles> {
  const parts = new SdistParts();
  for (const entry of await readZipDirectory(reader, where)) {
    const part = partAt(entry.name, sdist);
    if (part === undefined) continue;
    parts.add(part, await readZipEntry(reader, entry, BOUNDS.sdistMetadataBytes, where));
  }
  return parts.files();
}

/**
 * Reads what an sdist that is a gzipped tar says of itself, while it streams by; stops where it is enough.
 * @throws XError UPSTREAM_MALFORMED, LIMIT_EXCEEDED past `sdistOpenedBytes` of opened bytes.
 */
export async function readTarSdist(
  source: AsyncIterable<Uint8Array>,
  sdist: SdistName,
  where: string,
): Promise<SdistFiles> {
  const parts = new SdistParts();
  const partOf = (path: string): SdistPart | undefined => partAt(path, sdist);
  try {
    for await (const { part, bytes } of tarParts(gunzipped(source), partOf, where)) {
      parts.add(part, bytes);
      if (parts.isEnough) break;
    }
  } catch (thrown) {
    if (thrown instanceof XError) throw thrown;
    const problem = `${where}: the sdist of ${sdist.name} is no gzipped tar: ${messageOf(thrown)}`;
    throw new XError('UPSTREAM_MALFORMED', problem, { cause: thrown });
  }
  return parts.files();
}

async function* gunzipped(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  const gunzip = createGunzip();
  // A failure reaches the reader through the loop below; a reader that stops early makes one on purpose.
  const feeding = pipeline(Readable.from(source), gunzip).catch(() => undefined);
  try {
    for await (const chunk of gunzip) yield chunk as Buffer;
  } finally {
    gunzip.destroy();
    await feeding;
  }
}

const BLOCK = 512;

/** A header that gives the next file a longer name (pax, or GNU's) has no more. */
const LONG_NAME_BYTES = 64 << 10;

/** The files of a tar that are parts of an sdist, one after the other. */
async function* tarParts(
  source: AsyncIterable<Buffer>,
  partOf: (path: string) => SdistPart | undefined,
  where: string,
): AsyncIterable<{ part: SdistPart; bytes: Uint8Array }> {
  let pending = Buffer.alloc(0);
  let skip = 0;
  let total = 0;
  let longName: string | undefined;
  for await (const chunk of source) {
    total += chunk.length;
    if (total > BOUNDS.sdistOpenedBytes) {
      throw new XError(
        'LIMIT_EXCEEDED',
        `${where}: opens into more than ${BOUNDS.sdistOpenedBytes} bytes`,
      );
    }
    const dropped = Math.min(skip, chunk.length);
    skip -= dropped;
    pending = Buffer.concat([pending, chunk.subarray(dropped)]);
    while (skip === 0 && pending.length >= BLOCK) {
      const block = pending.subarray(0, BLOCK);
      if (block.every((byte) => byte === 0)) {
        pending = pending.subarray(BLOCK);
        continue;
      }
      const header = tarHeader(block, where);
      const { sizeBytes, type } = header;
      const path = longName ?? header.path;
      const isName = (type === 'x' || type === 'L') && sizeBytes <= LONG_NAME_BYTES;
      const part = type === '' || type === '0' ? partOf(path) : undefined;
      if (part !== undefined && sizeBytes > BOUNDS.sdistMetadataBytes) {
        throw new XError('LIMIT_EXCEEDED', `${where}: ${path} has ${sizeBytes} bytes`);
      }
      const whole = BLOCK + Math.ceil(sizeBytes / BLOCK) * BLOCK;
      if ((part !== undefined || isName) && pending.length < whole) break;
      const bytes = pending.subarray(BLOCK, BLOCK + sizeBytes);
      longName = isName ? (longNameOf(bytes, type) ?? longName) : undefined;
      if (part !== undefined) yield { part, bytes };
      skip = Math.max(whole - pending.length, 0);
      pending = pending.subarray(Math.min(whole, pending.length));
    }
  }
}

/** `path` of a pax header's records (`LENGTH path=VALUE`), or GNU's whole text. */
function longNameOf(bytes: Buffer, type: string): string | undefined {
  const text = bytes.toString('utf8');
  if (type === 'L') return text.replace(/\0.*$/s, '');
  return /^[0-9]{1,8} path=(.*)$/m.exec(text)?.[1];
}

function tarHeader(
  header: Buffer,
  where: string,
): { path: string; sizeBytes: number; type: string } {
  const text = (start: number, end: number): string => {
    const field = header.toString('utf8', start, end);
    const zero = field.indexOf('\0');
    return zero < 0 ? field : field.slice(0, zero);
  };
  const size = text(124, 136).trim();
  if (!/^[0-7]{1,12}$/.test(size)) {
    throw new XError('UPSTREAM_MALFORMED', `${where}: damaged tar header`);
  }
  const prefix = text(257, 262) === 'ustar' ? text(345, 500) : '';
  return {
    path: prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`,
    sizeBytes: Number.parseInt(size, 8),
    type: text(156, 157),
  };
}
