import { ZipVolumeReader } from '../archive/zip-reader.js';
import type { Settings } from '../config/settings.js';
import type { Did } from '../domain/bundle.js';
import { ERROR_CODES, messageOf, XError } from '../domain/errors.js';
import { importBundle, type ImportResult } from '../operations/import-bundle.js';
import { systemClock } from '../platform/clock.js';
import type { ProgressEvent, Report } from '../ports/progress.js';
import { askOnTerminal } from './ask.js';
import { openData } from './open-data.js';
import { formatBytes, type Printer } from './printer.js';

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
  const data = await openData(settings.folder, (message) =>
    printer.report({ event: 'warning', message }),
  );
  try {
    const result = await saidOnce(printer.report, (report) =>
      importBundle(
        {
          store: data.store,
          catalog: data.catalog,
          clock: systemClock,
          reader: new ZipVolumeReader(),
          report,
        },
        {
          paths: input.paths,
          trust: { did: input.trust, acceptNew: input.acceptNew, ask: askOnTerminal },
          acceptStale: input.acceptStale,
        },
      ),
    );
    printer.document(result, linesOf(result));
    failWhereNothingHonestIsLeft(result);
  } finally {
    await data.close();
  }
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
    return `${held}: ${missing.length} of ${record.entries} files (${formatBytes(bytes)}) are still missing: ${named}${missing.length > NAMED ? '…' : ''}. Import the other volumes, or pull the rest with \`x client\`.`;
  });
}

/** Damage that another volume made good is no failure; what stays missing because of it is. */
function failWhereNothingHonestIsLeft({ problems, bundles }: ImportResult): void {
  const missing = new Set(bundles.flatMap((bundle) => bundle.missing.map(({ path }) => path)));
  const fatal = problems.filter(({ path, code }) =>
    path === undefined ? missing.size > 0 || ERROR_CODES[code] === 3 : missing.has(path),
  );
  const [first] = fatal;
  if (!first) return;
  const place = first.path === undefined ? first.volume : `${first.path} in ${first.volume}`;
  throw new XError(
    'DIGEST_MISMATCH',
    `${place} is damaged, and no other volume given has an honest copy`,
    {
      hint: 'What is whole was taken in. Copy the volume again from the source, or bring the rest with `x client`.',
    },
  );
}
