import { unmountedPlace } from '../archive/mounted.js';
import { XError } from '../domain/errors.js';
import type { Report } from '../ports/progress.js';

/**
 * Looks at where volumes are to go before any work is done: an unset variable names no folder, and
 * a stick that is not in is easily taken for one that is.
 * @throws XError USAGE.
 */
export async function checkExportFolder(
  flag: '--to' | '--export',
  folder: string,
  report: Report,
): Promise<void> {
  if (folder === '') throw new XError('USAGE', `${flag} needs the name of a folder`);
  const place = await unmountedPlace(folder);
  if (place === undefined) return;
  const message = `nothing is mounted at ${place}: the volumes stay on this machine’s own disk`;
  report({ event: 'warning', message });
}
