import { createGunzip } from 'node:zlib';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BOUNDS } from '../../domain/bounds.js';
import { messageOf, XError } from '../../domain/errors.js';
import { normalizeName, type SdistName, type WheelName } from './filename.js';
import { readZipDirectory, readZipEntry, type RandomReader, type ZipEntry } from './zip.js';

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

/** What an sdist says of itself without being built. */
export interface SdistFiles {
  pkgInfo: Uint8Array | undefined;
  /** pyproject.toml, for the build requirements. */
  pyproject: Uint8Array | undefined;
}

/** Reads PKG-INFO and pyproject.toml of an sdist that is a zip. */
export async function readZipSdist(reader: RandomReader, where: string): Promise<SdistFiles> {
  const entries = await readZipDirectory(reader, where);
  const read = async (name: string): Promise<Uint8Array | undefined> => {
    const entry = entries.find((candidate: ZipEntry) => isTopFile(candidate.name, name));
    return entry && readZipEntry(reader, entry, BOUNDS.sdistMetadataBytes, where);
  };
  return { pkgInfo: await read('PKG-INFO'), pyproject: await read('pyproject.toml') };
}

function isTopFile(path: string, name: string): boolean {
  const parts = path.replace(/^\.\//, '').split('/');
  return parts.length === 2 && parts[0] !== '' && parts[0] !== '..' && parts[1] === name;
}

/**
 * Reads PKG-INFO and pyproject.toml out of a gzipped tar while it streams by; stops when both are found.
 * @throws XError UPSTREAM_MALFORMED, LIMIT_EXCEEDED past `sdistOpenedBytes` of opened bytes.
 */
export async function readTarSdist(
  source: AsyncIterable<Uint8Array>,
  sdist: SdistName,
  where: string,
): Promise<SdistFiles> {
  const files: SdistFiles = { pkgInfo: undefined, pyproject: undefined };
  try {
    for await (const { path, bytes } of tarFiles(gunzipped(source), where)) {
      if (isTopFile(path, 'PKG-INFO')) files.pkgInfo ??= bytes;
      if (isTopFile(path, 'pyproject.toml')) files.pyproject ??= bytes;
      if (files.pkgInfo !== undefined && files.pyproject !== undefined) break;
    }
  } catch (thrown) {
    if (thrown instanceof XError) throw thrown;
    const problem = `${where}: the sdist of ${sdist.name} is no gzipped tar: ${messageOf(thrown)}`;
    throw new XError('UPSTREAM_MALFORMED', problem, { cause: thrown });
  }
  return files;
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

/** The small top-level files of a tar: those that a reader of metadata may want. */
async function* tarFiles(
  source: AsyncIterable<Buffer>,
  where: string,
): AsyncIterable<{ path: string; bytes: Uint8Array }> {
  let pending = Buffer.alloc(0);
  let skip = 0;
  let total = 0;
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
      const header = pending.subarray(0, BLOCK);
      if (header.every((byte) => byte === 0)) {
        pending = pending.subarray(BLOCK);
        continue;
      }
      const { path, sizeBytes, isFile } = tarHeader(header, where);
      const whole = BLOCK + Math.ceil(sizeBytes / BLOCK) * BLOCK;
      const isWanted = isFile && /^(?:\.\/)?[^/]+\/(?:PKG-INFO|pyproject\.toml)$/.test(path);
      if (isWanted && sizeBytes > BOUNDS.sdistMetadataBytes) {
        throw new XError('LIMIT_EXCEEDED', `${where}: ${path} has ${sizeBytes} bytes`);
      }
      if (isWanted && pending.length < whole) break;
      if (isWanted) yield { path, bytes: pending.subarray(BLOCK, BLOCK + sizeBytes) };
      skip = Math.max(whole - pending.length, 0);
      pending = pending.subarray(Math.min(whole, pending.length));
    }
  }
}

function tarHeader(
  header: Buffer,
  where: string,
): { path: string; sizeBytes: number; isFile: boolean } {
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
  const type = text(156, 157);
  return {
    path: prefix === '' ? text(0, 100) : `${prefix}/${text(0, 100)}`,
    sizeBytes: Number.parseInt(size, 8),
    isFile: type === '' || type === '0',
  };
}
