import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { TarArchive } from '../archive/tar-archive.js';
import type { Settings } from '../config/settings.js';
import type { Did } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';
import { readRuntime } from '../operations/check-runtime.js';
import { keepRuntime } from '../operations/keep-runtime.js';
import { rollBackRuntime, updateRuntime } from '../operations/update-runtime.js';
import { RunningProgram } from '../platform/own-program.js';
import { InstalledRuntimes } from '../platform/runtime-home.js';
import { decodeRuntime, type RuntimeDescription } from '../trust/runtime-file.js';
import { openData, type DataFolder } from './open-data.js';
import { openIdentity } from './open-keys.js';
import type { Printer } from './printer.js';
import { checkRuntimeDeps, copy, makeEmpty, replaceFolder, writeSynced } from './runtime-files.js';
import { VERSION } from './version.js';

export interface SelfInput {
  settings: Settings & { folder: string };
  printer: Printer;
}

/** Where x import keeps a newer x that came with volumes. */
const keptIn = (folder: string): string => join(folder, 'carried-runtime');

/**
 * `x self update [DIR]`: the x that is installed here, replaced by a newer one from a medium, or by the
 * one that came with what was imported.
 */
export async function runSelfUpdate(
  input: SelfInput & { from: string | undefined; trust: Did | undefined },
): Promise<void> {
  const { printer, settings, trust } = input;
  const home = await InstalledRuntimes.ofThisProgram();
  const kept = keptIn(settings.folder);
  const from = input.from ?? kept;
  if (input.from === undefined && (await readRuntime(checkRuntimeDeps, kept)) === undefined) {
    throw new XError('USAGE', 'no newer x came with what was imported here', {
      hint: 'Name the folder of a stick that has one: x export NAME --to DIR --with-runtime writes it.',
    });
  }
  const trusted = new Set(
    trust === undefined ? await knownSources(settings.folder, home) : [trust],
  );
  const result = await updateRuntime(
    {
      ...checkRuntimeDeps,
      home,
      archive: new TarArchive(),
      platform: new RunningProgram(VERSION).platform,
      copy,
      writeSynced,
      report: printer.report,
    },
    { from, trusted },
  );
  const { outcome, before, now } = result;
  if (from === kept) await rm(kept, { recursive: true, force: true });
  printer.done();
  printer.document({ ...result }, [
    outcome === 'same'
      ? `x ${now.version} of ${now.createdAt} is what is installed here`
      : `x ${before.version} is now x ${now.version}, signed by ${now.source}; x self rollback goes back`,
  ]);
}

/**
 * Keeps a newer x that came with volumes for `x self update`, where the x that runs here was installed
 * from a runtime. What is wrong with it is a warning: the volumes were taken in.
 */
export async function keepCarriedRuntime(
  { folder, catalog }: Pick<DataFolder, 'folder' | 'catalog'>,
  printer: Printer,
  paths: readonly string[],
): Promise<RuntimeDescription | undefined> {
  const home = await InstalledRuntimes.ofThisProgram().catch(() => undefined);
  if (home === undefined) return undefined;
  const { platform } = new RunningProgram(VERSION);
  const deps = { ...checkRuntimeDeps, home, platform, copy, makeEmpty, replace: replaceFolder };
  let kept: RuntimeDescription | undefined;
  for (const from of paths) {
    try {
      if ((await readRuntime(checkRuntimeDeps, from)) === undefined) continue;
      const trusted = new Set(await sourcesIn(catalog, folder, home));
      kept = (await keepRuntime(deps, { from, to: keptIn(folder), trusted })) ?? kept;
    } catch (error) {
      if (!(error instanceof XError)) throw error;
      const message = `the x that came along is not kept: ${error.message}`;
      printer.report({ event: 'warning', message });
    }
  }
  return kept;
}

/** `x self rollback`: the one that was installed before. */
export async function runSelfRollback({ printer }: SelfInput): Promise<void> {
  const home = await InstalledRuntimes.ofThisProgram();
  const result = await rollBackRuntime(home);
  printer.document(result, [`from now on x is ${result.to}; it was ${result.from}`]);
}

async function knownSources(folder: string, home: InstalledRuntimes): Promise<Did[]> {
  const data = await openData(folder);
  try {
    return await sourcesIn(data.catalog, folder, home);
  } finally {
    await data.close();
  }
}

/** Whose runtimes are taken here: sources that are pinned, this machine, and who made the installed one. */
async function sourcesIn(
  catalog: DataFolder['catalog'],
  folder: string,
  home: InstalledRuntimes,
): Promise<Did[]> {
  const { description } = await home.current();
  const pinned = catalog.pinnedSources().map(({ did }) => did);
  const { did } = await openIdentity(folder);
  return [...pinned, did, decodeRuntime(description, home.folder).source];
}
