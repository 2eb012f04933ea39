import { constants, type Stats } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
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
export async function openFile(request: UpstreamRequest, address: URL): Promise<UpstreamBody> {
  // Only looked at here: a body that is never read must not hold a file open.
  const size = await sizeOf(address);
  const asked = request.offset ?? 0;
  const offset = asked <= size ? asked : 0;
  return {
    url: address.href,
    lengthBytes: size,
    offset,
    contentType: CONTENT_TYPES[extname(address.pathname).toLowerCase()],
    etag: undefined,
    stream: readOut(address, offset, size, request.signal),
  };
}

async function* readOut(
  address: URL,
  offset: number,
  size: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  await using handle = await openHandle(address);
  const changed = (what: string): XError =>
    new XError('UPSTREAM_UNREACHABLE', `${address.href}: changed while it was read (${what})`);
  const now = plainSize(address, await handle.stat());
  if (now !== size) throw changed(`${size} bytes before, ${now} now`);
  for (let at = offset; at < size;) {
    signal?.throwIfAborted();
    const want = Math.min(CHUNK_BYTES, size - at);
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(want), 0, want, at);
    if (bytesRead === 0) throw changed(`ends at ${at} of ${size} bytes`);
    at += bytesRead;
    yield buffer.subarray(0, bytesRead);
  }
}

async function sizeOf(address: URL): Promise<number> {
  let status: Stats;
  try {
    status = await stat(pathOf(address));
  } catch (thrown) {
    throw refusal(address, thrown);
  }
  return plainSize(address, status);
}

async function openHandle(address: URL): Promise<FileHandle> {
  try {
    // Without O_NONBLOCK a named pipe would hold the open until someone writes to it.
    return await open(pathOf(address), constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (thrown) {
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
    return new XError('PACKAGE_NOT_FOUND', `${address.href}: no such file`, { cause: thrown });
  }
  return new XError('UPSTREAM_REFUSED', `${address.href}: ${messageOf(thrown)}`, { cause: thrown });
}
