import { basename } from 'node:path';
import { WorkerErasureCode } from '../archive/erasure.js';
import { LocalMedium } from '../archive/medium.js';
import { ZipVolumeReader } from '../archive/zip-reader.js';
import type { Settings } from '../config/settings.js';
import type { Did } from '../domain/bundle.js';
import { ERROR_CODES, messageOf, XError } from '../domain/errors.js';
import {
  importBundle,
  type ImportResult,
  type MissingFile,
  type VolumeProblem,
} from '../operations/import-bundle.js';
import { rebuildVolumes } from '../operations/rebuild-volumes.js';
import { systemClock } from '../platform/clock.js';
import type { ProgressEvent, Report } from '../ports/progress.js';
import { Layout } from '../store/layout.js';
import { WriterLease } from '../store/writer-lease.js';
import type { RuntimeDescription } from '../trust/runtime-file.js';
import { askOnTerminal } from './ask.js';
import { createServers } from './ecosystem-servers.js';
import { nextCommands } from './next-command.js';
import { openData } from './open-data.js';
import { formatBytes, type Printer } from './printer.js';
import { stopSignal } from './until-stopped.js';

export interface ImportInput {
  settings: Settings & { folder: string };
  printer: Printer;
  paths: string[];
  trust: Did | undefined;
  acceptNew: boolean;
  acceptStale: boolean;
}

/** `x import`: volumes into this data folder, in any order. */
export async function runImport(input: ImportInput): Promise<void> {
  const { printer, settings } = input;
  const stop = stopSignal();
  const data = await openData(settings.folder, (message) =>
    printer.report({ event: 'warning', message }),
  );
  try {
    const take = (paths: string[]): Promise<ImportResult> =>
      saidOnce(printer.report, (report) =>
        importBundle(
          {
            store: data.store,
            catalog: data.catalog,
            clock: systemClock,
            reader: new ZipVolumeReader(),
            report,
          },
          {
            paths,
            trust: { did: input.trust, acceptNew: input.acceptNew, ask: askOnTerminal },
            acceptStale: input.acceptStale,
            signal: stop.signal,
          },
        ),
      );
    let result = await take(input.paths);
    if (result.bundles.some(({ missing }) => missing.length > 0)) {
      result = (await takeRebuilt(input, take, result, stop.signal)) ?? result;
    }
    const next = result.bundles.every(({ missing }) => missing.length === 0)
      ? nextCommands(
          result.bundles.map(
            ({ record }) =>
              () =>
                data.catalog.entries(record.id),
          ),
          createServers(),
        )
      : [];
    const { keepCarriedRuntime } = await import('./self.js');
    const runtime = await keepCarriedRuntime(data, printer, input.paths);
    printer.document({ ...result, ...(runtime && { runtime }) }, [
      ...linesOf(result),
      ...(runtime === undefined ? [] : [runtimeLine(runtime)]),
      ...(next.length === 0 ? [] : ['to install (x ls NAME lists all):']),
      ...next.map((command) => `  ${command}`),
    ]);
    failWhereNothingHonestIsLeft(result);
  } finally {
    stop.release();
    await data.close();
  }
}

/**
 * What is missing, from volumes that parity volumes among those given can rebuild. They are written
 * beside the store, taken in like any other, and removed; where this process is killed, by the next one.
 */
async function takeRebuilt(
  { settings, printer, paths }: ImportInput,
  take: (paths: string[]) => Promise<ImportResult>,
  before: ImportResult,
  signal: AbortSignal,
): Promise<ImportResult | undefined> {
  const lease = WriterLease.take(new Layout(settings.folder).writers);
  const to = lease.folder;
  try {
    const { rebuilt } = await rebuildVolumes(
      {
        reader: new ZipVolumeReader(),
        medium: new LocalMedium(),
        erasureCode: () => new WorkerErasureCode(),
        report: printer.report,
      },
      { paths, to, signal },
    );
    if (rebuilt.length === 0) return undefined;
    const names = rebuilt.map(({ name }) => name);
    printer.report({
      event: 'warning',
      message: `lost or torn, and rebuilt from the others: ${names.join(', ')}`,
    });
    return joined(before, await take([to]));
  } finally {
    lease.release();
  }
}

/** What two looks found together: the first of all volumes, the second of those that were rebuilt. */
function joined(before: ImportResult, after: ImportResult): ImportResult {
  const problems = [...before.problems, ...after.problems];
  const missing = new Map(after.bundles.map((bundle) => [bundle.record.id, bundle.missing]));
  return {
    ok: problems.length === 0,
    bundles: before.bundles.map((bundle) => ({
      ...bundle,
      missing: missing.get(bundle.record.id) ?? bundle.missing,
    })),
    problems,
    warnings: [...new Set([...before.warnings, ...after.warnings])],
    importedBlobs: before.importedBlobs + after.importedBlobs,
    importedBytes: before.importedBytes + after.importedBytes,
    alreadyHeld: before.alreadyHeld + after.alreadyHeld,
    ignored: before.ignored + after.ignored,
  };
}

/** A warning that turns out to be why everything failed is told as the failure alone. */
async function saidOnce<T>(report: Report, work: (report: Report) => Promise<T>): Promise<T> {
  let last: ProgressEvent | undefined;
  const tellLast = (): void => {
    if (last) report(last);
    last = undefined;
  };
  try {
    return await work((event) => {
      tellLast();
      if (event.event === 'warning') last = event;
      else report(event);
    });
  } catch (error) {
    const isSame = last?.event === 'warning' && last.message === messageOf(error);
    if (isSame) last = undefined;
    throw error;
  } finally {
    tellLast();
  }
}

function runtimeLine({ version, createdAt }: RuntimeDescription): string {
  return `x ${version} of ${createdAt} came along, newer than what is installed: \`x self update\` takes it`;
}

/** How many missing files a message names. */
const NAMED = 5;

function linesOf(result: ImportResult): string[] {
  return result.bundles.map(({ record, missing }) => {
    const held = `${record.name}, version ${record.version}, by ${record.source}`;
    if (missing.length === 0)
      return `complete: ${held}: ${record.entries} files, ${formatBytes(record.bytes)}`;
    const bytes = missing.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    const named = missing
      .slice(0, NAMED)
      .map(({ path }) => path)
      .join(', ');
    return `${held}: ${missing.length} of ${record.entries} files (${formatBytes(bytes)}) are still missing: ${named}${missing.length > NAMED ? '…' : ''}. ${whereTheyAre(missing, result.problems)}, or pull the rest with \`x client\`.`;
  });
}

/** A volume that was read and is damaged is not to be imported once more as it is. */
function whereTheyAre(missing: readonly MissingFile[], problems: readonly VolumeProblem[]): string {
  const torn = new Set(problems.map(({ volume }) => basename(volume)));
  const names = [...new Set(missing.flatMap(({ volumes }) => volumes))].sort();
  if (names.length === 0) return 'Import the other volumes';
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more` : '';
  const next = names.every((name) => torn.has(name))
    ? 'damaged as read here: copy it again and import it'
    : 'import those';
  return `They are in ${names.slice(0, NAMED).join(', ')}${more}: ${next}`;
}

/** Damage that another volume made good is no failure; what stays missing because of it is. */
function failWhereNothingHonestIsLeft({ problems, bundles }: ImportResult): void {
  const missing = new Set(bundles.flatMap((bundle) => bundle.missing.map(({ path }) => path)));
  const fatal = problems.filter(({ path, code }) =>
    path === undefined ? missing.size > 0 || ERROR_CODES[code] === 3 : missing.has(path),
  );
  const [first] = fatal;
  if (!first) return;
  if (missing.size === 0) {
    throw new XError(first.code, `${first.volume} was passed over: ${first.message}`, {
      hint: 'Everything is here without it. It was altered, is not its source’s, or is of before its source gave up a key: take it away.',
    });
  }
  const place = first.path === undefined ? first.volume : `${first.path} in ${first.volume}`;
  throw new XError(
    'DIGEST_MISMATCH',
    `${place} is damaged, and no other volume given has an honest copy`,
    {
      hint: 'What is whole was taken in. Copy the volume again from the source, or bring the rest with `x client`.',
    },
  );
}
