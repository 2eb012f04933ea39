import { chmodSync, existsSync, readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../domain/errors.js';
import { dataPaths } from '../../platform/paths.js';
import { formatBytes } from '../printer.js';
import { failed, fixed, ok, warning, type Finding } from './check.js';

const LOW_BYTES = 2e9;
const NO_BYTES = 100e6;
/** A clock before this is wrong: x was not written yet. */
const WRITTEN = new Date('2026-01-01T00:00:00Z');
const DAY_MS = 86_400_000;

/** Pure: what a clock says beside the newest time that a trusted source signed. */
export function checkClock(now: Date, highestSigned: string | undefined): Finding {
  const told = now.toISOString().slice(0, 19).replace('T', ' ');
  if (now < WRITTEN) {
    return failed(
      'clock',
      `says ${told}, which is before x was written`,
      'Set it: date -s …, or hwclock.',
    );
  }
  if (highestSigned !== undefined && now.getTime() < Date.parse(highestSigned)) {
    return warning(
      'clock',
      `says ${told}, but a bundle here was signed ${highestSigned}`,
      'Set it forward; until then the signing time is taken for now.',
    );
  }
  return ok('clock', `says ${told} UTC`);
}

/** Pure: how long a bundle's signed metadata still holds. */
export function checkAge(
  { name, expiresAt, graceDays }: { name: string; expiresAt: string; graceDays: number },
  now: Date,
): Finding {
  const days = Math.floor((Date.parse(expiresAt) - now.getTime()) / DAY_MS);
  const bring = 'Bring a newer version: x client --master HOST, or x import.';
  if (days >= 0) return ok('age', `bundle "${name}" is current for ${days} more days`);
  if (days + graceDays >= 0) {
    return warning(
      'age',
      `bundle "${name}" expired ${-days} days ago, within its grace of ${graceDays}`,
      bring,
    );
  }
  return warning(
    'age',
    `bundle "${name}" expired ${-days} days ago, past its grace: what is held is served, new content is refused`,
    bring,
  );
}

export function checkDisk(folder: string): Finding {
  try {
    const { bavail, bsize } = statfsSync(folder);
    const free = bavail * bsize;
    const text = `${formatBytes(free)} free for ${folder}`;
    const hint = 'x gc --dry-run says what may go; or choose another disk with --data.';
    if (free < NO_BYTES) return failed('disk', text, hint);
    return free < LOW_BYTES ? warning('disk', text, hint) : ok('disk', text);
  } catch (error) {
    return failed('disk', `${folder}: ${messageOf(error)}`, 'Check that the disk is mounted.');
  }
}

const OTHERS = 0o077;

/** Whether others could read keys or write blobs; `fix` takes that from them. */
export function checkPermissions(folder: string, fix: boolean): Finding[] {
  if (process.platform === 'win32') return [ok('permissions', 'are the folder’s own')];
  const { keys } = dataPaths(folder);
  const secrets = existsSync(keys)
    ? [keys, ...readdirSync(keys).map((name) => join(keys, name))]
    : [];
  const findings = [folder, ...secrets].flatMap((path): Finding[] => {
    const stat = statSync(path);
    const own = process.getuid?.() === stat.uid;
    if (!own) {
      return [
        warning(
          'permissions',
          `${path} belongs to another user (${stat.uid})`,
          'Run x as that user, or chown it.',
        ),
      ];
    }
    const mode = stat.mode & 0o777;
    if ((mode & OTHERS) === 0) return [];
    // A certificate is there to be shown.
    if (path.endsWith('.crt') && (mode & 0o022) === 0) return [];
    // Reading the data folder is harmless, writing to it is not; of keys, both.
    if (path === folder && (mode & 0o022) === 0) return [];
    const told = mode.toString(8).padStart(3, '0');
    if (fix) {
      chmodSync(path, mode & ~OTHERS);
      return [fixed('permissions', `${path} was open to others (${told}); now it is yours alone`)];
    }
    return [
      failed('permissions', `${path} is open to others (${told})`, 'x doctor --fix closes it.'),
    ];
  });
  return findings.length > 0
    ? findings
    : [ok('permissions', 'of the data folder and the keys are right')];
}
