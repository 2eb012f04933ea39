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
  const reader = new ByteReader(deb);
  try {
    if ((await text(reader, AR_MAGIC.length)) !== AR_MAGIC) throw noDeb(where, 'no ar archive');
    for (let member = 0; member < MAX_MEMBERS; member++) {
      const { name, sizeBytes } = await readArHeader(reader, where);
      if (member === 0 && name !== 'debian-binary') throw noDeb(where, `${name} stands first`);
      if (!name.startsWith('control.tar')) {
        if (sizeBytes > BOUNDS.controlArchiveBytes)
          throw noDeb(where, `${name} before its control`);
        await reader.skip(sizeBytes + (sizeBytes % 2));
        continue;
      }
      const compression = compressionOf(name === 'control.tar' ? 'control' : name);
      if (compression === undefined) throw noDeb(where, `cannot unpack ${name}`);
      if (sizeBytes > BOUNDS.controlArchiveBytes) {
        throw new XError(
          'LIMIT_EXCEEDED',
          `${where}: ${name} is larger than ${BOUNDS.controlArchiveBytes} bytes`,
        );
      }
      const body = decompress(
        reader.take(sizeBytes),
        compression,
        BOUNDS.controlArchiveBytes,
        `${where}: ${name}`,
      );
      return await findControl(new ByteReader(body), where);
    }
    throw noDeb(where, 'no control.tar');
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

async function findControl(tar: ByteReader, where: string): Promise<string> {
  try {
    for (let entry = 0; entry < MAX_CONTROL_ENTRIES; entry++) {
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
      const isControl = /^(\.\/)?control$/.test(field(0, 100)) && (kind === '0' || kind === '');
      if (isControl && sizeBytes > BOUNDS.controlFileBytes) {
        throw new XError(
          'LIMIT_EXCEEDED',
          `${where}: control is larger than ${BOUNDS.controlFileBytes} bytes`,
        );
      }
      if (isControl) return await text(tar, sizeBytes);
      await tar.skip(Math.ceil(sizeBytes / TAR_BLOCK_BYTES) * TAR_BLOCK_BYTES);
    }
    throw noDeb(where, 'no control file');
  } finally {
    await tar.close();
  }
}

const MAX_CONTROL_ENTRIES = 10_000;

async function text(reader: ByteReader, length: number): Promise<string> {
  return (await reader.read(length))?.toString('latin1') ?? '';
}

function noDeb(where: string, problem: string): XError {
  return new XError('METADATA_INVALID', `${where} is no Debian package: ${problem}`);
}
