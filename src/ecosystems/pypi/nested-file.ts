import { isAbsolute, join } from 'node:path/posix';
import { fileURLToPath } from 'node:url';
import { isWebAddress } from '../../domain/web-address.js';
import type { InputFile } from '../../ports/ecosystem.js';
import { withoutLogin } from './address-login.js';

/** What -r or -c names: a file of this machine, or one to fetch. */
export type NestedPlace =
  | { path: string }
  /** Without login and fragment; `login`: as it was written, where it had one. */
  | { address: string; login: string | undefined }
  | { problem: string };

/**
 * The place that a file names, as pip finds it: relative to the folder that the file lies in, or to the
 * address that it was asked for at. Other than pip, a fetched file names nothing of this machine.
 * @param folder of the file that names it; counts for one of this machine alone.
 */
export function nestedPlace(
  named: string,
  { address: base }: Pick<InputFile, 'address'>,
  folder: string,
): NestedPlace {
  if (base === undefined && !isWebAddress(named)) return placeHere(named, folder);
  const url = URL.canParse(named, base) ? new URL(named, base) : undefined;
  if (url === undefined) return { problem: 'not an address' };
  if (!isWebAddress(url.href)) return { problem: NOT_FROM_HERE };
  url.hash = '';
  return withoutLogin(url.href);
}

/** Why a fetched file cannot name a place of this machine. */
export const NOT_FROM_HERE =
  'a file that was fetched names nothing of this machine, only http and https addresses';

function placeHere(named: string, folder: string): NestedPlace {
  const path = fileOfAddress(named) ?? named;
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) {
    return {
      problem: 'requirement files are read from this machine or fetched over http and https',
    };
  }
  return { path: isAbsolute(path) ? path : join(folder, path) };
}

/** The path of a file address; undefined where it is none of this machine. */
function fileOfAddress(text: string): string | undefined {
  try {
    return /^file:/i.test(text) ? fileURLToPath(text) : undefined;
  } catch (thrown) {
    if (thrown instanceof TypeError) return undefined;
    throw thrown;
  }
}
