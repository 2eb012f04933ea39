import { WorkerErasureCode } from '../archive/erasure.js';
import { LocalMedium } from '../archive/medium.js';
import { ZipVolumeReader } from '../archive/zip-reader.js';
import { ZipVolumeWriter } from '../archive/zip-writer.js';
import type { Settings } from '../config/settings.js';
import type { Did } from '../domain/bundle.js';
import {
  exportBundle,
  type ExportRequest,
  type ExportResult,
} from '../operations/export-bundle.js';
import type { Recipient } from '../operations/find-recipient.js';
import { systemClock } from '../platform/clock.js';
import { isForMembers } from './bundle-rules.js';
import { checkExportFolder } from './export-folder.js';
import { openData, type DataFolder } from './open-data.js';
import { formatBytes, type Printer } from './printer.js';
import { recipientOf } from './recipient.js';
import { volumeSizeOf } from './sizes.js';
import { stopSignal } from './until-stopped.js';

export interface ExportInput {
  settings: Settings & { folder: string };
  printer: Printer;
  name: string;
  to: string;
  volumeSize: string | undefined;
  /** A request file, a DID, or a name. */
  for: string | undefined;
  trust: Did | undefined;
  resend: boolean;
  /** So many volumes may be lost or torn. */
  parity: number | undefined;
  readBack: boolean;
  /** What starts x where there is neither x nor Node goes with it. */
  withRuntime: boolean;
}

/** `x export`: a bundle of this data folder, as volumes. */
export async function runExport(input: ExportInput): Promise<void> {
  const { printer, settings } = input;
  const volumeSizeBytes = volumeSizeOf(input.volumeSize);
  await checkExportFolder('--to', input.to, printer.report);
  const stop = stopSignal();
  const data = await openData(settings.folder, (message) =>
    printer.report({ event: 'warning', message }),
  );
  try {
    const recipient =
      input.for === undefined
        ? undefined
        : await recipientOf(data, printer, {
            who: input.for,
            trust: input.trust,
            resend: input.resend,
          });
    const { exported, lines } = await exportAlong(data, printer, {
      bundle: input.name,
      to: input.to,
      volumeSizeBytes,
      recipient,
      parity: input.parity,
      readBack: input.readBack,
      withRuntime: input.withRuntime,
      signal: stop.signal,
    });
    const { record, ...rest } = exported;
    printer.done();
    printer.document({ bundle: record, ...rest }, lines);
  } finally {
    stop.release();
    await data.close();
  }
}

export interface AlongRequest extends ExportRequest {
  recipient: Recipient | undefined;
  withRuntime: boolean;
}

/** Writes the volumes of a bundle, and what starts x beside them where that is asked for. */
export async function exportAlong(
  data: DataFolder,
  printer: Printer,
  request: AlongRequest,
): Promise<{ exported: ExportResult & { runtime?: string }; lines: string[] }> {
  if (!request.withRuntime) {
    const exported = await exportVolumes(data, printer, request);
    return { exported, lines: exportLines(exported, request.recipient) };
  }
  const { putRuntime, roomFor, runtimeLines, withPackedRuntime } = await import('./runtime.js');
  return await withPackedRuntime(data.folder, printer, async (packed) => {
    const beside = { what: 'the runtime', bytes: await roomFor(packed, request.to) };
    const exported = await exportVolumes(data, printer, { ...request, beside });
    printer.report({ event: 'step', text: 'Writing the runtime…' });
    const runtime = await putRuntime(packed, request.to);
    const lines = [...exportLines(exported, request.recipient), ...runtimeLines(packed, runtime)];
    return { exported: { ...exported, runtime }, lines };
  });
}

/** Writes the volumes of a bundle. */
async function exportVolumes(
  data: DataFolder,
  printer: Printer,
  request: ExportRequest,
): Promise<ExportResult> {
  const exported = await exportBundle(
    {
      store: data.store,
      catalog: data.catalog,
      exportLog: data.exportLog,
      clock: systemClock,
      writer: new ZipVolumeWriter(),
      reader: new ZipVolumeReader(),
      medium: new LocalMedium(),
      erasureCode: () => new WorkerErasureCode(),
      report: printer.report,
    },
    request,
  );
  if (isForMembers(data.catalog, exported.record)) {
    const message = `"${exported.record.name}" is for members only on the network; who holds its volumes can read them`;
    printer.report({ event: 'warning', message });
  }
  return exported;
}

/** What was written, a line a volume, and what was left out. */
function exportLines(
  { volumes, leftOut }: Pick<ExportResult, 'volumes' | 'leftOut'>,
  recipient: Recipient | undefined,
): string[] {
  const lines = volumes.map(
    ({ path, sizeBytes, state }) =>
      `${state === 'kept' ? 'whole already' : 'written'}: ${path} (${formatBytes(sizeBytes)})`,
  );
  if (volumes.some(({ readBack }) => readBack === 'cached')) {
    lines.push('read back through the page cache: this file system knows no other way');
  }
  if (recipient === undefined || leftOut.files === 0) return lines;
  const why = recipient.request === undefined ? 'exported there before' : 'held there';
  lines.push(
    `for ${recipient.name}: ${leftOut.files} files (${formatBytes(leftOut.bytes)}) are ${why} and left out`,
  );
  return lines;
}
