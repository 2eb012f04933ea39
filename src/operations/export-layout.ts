import { BOUNDS } from '../domain/bounds.js';
import type { BundleEntry } from '../domain/bundle.js';
import { XError } from '../domain/errors.js';
import { PIECE_SIZE_BYTES } from '../domain/piece.js';
import type { BundleRecord } from '../ports/catalog.js';
import type { Store } from '../ports/store.js';
import { CHECKED_BYTES, type VolumeItem, type VolumeWriter } from '../ports/volume.js';
import { parityOverheadBytes } from './parity.js';
import { inMemory, partItems } from './volume-items.js';
import { INFO_NAME, PLACEMENT_NAME, VOLUME_FORMAT, volumeFileName } from './volume-layout.js';
import { cutsOf, encodePlacement, placementOf } from './volume-placement.js';
import { planVolumes, type VolumePart } from './volume-plan.js';

/** Room for x-volume.json, whatever its numbers. */
const INFO_BYTES = 1024;

/** As often is a plan made again where it turned out to need more room for its own description. */
const ATTEMPTS = 12;

export interface LayoutRequest {
  store: Pick<Store, 'stream' | 'leaves'>;
  record: BundleRecord;
  metadata: readonly VolumeItem[];
  /** Every blob of the bundle once, in path order. */
  all: readonly BundleEntry[];
  /** Those that are carried. */
  blobs: readonly BundleEntry[];
  series: string | undefined;
  volumeSizeBytes: number;
  parity: number;
}

/** What is to be written. */
export interface ExportLayout {
  volumes: { name: string; fixed: VolumeItem[]; parts: VolumePart[]; sizeBytes: number }[];
  /** At most so large; what is in them is known once the others are written. */
  parity: { name: string; fixed: VolumeItem[]; sizeBytes: number }[];
}

/**
 * Lays an export out: no volume is larger than asked for, the container's own bytes, the metadata,
 * the description of the set and the parity's checks all counted.
 * @throws XError USAGE.
 */
export function layOutExport(writer: VolumeWriter, request: LayoutRequest): ExportLayout {
  checkParity(request);
  let room = { placementBytes: 1024, count: 1 };
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const tried = attemptLayout(writer, request, room);
    if (tried.fits) return tried.layout;
    room = {
      placementBytes: Math.ceil(tried.needs.placementBytes * 1.05) + 64,
      count: Math.max(room.count, Math.ceil(tried.needs.count * 1.1)),
    };
  }
  throw new XError(
    'USAGE',
    `volumes of ${request.volumeSizeBytes} bytes cannot carry this bundle`,
    {
      hint: 'Give a larger --volume-size.',
    },
  );
}

interface Room {
  /** For x-placement.json. */
  placementBytes: number;
  /** Of volumes, for the parity's checks. */
  count: number;
}

type Attempt = { fits: true; layout: ExportLayout } | { fits: false; needs: Room };

function attemptLayout(writer: VolumeWriter, request: LayoutRequest, room: Room): Attempt {
  const { store, record, metadata, all, blobs, series, volumeSizeBytes, parity } = request;
  const fixedNames = [INFO_NAME, PLACEMENT_NAME, ...metadata.map(({ name }) => name)];
  const fixedBytes =
    fixedNames.reduce((sum, name) => sum + writer.itemOverheadBytes(name), 0) +
    writer.volumeOverheadBytes +
    metadata.reduce((sum, { lengthBytes }) => sum + lengthBytes, INFO_BYTES + room.placementBytes);
  const parityBytes =
    parity === 0
      ? 0
      : fixedBytes + parityOverheadBytes(writer, { count: room.count, volumeSizeBytes });
  const plan = planVolumes({
    blobs,
    volumeSizeBytes,
    fixedBytes,
    reservedBytes: parityBytes,
    itemOverheadBytes: (name) => writer.itemOverheadBytes(name),
  });
  const names = plan.map((_, at) =>
    volumeFileName(record.name, record.version, { index: at + 1 }, series),
  );
  const digests = all.map(({ sha256 }) => sha256);
  const placement = encodePlacement(placementOf(digests, plan), cutsOf(digests, plan), names);
  const needs = { placementBytes: placement.length, count: plan.length };
  const isTight =
    placement.length > room.placementBytes || (parity > 0 && plan.length > room.count);
  if (isTight) return { fits: false, needs };
  checkCount(request, plan.length, fixedBytes + parityBytes);
  const fixed = (place: { index: number } | { parity: number }): VolumeItem[] => [
    inMemory(INFO_NAME, infoOf(record, { ...place, count: plan.length, parityCount: parity })),
    inMemory(PLACEMENT_NAME, placement),
    ...metadata,
  ];
  const volumes = plan.map((parts, at) => {
    const own = fixed({ index: at + 1 });
    const sizeBytes = writer.sizeOf([...own, ...partItems(store, parts)]);
    return { name: names[at] as string, fixed: own, parts, sizeBytes };
  });
  const largest = Math.max(...volumes.map(({ sizeBytes }) => sizeBytes));
  const paritySize =
    Math.ceil(largest / CHECKED_BYTES) * CHECKED_BYTES +
    fixedBytes +
    parityOverheadBytes(writer, { count: plan.length, volumeSizeBytes: largest });
  const parityVolumes = Array.from({ length: parity }, (_, at) => ({
    name: volumeFileName(record.name, record.version, { parity: at + 1 }, series),
    fixed: fixed({ parity: at + 1 }),
    sizeBytes: Math.min(paritySize, volumeSizeBytes),
  }));
  return { fits: true, layout: { volumes, parity: parityVolumes } };
}

function infoOf(
  { name: bundle, source, version }: BundleRecord,
  { parityCount, ...place }: { count: number; parityCount: number },
): Uint8Array {
  const parity = parityCount === 0 ? {} : { parityCount };
  const info = { format: VOLUME_FORMAT, bundle, source, version, ...place, ...parity };
  return Buffer.from(`${JSON.stringify(info)}\n`);
}

function checkParity({ parity }: LayoutRequest): void {
  if (Number.isInteger(parity) && parity >= 0 && parity <= BOUNDS.parityVolumes) return;
  throw new XError('USAGE', `--parity ${parity}: it is a number from 1 to ${BOUNDS.parityVolumes}`);
}

/** @param ownBytes What each volume holds or leaves free beside content. */
function checkCount(
  { parity, volumeSizeBytes, blobs }: LayoutRequest,
  count: number,
  ownBytes: number,
): void {
  if (parity > 0 && count > BOUNDS.protectedVolumes) {
    const contentBytes = blobs.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    // A volume is not filled to its last byte.
    const filledBytes = (1.1 * contentBytes) / BOUNDS.protectedVolumes + PIECE_SIZE_BYTES;
    const enough = Math.ceil((ownBytes + filledBytes) / 1e6);
    throw new XError(
      'USAGE',
      `--parity protects at most ${BOUNDS.protectedVolumes} volumes; of ${volumeSizeBytes} bytes it takes ${count}`,
      { hint: `Give a --volume-size of ${enough}MB or more.` },
    );
  }
  if (count <= BOUNDS.volumes) return;
  throw new XError('USAGE', `it takes ${count} volumes of ${volumeSizeBytes} bytes`, {
    hint: `Give a larger --volume-size: at most ${BOUNDS.volumes} are written.`,
  });
}
