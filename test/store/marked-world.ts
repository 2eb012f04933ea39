import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '../../src/domain/digest.js';
import type { MarkedFiles, MarkRequest, MarkVerdict } from '../../src/ports/marked-files.js';
import type { LostMark } from '../../src/store/disk-marked-files.js';
import { temporaryStore, type TemporaryStore } from './temporary.js';

/** Files in a folder, and a catalog that marks them. */
export interface MarkedWorld {
  /** Where the files lie. */
  folder: string;
  temporary: TemporaryStore;
  marked: MarkedFiles;
  /** In order. */
  lost: LostMark[];
  /** Writes a file and marks it. */
  add(bytes: Uint8Array, name?: string): Promise<MarkVerdict>;
  mark(name: string, more?: Partial<MarkRequest>): Promise<MarkVerdict>;
  path(name: string): string;
  /** Of a file that `add` named itself. */
  pathOf(sha256: string): string;
  dispose(): Promise<void>;
}

export async function markedWorld(): Promise<MarkedWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'x-marked-'));
  const lost: LostMark[] = [];
  const temporary = await temporaryStore({ onLostMark: (one) => lost.push(one) });
  const { marked } = temporary.current;
  const path = (name: string): string => join(folder, name);
  const mark: MarkedWorld['mark'] = (name, more = {}) =>
    marked.mark({
      path: path(name),
      ecosystem: 'npm',
      accepts: () => true,
      expected: {},
      withSha512: true,
      ...more,
    });
  return {
    folder,
    temporary,
    marked,
    lost,
    path,
    mark,
    add: async (bytes, name = `${sha256(bytes)}.tgz`) => {
      await writeFile(path(name), bytes);
      return mark(name);
    },
    pathOf: (digest) => path(`${digest}.tgz`),
    dispose: async () => {
      await temporary.dispose();
      await rm(folder, { recursive: true });
    },
  };
}
