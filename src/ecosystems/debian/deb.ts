import { BOUNDS } from '../../domain/bounds.js';
import { XError } from '../../domain/errors.js';
import { ByteReader } from './byte-reader.js';
import { compressionOf, decompress } from './decompress.js';

const AR_MAGIC = '!<arch>\n';
const AR_HEADER_BYTES = 60;
const TAR_BLOCK_BYTES = 512;

/**
 * The control file of a .deb, as text; the rest of it is neither read nor unpacked.
 * @throws XError METADATA_INVALID where it is no Debian package, LIMIT_EXCEEDED.
 * @see deb(5)
 */
export async function readControl(deb: AsyncIterable<Uint8Array>, where: string): Promise<string> {
  const control = await readMember(deb, where, {
    member: 'control.tar',
    archiveBytes: BOUNDS.controlArchiveBytes,
    path: /^(\.\/)?control$/,
    fileBytes: BOUNDS.controlFileBytes,
  });
  if (control === undefined) throw noDeb(where, 'no control file');
  return control;
}

/**
 * The first file of a .deb whose path fits, as text; undefined where there is none, or it is a link.
 * @throws XError as readControl.
 */
export function readDataFile(
  deb: AsyncIterable<Uint8Array>,
  path: RegExp,
  where: string,
): Promise<string | undefined> {
  const archiveBytes = BOUNDS.licenceArchiveBytes;
  const fileBytes = BOUNDS.licenceFileBytes;
  return readMember(deb, where, { member: 'data.tar', archiveBytes, path, fileBytes });
}

/** What to read of a .deb. */
interface Wanted {
  member: string;
  /** The member, as it lies and unpacked. */
  archiveBytes: number;
  path: RegExp;
  fileBytes: number;
}

async function readMember(
  deb: AsyncIterable<Uint8Array>,
  where: string,
  wanted: Wanted,
): Promise<string | undefined> {
  const reader = new ByteReader(deb);
  try {
    if ((await text(reader, AR_MAGIC.length)) !== AR_MAGIC) throw noDeb(where, 'no ar archive');
    for (let member = 0; member < MAX_MEMBERS; member++) {
      const { name, sizeBytes } = await readArHeader(reader, where);
      if (member === 0 && name !== 'debian-binary') throw noDeb(where, `${name} stands first`);
      if (!name.startsWith(wanted.member)) {
        if (sizeBytes > BOUNDS.controlArchiveBytes)
          throw noDeb(where, `${name} before its ${wanted.member}`);
        await reader.skip(sizeBytes + (sizeBytes % 2));
        continue;
      }
      const compression = compressionOf(name === wanted.member ? 'none' : name);
      if (compression === undefined) throw noDeb(where, `cannot unpack ${name}`);
      if (sizeBytes > wanted.archiveBytes) {
        throw new XError(
          'LIMIT_EXCEEDED',
          `${where}: ${name} is larger than ${wanted.archiveBytes} bytes`,
        );
      }
      const body = decompress(
        reader.take(sizeBytes),
        compression,
        wanted.archiveBytes,
        `${where}: ${name}`,
      );
      return await findFile(new ByteReader(body), wanted, where);
    }
    throw noDeb(where, `no ${wanted.member}`);
  } finally {
    await reader.close();
  }
}

/** A Debian package has three members; a few more are allowed to be there. */
const MAX_MEMBERS = 16;

async function readArHeader(
  reader: ByteReader,
  where: string,
): Promise<{ name: string; sizeBytes: number }> {
  const header = await text(reader, AR_HEADER_BYTES);
  const name = header.slice(0, 16).trim().replace(/\/$/, '');
  const size = header.slice(48, 58).trim();
  if (!header.endsWith('`\n') || !/^[0-9]+$/.test(size)) throw noDeb(where, 'broken ar header');
  return { name, sizeBytes: Number(size) };
}

async function findFile(
  tar: ByteReader,
  { path, fileBytes }: Wanted,
  where: string,
): Promise<string | undefined> {
  try {
    for (let entry = 0; entry < MAX_TAR_ENTRIES; entry++) {
      const header = await tar.read(TAR_BLOCK_BYTES);
      if (header === undefined || header.every((byte) => byte === 0)) break;
      const field = (start: number, end: number): string =>
        header
          .subarray(start, end)
          .toString('latin1')
          .replace(/\0[^]*$/, '')
          .trim();
      const size = field(124, 136);
      if (!/^[0-7]+$/.test(size)) throw noDeb(where, 'broken tar header');
      const sizeBytes = parseInt(size, 8);
      const kind = field(156, 157);
      const isWanted = path.test(field(0, 100)) && (kind === '0' || kind === '');
      if (isWanted && sizeBytes > fileBytes) {
        throw new XError(
          'LIMIT_EXCEEDED',
          `${where}: ${field(0, 100)} is larger than ${fileBytes} bytes`,
        );
      }
      if (isWanted) return await text(tar, sizeBytes);
      await tar.skip(Math.ceil(sizeBytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES);
    }
    return undefined;
  } finally {
    await tar.close();
  }
}

const MAX_TAR_ENTRIES = 10_000;

async function text(reader: ByteReader, length: number): Promise<string> {
  return (await reader.read(length))?.toString('latin1') ?? '';
}

function noDeb(where: string, problem: string): XError {
  return new XError('METADATA_INVALID', `${where} is no Debian package: ${problem}`);
}
