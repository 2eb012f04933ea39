import { chmod } from 'node:fs/promises';
import { create, extract, type ReadEntry } from 'tar';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { OwnFile, RuntimeArchive } from '../ports/runtime.js';
import { ofWriting } from './file-io.js';

/** Runtimes as tar.gz: what every Linux can unpack. */
export class TarArchive implements RuntimeArchive {
  readonly suffix = '.tar.gz';

  async pack(files: readonly OwnFile[], to: string): Promise<void> {
    const names = new Map(files.map(({ path, name }) => [path, name]));
    const options = {
      file: to,
      gzip: { level: 6 },
      cwd: '/',
      preservePaths: true,
      // The same files are the same bytes, whoever packs them and when.
      portable: true,
      mtime: new Date(0),
      follow: true,
      noDirRecurse: true,
      onWriteEntry: (entry: { path: string }): void => {
        entry.path = names.get(entry.path) ?? entry.path;
      },
    };
    try {
      await create(options, [...names.keys()]);
      await chmod(to, 0o600);
    } catch (thrown) {
      throw ofWriting(to, thrown);
    }
  }

  async unpack(archive: string, folder: string): Promise<void> {
    let entries = 0;
    let bytes = 0;
    let refused: XError | undefined;
    const filter = (path: string, entry: unknown): boolean => {
      const { type, size } = entry as ReadEntry;
      entries += 1;
      bytes += size;
      if (entries > BOUNDS.runtimeFiles || bytes > BOUNDS.runtimeBytes) {
        refused ??= new XError('LIMIT_EXCEEDED', `${archive} holds more than a runtime does`);
      }
      const isPlain = type === 'File' || type === 'Directory';
      if (!isPlain) {
        refused ??= new XError('METADATA_INVALID', `${archive}: ${path} is no plain file`);
      }
      return refused === undefined;
    };
    try {
      await extract({ file: archive, cwd: folder, strict: true, filter, preserveOwner: false });
    } catch (thrown) {
      throw ofUnpacking(archive, folder, thrown);
    }
    if (refused) throw refused;
  }
}

function ofUnpacking(archive: string, folder: string, thrown: unknown): unknown {
  const code = systemCodeOf(thrown);
  if (code !== undefined && /^E[A-Z]+$/.test(code)) return ofWriting(folder, thrown);
  return new XError('METADATA_INVALID', `${archive} cannot be unpacked: ${messageOf(thrown)}`, {
    hint: 'Have it exported again.',
    cause: thrown,
  });
}
