import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import { isWebAddress, plainAddress } from '../domain/web-address.js';
import type { InputFile } from '../ports/ecosystem.js';
import type { Report } from '../ports/progress.js';
import type { Upstream } from '../ports/upstream.js';
import { decodedInput, readInputFile } from './input-files.js';

export interface FetchedInputDeps {
  upstream: Pick<Upstream, 'read'>;
  /** Takes the login that stands in an address, for what else is fetched from there. */
  remember: (address: string) => void;
  report: Report;
}

/**
 * Reads input files by path, and fetches those named by http or https address: each once, with the
 * proxies, authorities and logins that index pages are fetched with.
 * @throws (what it returns) as readInputFile; XError UPSTREAM_*, LIMIT_EXCEEDED of an address.
 */
export function createInputReader(deps: FetchedInputDeps): (place: string) => Promise<InputFile> {
  const fetched = new Map<string, Promise<InputFile>>();
  let leftBytes: number = BOUNDS.fetchedInputsBytes;
  const fetchOne = async (address: string): Promise<InputFile> => {
    const path = plainAddress(address);
    if (fetched.size > BOUNDS.fetchedInputs) {
      throw new XError(
        'LIMIT_EXCEEDED',
        `${path}: more than ${BOUNDS.fetchedInputs} files to fetch`,
        {
          hint: SAVE_IT,
        },
      );
    }
    if (address.startsWith('http:')) {
      const message = `${path} is fetched without TLS: whoever is on the way can change what it asks for`;
      deps.report({ event: 'warning', message });
    }
    const maxBytes = Math.min(BOUNDS.inputFileBytes, leftBytes);
    const { bytes, contentType } = await read(deps.upstream, address, path, maxBytes);
    leftBytes -= bytes.length;
    return { path, address, text: textOf(path, bytes, contentType) };
  };
  return (place) => {
    if (!isWebAddress(place)) return readInputFile(place);
    const address = bareAddressOf(place, deps.remember);
    const known = fetched.get(address);
    if (known !== undefined) return known;
    const file = Promise.resolve().then(() => fetchOne(address));
    fetched.set(address, file);
    return file;
  };
}

const SAVE_IT = 'Or save the file on this machine and name it by its path.';

function bareAddressOf(place: string, remember: FetchedInputDeps['remember']): string {
  if (!URL.canParse(place)) {
    throw new XError('INPUT_NOT_FOUND', 'what is named after -r begins as an address and is none', {
      hint: 'Write https://HOST/PATH, or the path of a file.',
    });
  }
  const url = new URL(place);
  if (url.username !== '' || url.password !== '') remember(place);
  url.username = '';
  url.password = '';
  url.hash = '';
  return url.href;
}

async function read(
  upstream: FetchedInputDeps['upstream'],
  address: string,
  path: string,
  maxBytes: number,
): Promise<{ bytes: Uint8Array; contentType: string | undefined }> {
  try {
    const request = { ecosystem: 'pypi', url: address, accept: 'text/plain, */*;q=0.5' } as const;
    return await upstream.read(request, maxBytes);
  } catch (error) {
    if (!(error instanceof XError)) throw error;
    const isMissing = error.code === 'PACKAGE_NOT_FOUND';
    const code = isMissing ? 'INPUT_NOT_FOUND' : error.code;
    const hint = error.hint ?? (isMissing ? 'Check the address.' : 'Try again later.');
    throw new XError(code, `cannot fetch ${path}: ${error.message}`, {
      hint: `${hint} ${SAVE_IT}`,
      cause: error,
    });
  }
}

/** @throws XError INPUT_UNREADABLE for a web page, and for what is no text. */
function textOf(path: string, bytes: Uint8Array, contentType: string | undefined): string {
  const charset = /;\s*charset="?([-\w.]+)/i.exec(contentType ?? '')?.[1];
  const text = decodedInput(path, bytes, charset);
  if (text.includes('\0')) {
    throw new XError('INPUT_UNREADABLE', `${path} is not text`, {
      hint: 'Name the address of a requirements file.',
    });
  }
  if (/^\s*<(?:!doctype|html|head|\?xml)\b/i.test(text)) {
    throw new XError('INPUT_UNREADABLE', `${path} is a web page, not a requirements file`, {
      hint: `Name the address of the text itself (the "raw" one), and check whether it asks for a login. ${SAVE_IT}`,
    });
  }
  return text;
}
