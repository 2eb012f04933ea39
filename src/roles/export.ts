import { ZipVolumeReader } from '../archive/zip-reader.js';
import { ZipVolumeWriter } from '../archive/zip-writer.js';
import type { Settings } from '../config/settings.js';
import { exportBundle } from '../operations/export-bundle.js';
import { openData, type DataFolder } from './open-data.js';
import { formatBytes, type Printer } from './printer.js';
import { volumeSizeOf } from './sizes.js';

export interface ExportInput {
  settings: Settings & { folder: string };
  printer: Printer;
  name: string;
  to: string;
  volumeSize: string | undefined;
}

/** `x export`: a bundle of this data folder, as volumes. */
export async function runExport(input: ExportInput): Promise<void> {
  const { printer, settings } = input;
  const volumeSizeBytes = volumeSizeOf(input.volumeSize);
  const data = await openData(settings.folder, (message) =>
    printer.report({ event: 'warning', message }),
  );
  try {
    const { record, volumes } = await exportVolumes(
      data,
      printer,
      input.name,
      input.to,
      volumeSizeBytes,
    );
    printer.document({ bundle: record, volumes }, volumeLines(volumes));
  } finally {
    await data.close();
  }
}

/** Writes the volumes of a bundle. */
export async function exportVolumes(
  data: DataFolder,
  printer: Printer,
  bundle: string,
  to: string,
  volumeSizeBytes: number | undefined,
): ReturnType<typeof exportBundle> {
  return await exportBundle(
    {
      store: data.store,
      catalog: data.catalog,
      writer: new ZipVolumeWriter(),
      reader: new ZipVolumeReader(),
      report: printer.report,
    },
    { bundle, to, volumeSizeBytes },
  );
}

/** What was written, a line a volume. */
export function volumeLines(
  volumes: readonly { path: string; sizeBytes: number; state: 'written' | 'kept' }[],
): string[] {
  return volumes.map(
    ({ path, sizeBytes, state }) =>
      `${state === 'kept' ? 'whole already' : 'written'}: ${path} (${formatBytes(sizeBytes)})`,
  );
}
