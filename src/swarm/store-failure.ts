import { XError, messageOf } from '../domain/errors.js';

/** What may be otherwise the next time: a disk can be tidied up. */
const PASSING: ReadonlySet<XError['code']> = new Set(['DISK_FULL', 'IO_FAILED']);

/** Why verified pieces could not be stored, and whether to try again later. */
export function storeFailure(error: unknown): { failure: XError; mayPass: boolean } {
  const failure =
    error instanceof XError
      ? error
      : new XError('IO_FAILED', `cannot store pieces: ${messageOf(error)}`, { cause: error });
  return { failure, mayPass: PASSING.has(failure.code) };
}
