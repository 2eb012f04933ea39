import { constants } from 'node:fs';
import { open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { fromRandomAccessReaderPromise, type Entry, type ZipFile } from 'yauzl';
import { BOUNDS } from '../domain/bounds.js';
import { isSafePath } from '../domain/bundle.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { OpenVolume, RawVolume, VolumeEntry, VolumeReader } from '../ports/volume.js';
import { readFully } from './file-io.js';
import { WindowReader } from './window-reader.js';

const VOLUME_SUFFIX = '.x.zip';
const S_IFMT = 0o170000;
const S_IFREG = 0o100000;

/** Reads volumes as zip files; whatever they hold, it is bounded. */
export class ZipVolumeReader implements VolumeReader {
  async list(path: string): Promise<string[]> {
    try {
      if (!(await stat(path)).isDirectory()) return [path];
      const names = (await readdir(path)).filter((name) => name.endsWith(VOLUME_SUFFIX));
      if (names.length > BOUNDS.volumes) {
        throw new XError('LIMIT_EXCEEDED', `${path} holds ${names.length} volumes`, {
          hint: `Name them in several runs of at most ${BOUNDS.volumes}.`,
        });
      }
      return names
        .filter((name) => !name.startsWith('.'))
        .sort()
        .map((name) => join(path, name));
    } catch (thrown) {
      throw ofOpening(path, thrown);
    }
  }

  async open(path: string): Promise<OpenVolume> {
    try {
      return await openZip(path);
    } catch (thrown) {
      throw ofOpening(path, thrown);
    }
  }

  async openRaw(path: string): Promise<RawVolume> {
    try {
      const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
      const status = await file.stat();
      if (!status.isFile()) {
        await file.close();
        throw notReadable(path, 'it is no plain file');
      }
      return {
        path,
        sizeBytes: status.size,
        // A sector that cannot be read is a loss like any other: what it held is rebuilt.
        read: (start, end) => readFully(file, start, end - start).catch(() => new Uint8Array()),
        close: () => file.close(),
      };
    } catch (thrown) {
      throw ofOpening(path, thrown);
    }
  }
}

async function openZip(path: string): Promise<OpenVolume> {
  // Opening a pipe waits for its writer, unless told not to; Windows has neither.
  const file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  try {
    const status = await file.stat();
    if (!status.isFile()) throw notReadable(path, 'it is no plain file');
    const { size } = status;
    const reader = new WindowReader(path, file);
    const options = { autoClose: false, decodeStrings: false };
    const zip = await fromRandomAccessReaderPromise(reader, size, options);
    return await ZipVolume.of(path, zip, reader);
  } catch (thrown) {
    await file.close();
    throw thrown;
  }
}

class ZipVolume implements OpenVolume {
  readonly entries = new Map<string, VolumeEntry>();
  readonly refused: { name: string; reason: string }[] = [];
  readonly #inside = new Map<string, Entry>();
  readonly #spellings = new Set<string>();

  static async of(path: string, zip: ZipFile, file: WindowReader): Promise<ZipVolume> {
    const volume = new ZipVolume(path, zip, file);
    await volume.#readDirectory();
    return volume;
  }

  private constructor(
    readonly path: string,
    readonly zip: ZipFile,
    readonly file: WindowReader,
  ) {}

  get sizeBytes(): number {
    return this.zip.fileSize;
  }

  async *read(name: string, range?: { start: number; end: number }): AsyncIterable<Uint8Array> {
    const entry = this.#inside.get(name);
    if (entry === undefined) throw this.#damaged(`it holds no ${name}`);
    const first = range?.start ?? 0;
    const end = Math.min(range?.end ?? entry.uncompressedSize, entry.uncompressedSize);
    let count = 0;
    try {
      const header = await this.zip.readLocalFileHeaderPromise(entry, { minimal: true });
      const start = header.fileDataStart;
      for await (const chunk of this.file.range(start + first, start + end)) {
        count += chunk.length;
        yield chunk;
      }
    } catch (thrown) {
      throw this.#damaged(`${name} cannot be read: ${messageOf(thrown)}`, thrown);
    }
    if (count !== end - first) {
      throw this.#damaged(`${name} ends after ${first + count} of ${entry.uncompressedSize} bytes`);
    }
  }

  async close(): Promise<void> {
    if (!this.zip.isOpen) return;
    const closed = new Promise<void>((resolve, reject) => {
      this.zip.once('close', resolve);
      this.zip.once('error', reject);
    });
    this.zip.close();
    await closed;
  }

  async #readDirectory(): Promise<void> {
    const { zip } = this;
    // The typings call this offset of the central directory a boolean.
    const directoryBytes = zip.fileSize - Number(zip.readEntryCursor);
    if (zip.entryCount > BOUNDS.volumeEntries || directoryBytes > BOUNDS.volumeDirectoryBytes) {
      throw new XError(
        'LIMIT_EXCEEDED',
        `${this.path}: a directory of ${zip.entryCount} entries in ${directoryBytes} bytes`,
        { hint: 'X writes no such volume; export the bundle again.' },
      );
    }
    let contentBytes = 0;
    for await (const entry of zip.eachEntry()) {
      const name = Buffer.from(entry.fileNameRaw).toString('utf8');
      // A folder holds nothing, and repacking tools add them.
      if (name.endsWith('/') && entry.uncompressedSize === 0) continue;
      const reason = this.#reasonToRefuse(name, entry);
      if (reason !== undefined) {
        // Escaped: whoever wrote the name may have meant it for a terminal.
        const shown = JSON.stringify(name.slice(0, 200)).slice(1, -1);
        if (this.refused.length < BOUNDS.volumeRefusals) this.refused.push({ name: shown, reason });
        continue;
      }
      contentBytes += entry.compressedSize;
      // Entries that share bytes would make a small file read like an endless one.
      if (contentBytes > zip.fileSize) throw this.#damaged('its entries overlap');
      this.#inside.set(name, entry);
      this.entries.set(name, { name, lengthBytes: entry.uncompressedSize });
    }
  }

  #reasonToRefuse(name: string, entry: Entry): string | undefined {
    if (!isSafePath(name)) return 'its name is no safe path';
    if (entry.isEncrypted()) return 'it is encrypted';
    if (entry.compressionMethod !== 0) return 'it is compressed; volumes hold stored files only';
    const type = (entry.externalFileAttributes >>> 16) & S_IFMT;
    if (type !== 0 && type !== S_IFREG) return 'it is no plain file';
    if (entry.relativeOffsetOfLocalHeader + entry.compressedSize > this.zip.fileSize) {
      return 'it reaches beyond the volume';
    }
    const spelling = name.normalize('NFC').toLowerCase();
    if (this.#spellings.has(spelling)) return 'another entry has its name';
    this.#spellings.add(spelling);
    return undefined;
  }

  #damaged(what: string, cause?: unknown): XError {
    return damaged(this.path, what, cause);
  }
}

function damaged(path: string, what: string, cause?: unknown): XError {
  return new XError('VOLUME_DAMAGED', `${path}: ${what}`, {
    hint: 'Copy the volume again, or export it again at the source.',
    cause,
  });
}

/** yauzl's words for what is no zip file at all, in ours. */
function reasonOf(thrown: unknown): string {
  const message = messageOf(thrown);
  return /^End of central directory record/.test(message)
    ? 'it is no zip file, or its end is missing'
    : message;
}

function ofOpening(path: string, thrown: unknown): unknown {
  if (thrown instanceof XError) return thrown;
  const code = systemCodeOf(thrown);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return new XError('INPUT_NOT_FOUND', `there is no ${path}`, {
      hint: 'Name a volume (*.x.zip) or a folder of them.',
      cause: thrown,
    });
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EISDIR') {
    return notReadable(path, messageOf(thrown), thrown);
  }
  return damaged(path, reasonOf(thrown), thrown);
}

function notReadable(path: string, reason: string, cause?: unknown): XError {
  return new XError('INPUT_UNREADABLE', `cannot read ${path}: ${reason}`, {
    hint: 'Check what it is, and its permissions.',
    cause,
  });
}
