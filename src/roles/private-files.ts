import { stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { XError } from '../domain/errors.js';

const GROUP_AND_OTHERS = 0o077;
/** Who may write to the folder of a key can put another in its place. */
const WRITABLE_BY_OTHERS = 0o022;

/** statfs types of FAT and exFAT. */
const FAT_TYPES = new Set([0x4d44, 0x2011bab0]);

/** @throws XError KEY_EXPOSED where others than its owner may read or write a secret. */
export async function requirePrivate(
  path: string,
  next = 'if somebody may have read it, `x key rotate` ends its word',
): Promise<void> {
  if (process.platform === 'win32') return;
  const { mode } = await stat(path);
  if ((mode & GROUP_AND_OTHERS) === 0 || (await isOnFat(path))) return;
  const shown = (mode & 0o777).toString(8);
  throw new XError('KEY_EXPOSED', `${path} may be read by others than its owner (mode ${shown})`, {
    hint: `Run \`chmod 600 ${path}\`; ${next}.`,
  });
}

/** As `requirePrivate`, and nobody else may put another key in its place. */
export async function requireOwnKey(path: string): Promise<void> {
  await requirePrivate(path);
  if (process.platform === 'win32') return;
  const folder = dirname(path);
  const { mode } = await stat(folder);
  if ((mode & WRITABLE_BY_OTHERS) === 0 || (await isOnFat(folder))) return;
  const shown = (mode & 0o777).toString(8);
  throw new XError('KEY_EXPOSED', `${folder} may be written to by others (mode ${shown})`, {
    hint: `Run \`chmod 700 ${folder}\`, and see that \`x key\` still shows this machine’s DID.`,
  });
}

/** FAT keeps no permissions: who mounted it decides for every file alike. */
async function isOnFat(path: string): Promise<boolean> {
  return FAT_TYPES.has(Number((await statfs(path)).type));
}
