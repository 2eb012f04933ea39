import { TarArchive } from '../archive/tar-archive.js';
import type { Settings } from '../config/settings.js';
import type { Did } from '../domain/bundle.js';
import { rollBackRuntime, updateRuntime } from '../operations/update-runtime.js';
import { RunningProgram } from '../platform/own-program.js';
import { InstalledRuntimes } from '../platform/runtime-home.js';
import { decodeRuntime } from '../trust/runtime-file.js';
import { openData } from './open-data.js';
import { openIdentity } from './open-keys.js';
import type { Printer } from './printer.js';
import { checkRuntimeDeps, copy, writeSynced } from './runtime-files.js';
import { VERSION } from './version.js';

export interface SelfInput {
  settings: Settings & { folder: string };
  printer: Printer;
}

/** `x self update DIR`: the x that is installed here, replaced by a newer one from a medium. */
export async function runSelfUpdate(
  input: SelfInput & { from: string; trust: Did | undefined },
): Promise<void> {
  const { printer, settings, from, trust } = input;
  const home = await InstalledRuntimes.ofThisProgram();
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
  printer.done();
  printer.document({ ...result }, [
    outcome === 'same'
      ? `x ${now.version} of ${now.createdAt} is what is installed here`
      : `x ${before.version} is now x ${now.version}, signed by ${now.source}; x self rollback goes back`,
  ]);
}

/** `x self rollback`: the one that was installed before. */
export async function runSelfRollback({ printer }: SelfInput): Promise<void> {
  const home = await InstalledRuntimes.ofThisProgram();
  const result = await rollBackRuntime(home);
  printer.document(result, [`from now on x is ${result.to}; it was ${result.from}`]);
}

/** Whose runtimes are taken here: sources that are pinned, this machine, and who made the installed one. */
async function knownSources(folder: string, home: InstalledRuntimes): Promise<Did[]> {
  const { description } = await home.current();
  const data = await openData(folder);
  try {
    const pinned = data.catalog.pinnedSources().map(({ did }) => did);
    const { did } = await openIdentity(folder);
    return [...pinned, did, decodeRuntime(description, home.folder).source];
  } finally {
    await data.close();
  }
}
