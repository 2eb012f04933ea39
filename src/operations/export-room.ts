import { join } from 'node:path';
import { XError } from '../domain/errors.js';
import type { BundleRecord } from '../ports/catalog.js';
import type { Medium, VolumeReader } from '../ports/volume.js';
import type { ExportRequest } from './export-bundle.js';
import type { ExportLayout } from './export-layout.js';
import { volumeClaim } from './volume-content.js';

type RoomRequest = Pick<ExportRequest, 'to' | 'volumeSizeBytes' | 'beside'>;

/** What a file takes beside its bytes: a started block, and its name. */
const FILE_SLACK_BYTES = 64 << 10;

/**
 * Whether everything fits, before a byte is written.
 * @throws XError DISK_FULL saying how much is missing and what else of the bundle lies there; USAGE
 *   where the file system takes no file as large as was asked for.
 */
export async function requireRoom(
  medium: Medium,
  record: BundleRecord,
  layout: ExportLayout,
  { to, volumeSizeBytes: askedBytes, beside }: RoomRequest,
): Promise<void> {
  const files = [...layout.volumes, ...layout.parity];
  const { freeBytes, maxFileBytes } = await medium.space(to);
  const largest = Math.max(...files.map(({ sizeBytes }) => sizeBytes));
  if (maxFileBytes !== undefined && largest > maxFileBytes) {
    throw new XError('USAGE', `${to} is on a FAT file system, which takes no file over 4 GiB`, {
      hint: `Leave --volume-size out, or give less than ${askedBytes ?? largest}.`,
    });
  }
  const there = await medium.sizes(to);
  let neededBytes = beside?.bytes ?? 0;
  for (const { name, sizeBytes } of files) {
    const held = there.get(name) ?? 0;
    const part = there.get(`.${name}.part`) ?? 0;
    // A volume of the same size is kept where it is right; any other is replaced beside the old one.
    if (held !== sizeBytes) neededBytes += sizeBytes + FILE_SLACK_BYTES - Math.min(part, sizeBytes);
  }
  // Where that is not known, a full medium shows when it is.
  if (freeBytes === undefined || neededBytes <= freeBytes) return;
  const own = new Set(files.flatMap(({ name }) => [name, `.${name}.part`]));
  const others = [...there].filter(
    ([name]) => name.startsWith(`${record.name}-v`) && name.endsWith('.x.zip') && !own.has(name),
  );
  const otherBytes = others.reduce((sum, [, bytes]) => sum + bytes, 0);
  const hint =
    others.length > 0
      ? `${others.length} other volumes of "${record.name}" take ${megabytes(otherBytes)} there: remove them if they are no longer needed (${others[0]?.[0]}).`
      : 'Make room, or take a larger medium. With --for WHO only what is missing there is carried.';
  const part = beside && ` (${megabytes(beside.bytes)} of them for ${beside.what})`;
  throw new XError(
    'DISK_FULL',
    `${to} has ${megabytes(freeBytes)} free, and ${megabytes(neededBytes)} are needed${part ?? ''}`,
    { hint },
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/**
 * A folder that holds volumes of these names by another source is left alone.
 * @throws XError USAGE; INPUT_UNREADABLE for one that cannot even be opened.
 */
export async function refuseStrangers(
  reader: VolumeReader,
  record: BundleRecord,
  to: string,
  layout: ExportLayout,
): Promise<void> {
  for (const { name } of [...layout.volumes, ...layout.parity]) {
    const path = join(to, name);
    const source = await sourceOf(reader, path);
    if (source === undefined || source === record.source) continue;
    throw new XError('USAGE', `${path} is a volume of another source, ${source}`, {
      hint: 'Export to an empty folder, or remove that volume first.',
    });
  }
}

/** Whose volume is there; undefined where there is none, or none that says so. */
async function sourceOf(reader: VolumeReader, path: string): Promise<string | undefined> {
  try {
    const volume = await reader.open(path);
    try {
      return (await volumeClaim(volume)).source;
    } finally {
      await volume.close();
    }
  } catch (thrown) {
    const isOurs =
      thrown instanceof XError && thrown.code !== 'INPUT_UNREADABLE' && thrown.code !== 'IO_FAILED';
    if (isOurs) return undefined;
    throw thrown;
  }
}
