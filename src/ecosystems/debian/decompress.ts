import { Readable } from 'node:stream';
import { ReadableStream } from 'node:stream/web';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import xz from 'xz-decompress';
import { XError, messageOf } from '../../domain/errors.js';

export type Compression = 'xz' | 'gz' | 'zst' | 'none';

/** What a file's name says of its compression. */
export function compressionOf(path: string): Compression | undefined {
  const suffix = /\.([a-z0-9]+)$/.exec(path)?.[1];
  if (suffix === 'xz' || suffix === 'gz' || suffix === 'zst') return suffix;
  return suffix === 'bz2' || suffix === 'lzma' || suffix === 'lz4' ? undefined : 'none';
}

/**
 * Decompresses while bytes arrive, up to `maxBytes`.
 * @throws XError LIMIT_EXCEEDED past it, UPSTREAM_MALFORMED on damaged data.
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
  maxBytes: number,
  where: string,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  try {
    for await (const chunk of opened(source, compression)) {
      total += chunk.length;
      if (total > maxBytes) {
        throw new XError('LIMIT_EXCEEDED', `${where}: unpacks to more than ${maxBytes} bytes`);
      }
      yield chunk;
    }
  } catch (error) {
    if (error instanceof XError) throw error;
    throw new XError('UPSTREAM_MALFORMED', `${where}: cannot unpack (${messageOf(error)})`, {
      hint: 'It is what was published, so it was damaged or cut off there; ask its publisher.',
      cause: error,
    });
  }
}

function opened(
  source: AsyncIterable<Uint8Array>,
  compression: Compression,
): AsyncIterable<Uint8Array> {
  if (compression === 'none') return source;
  if (compression === 'xz') return unpackedXz(source);
  const readable = Readable.from(source, { objectMode: false });
  const inflate = compression === 'gz' ? createGunzip() : createZstdDecompress();
  readable.on('error', (error) => inflate.destroy(error));
  return readable.pipe(inflate);
}

/** Not by way of a Node stream: its adapter throws behind the back of a reader that leaves early. */
async function* unpackedXz(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = new xz.XzReadableStream(ReadableStream.from(source)).getReader();
  let isWhole = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      isWhole = done;
      if (done) return;
      yield value;
    }
  } finally {
    // The library frees its memory when the last bytes are unpacked, and again when it is told that
    // nobody reads them: the second time fails, and there is nothing left to do then.
    if (!isWhole) await reader.cancel().catch(() => undefined);
  }
}
