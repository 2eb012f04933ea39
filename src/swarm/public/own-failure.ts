import { XError } from '../../domain/errors.js';

const OWN_FAILURES: ReadonlySet<string> = new Set(['DISK_FULL', 'IO_FAILED', 'DATA_FOLDER_BUSY']);

/** Whether this machine failed, and not who was asked. */
export function isOwnFailure(error: unknown): boolean {
  return error instanceof XError && OWN_FAILURES.has(error.code);
}
