import { realpathSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Settings } from '../config/settings.js';
import { XError } from '../domain/errors.js';
import {
  scanFolders,
  type ScanDeps,
  type ScanProgress,
  type ScanResult,
} from '../operations/scan-folders.js';
import { systemClock } from '../platform/clock.js';
import { walkFolder } from '../platform/walk-folder.js';
import type { Marked } from '../ports/marked-files.js';
import { openData, type DataFolder } from './open-data.js';
import { formatBytes, type Printer } from './printer.js';
import { nativeCaches, type ScanPlaces } from './scan-places.js';
import { stopSignal } from './until-stopped.js';

export interface ScanInput {
  settings: Settings & { folder: string };
  printer: Printer;
  /** None: the caches of pip, npm and apt; all marks, where they are forgotten. */
  folders: readonly string[];
  forget: boolean;
}

/** A scan that ends sooner says nothing until then. */
const QUIET_MS = 1_000;

/** `x scan`: marks the package files that lie on this machine already. */
export async function runScan(input: ScanInput): Promise<void> {
  const { printer, settings } = input;
  const warn = (message: string): void => printer.report({ event: 'warning', message });
  const stop = stopSignal();
  const data = await openData(settings.folder, warn);
  try {
    if (input.forget) await forget(input, data);
    else await scan(input, data, stop.signal);
  } finally {
    stop.release();
    await data.close();
  }
}

async function scan(
  { printer, settings, folders }: ScanInput,
  data: DataFolder,
  signal: AbortSignal,
) {
  const places: ScanPlaces =
    folders.length > 0
      ? { folders: folders.map(realFolder), except: [] }
      : await nativeCaches(printer.report);
  if (places.folders.length === 0) {
    throw new XError('INPUT_NOT_FOUND', 'pip, npm and apt have no cache on this machine', {
      hint: 'Name folders that have packages: x scan FOLDER.',
    });
  }
  const shownFromMs = systemClock.monotonicMs() + QUIET_MS;
  const deps: ScanDeps = {
    marked: data.marked,
    walk: walkFolder,
    onProblem: ({ path, reason }) =>
      printer.report({ event: 'warning', message: `${path} is not marked: ${reason}` }),
    onProgress: (progress) => {
      if (systemClock.monotonicMs() < shownFromMs) return;
      printer.live({ event: 'scanning', ...progress }, [liveLine(progress)]);
    },
  };
  const except = new Set([...places.except, realFolder(settings.folder)]);
  const result = await scanFolders(deps, { folders: places.folders, except, signal });
  printer.done();
  printer.document(result, scanLines(result));
}

async function forget({ printer, folders }: ScanInput, { marked }: DataFolder): Promise<void> {
  const forgotten: Marked = { files: 0, bytes: 0 };
  const asked = folders.length === 0 ? [undefined] : folders.map(realFolder);
  for (const folder of asked) {
    const { files, bytes } = await marked.forget(folder);
    forgotten.files += files;
    forgotten.bytes += bytes;
  }
  printer.document({ forgotten, left: marked.totals() }, [
    `forgotten: ${countOf(forgotten)}; the files stay where they are`,
  ]);
}

/** Marks have a file's own path: a folder that is a link is followed once, here. */
function realFolder(folder: string): string {
  const path = resolve(folder);
  try {
    return realpathSync(path);
  } catch {
    // Not there: whoever looks into it says so.
    return path;
  }
}

function liveLine({ looked, marked, read, problems }: ScanProgress): string {
  const failed = problems === 0 ? '' : `, ${problems} could not be marked`;
  return `${looked} names looked at, ${countOf(marked)} marked, ${formatBytes(read.bytes)} read${failed}`;
}

function scanLines(result: ScanResult): string[] {
  const { folders, marked, read, problems, forgotten } = result;
  const known = marked.files - read.files;
  return [
    ...folders.map(({ path, ...one }) => `${path}: ${countOf(one)}`),
    `marked: ${countOf(marked)}; ${formatBytes(read.bytes)} were read, ${known} ${known === 1 ? 'file was' : 'files were'} as before`,
    ...(forgotten.files === 0 ? [] : [`not there any more, and forgotten: ${countOf(forgotten)}`]),
    ...(problems === 0 ? [] : [`could not be marked: ${problems}`]),
  ];
}

function countOf({ files, bytes }: Marked): string {
  return `${files} ${files === 1 ? 'file' : 'files'}, ${formatBytes(bytes)}`;
}
