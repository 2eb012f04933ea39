import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  read,
  readSync,
  statSync,
  type Stats,
} from 'node:fs';
import { promisify } from 'node:util';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import { tooLarge } from './http-body.js';
import type { UpstreamBody, UpstreamRequest } from '../ports/upstream.js';

const CHUNK_BYTES = 256 << 10;
const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html',
  '.htm': 'text/html',
  '.json': 'application/json',
};

/**
 * Opens a `file:` address of this machine (RFC 8089).
 * @throws XError PACKAGE_NOT_FOUND; UPSTREAM_REFUSED for directories, devices and what may not be read.
 */
export function openFile(request: UpstreamRequest, address: URL): UpstreamBody {
  // Only looked at here: a body that is never read must not hold a file open.
  const size = sizeOf(address);
  const asked = request.offset ?? 0;
  const offset = asked <= size ? asked : 0;
  return {
    url: address.href,
    lengthBytes: size,
    offset,
    contentType: contentTypeOf(address),
    etag: undefined,
    stream: readOut(address, offset, size, request.signal),
  };
}

/**
 * Reads a small file whole.
 * @throws XError as openFile; LIMIT_EXCEEDED past maxBytes.
 */
export function readSmallFile(
  address: URL,
  maxBytes: number,
): { url: string; bytes: Uint8Array; contentType: string | undefined } {
  using file = openPlain(address);
  const { size } = file;
  if (size > maxBytes) throw tooLarge(address.href, maxBytes);
  const bytes = Buffer.allocUnsafe(size);
  for (let at = 0; at < size;) {
    const got = readSync(file.descriptor, bytes, at, size - at, at);
    if (got === 0) throw changed(address, `ends at ${at} of ${size} bytes`);
    at += got;
  }
  return { url: address.href, bytes, contentType: contentTypeOf(address) };
}

function contentTypeOf(address: URL): string | undefined {
  return CONTENT_TYPES[extname(address.pathname).toLowerCase()];
}

function changed(address: URL, what: string): XError {
  return new XError('UPSTREAM_UNREACHABLE', `${address.href}: changed while it was read (${what})`);
}

async function* readOut(
  address: URL,
  offset: number,
  size: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  using file = openPlain(address);
  if (file.size !== size) throw changed(address, `${size} bytes before, ${file.size} now`);
  for (let at = offset; at < size;) {
    signal?.throwIfAborted();
    const want = Math.min(CHUNK_BYTES, size - at);
    const buffer = Buffer.allocUnsafe(want);
    // What is read of an index's files fits into one chunk; of a large one the rest waits elsewhere.
    const bytesRead =
      at === offset
        ? readSync(file.descriptor, buffer, 0, want, at)
        : (await readLater(file.descriptor, buffer, 0, want, at)).bytesRead;
    if (bytesRead === 0) throw changed(address, `ends at ${at} of ${size} bytes`);
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

const readLater = promisify(read);

function sizeOf(address: URL): number {
  try {
    const status = statSync(pathOf(address), { throwIfNoEntry: false });
    if (status === undefined) throw noFile(address, undefined);
    return plainSize(address, status);
  } catch (thrown) {
    throw refusal(address, thrown);
  }
}

interface PlainFile extends Disposable {
  descriptor: number;
  size: number;
}

/**
 * At once, and not by a thread that would have to be asked and waited for: an index on this disk is
 * thousands of small files.
 */
function openPlain(address: URL): PlainFile {
  let descriptor: number | undefined;
  try {
    // Without O_NONBLOCK a named pipe would hold the open until someone writes to it.
    const opened = openSync(pathOf(address), constants.O_RDONLY | constants.O_NONBLOCK);
    descriptor = opened;
    const size = plainSize(address, fstatSync(opened));
    return { descriptor: opened, size, [Symbol.dispose]: () => closeSync(opened) };
  } catch (thrown) {
    if (descriptor !== undefined) closeSync(descriptor);
    throw refusal(address, thrown);
  }
}

/** @throws XError UPSTREAM_REFUSED where it is no plain file. */
function plainSize(address: URL, status: Stats): number {
  if (status.isFile()) return status.size;
  throw status.isDirectory()
    ? new XError('UPSTREAM_REFUSED', `${address.href}: is a directory`, {
        hint: 'Name a file in it, for example its index.html.',
      })
    : new XError('UPSTREAM_REFUSED', `${address.href}: is not a plain file`);
}

function pathOf(address: URL): string {
  try {
    return fileURLToPath(address);
  } catch (cause) {
    throw new XError('UPSTREAM_REFUSED', `${address.href}: ${messageOf(cause)}`, {
      hint: 'A file address of this machine is written file:///folder/file.',
      cause,
    });
  }
}

function refusal(address: URL, thrown: unknown): XError {
  if (thrown instanceof XError) return thrown;
  const code = systemCodeOf(thrown);
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    return noFile(address, thrown);
  }
  return new XError('UPSTREAM_REFUSED', `${address.href}: ${messageOf(thrown)}`, { cause: thrown });
}

function noFile(address: URL, cause: unknown): XError {
  return new XError('PACKAGE_NOT_FOUND', `${address.href}: no such file`, { cause });
}
