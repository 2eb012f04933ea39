import { XError } from '../domain/errors.js';

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  k: 1e3,
  kb: 1e3,
  m: 1e6,
  mb: 1e6,
  g: 1e9,
  gb: 1e9,
  t: 1e12,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/**
 * A size as people write it: `4GB`, `650 MiB`, `1.5g`, `1000000`.
 * @returns bytes. @throws XError USAGE.
 */
export function parseSize(text: string): number {
  const match = /^\s*([0-9]+(?:\.[0-9]+)?)\s*([a-z]*)\s*$/i.exec(text);
  const unit = UNITS[(match?.[2] ?? '?').toLowerCase()];
  const bytes = Math.floor(Number(match?.[1]) * (unit ?? Number.NaN));
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new XError('USAGE', `"${text}" is not a size`, {
      hint: 'Write it like 4GB, 650MiB or 1000000.',
    });
  }
  return bytes;
}

/** No bundle fits into volumes of less: each carries the signed metadata. */
const SMALLEST_VOLUME_BYTES = 16 << 10;

/**
 * What `--volume-size` says, looked at before any work is done.
 * @throws XError USAGE.
 */
export function volumeSizeOf(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const bytes = parseSize(text);
  if (bytes >= SMALLEST_VOLUME_BYTES) return bytes;
  throw new XError(
    'USAGE',
    `--volume-size ${text}: no bundle fits into volumes of ${bytes} bytes`,
    {
      hint: 'Write it like 4GB or 650MiB.',
    },
  );
}
