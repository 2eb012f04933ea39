import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { copyFile, link, mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { localDirectFiles } from '../archive/direct-file.js';
import type { Sha256 } from '../domain/digest.js';
import { systemCodeOf } from '../domain/errors.js';
import type { Catalog } from '../ports/catalog.js';
import type { ExportLog } from '../ports/export-log.js';
import type { MarkedFiles } from '../ports/marked-files.js';
import type { NodeBook } from '../ports/node-book.js';
import type { PublicRegister } from '../ports/public-artifacts.js';
import type { Store } from '../ports/store.js';
import type { ToldBook } from '../ports/told-book.js';
import { syncFolder } from '../store/durable-file.js';
import { openStore, type OpenStore } from '../store/open-store.js';

const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS']);

/** What a data folder holds, opened. */
export interface DataFolder {
  folder: string;
  store: Store;
  catalog: Catalog;
  exportLog: ExportLog;
  /** Whether the disk had no room for opening it but to read. */
  isReadOnly: boolean;
  marked: MarkedFiles;
  /** What is remembered of the public swarm. */
  nodeBook: NodeBook;
  /** What it was told of what lies here. */
  toldBook: ToldBook;
  /** What of it strangers may be told of. */
  publicArtifacts: PublicRegister;
  close(): Promise<void>;
}

/** Opens a data folder, and makes it where it is missing. */
export async function openData(
  folder: string,
  onDamage?: (message: string) => void,
): Promise<DataFolder> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const named = (sha256: Sha256): string =>
    opened.catalog.entriesBySha256(sha256)[0]?.path ?? `${sha256.slice(0, 16)}…`;
  const opened: OpenStore = await openStore({
    folder,
    direct: localDirectFiles(),
    onDamage: ({ sha256, reason, piece }) =>
      onDamage?.(
        `the copy of ${named(sha256)} here is damaged: ${piece === undefined ? reason : `piece ${piece}: ${reason}`}; it is dropped`,
      ),
    onLostMark: ({ path, reason }) =>
      onDamage?.(`${path} is not what x scan found: ${reason}; it is not served any more`),
  });
  return { folder, ...opened };
}

/**
 * A secret file's text, made on first use. Of several processes that find none, one makes it and
 * all get the same; it exists whole or not at all.
 */
export async function readOrCreateSecret(
  path: string,
  make: () => Promise<string>,
): Promise<string> {
  const text = await readOrUndefined(path);
  if (text !== undefined) return text;
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    await writeSynced(temporary, await make());
    await linkUnlessThere(temporary, path);
  } finally {
    await rm(temporary, { force: true });
  }
  await syncFolder(folder);
  return await readFile(path, 'utf8');
}

async function writeSynced(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A second name, which unlike a rename replaces nothing; where another came first, that one stays. */
async function linkUnlessThere(from: string, to: string): Promise<void> {
  try {
    await link(from, to).catch(async (error: unknown) => {
      // FAT and some network file systems know no second names.
      if (!NO_LINKS.has(systemCodeOf(error) ?? '')) throw error;
      await copyFile(from, to, constants.COPYFILE_EXCL);
    });
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error;
  }
}

export async function readOrUndefined(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** What a client says whose disk has no room for more than reading it. */
export function fullDiskLine(folder: string): string {
  return `the disk of ${folder} is full: what is held is served, and nothing new is taken in until x is started again with some space free`;
}
