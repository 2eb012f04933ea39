import { constants } from 'node:fs';
import { access, stat } from 'node:fs/promises';
import { makeFolder } from '../archive/file-io.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';

/**
 * Makes the data folder where it is missing, so that every command fails alike where it cannot be one.
 * @throws XError USAGE where it is a file or lies below one; IO_FAILED where this user may not write.
 */
export async function makeDataFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder, 0o700);
    if (!(await stat(folder)).isDirectory()) throw notAFolder(folder, undefined);
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    if (error instanceof XError) throw error;
    const code = systemCodeOf(error);
    if (code === 'ENOTDIR' || code === 'EEXIST') throw notAFolder(folder, error);
    if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
      throw new XError('IO_FAILED', `the data folder ${folder} cannot be written by this user`, {
        hint: 'Choose another one with --data or X_DATA, or change who may write there.',
        cause: error,
      });
    }
    if (code === 'ENOSPC' || code === 'EDQUOT') throw error;
    throw new XError('IO_FAILED', `the data folder ${folder}: ${messageOf(error)}`, {
      hint: 'Choose another one with --data or X_DATA.',
      cause: error,
    });
  }
}

function notAFolder(folder: string, cause: unknown): XError {
  return new XError('USAGE', `the data folder ${folder} is a file, or lies below one`, {
    hint: 'Name a folder with --data or X_DATA; it is made where it is missing.',
    cause,
  });
}
