import { pipeline, type Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';

/**
 * A body that ends well only if it has exactly the length that was announced.
 * @throws XError UPSTREAM_UNREACHABLE where it breaks off or has another length.
 */
export function wholeBody(
  body: Readable,
  expectedBytes: number | undefined,
  address: string,
  signal: AbortSignal | undefined,
): AsyncIterable<Uint8Array> {
  const pieces = piecesOf(body, expectedBytes, address, signal);
  const iterator: AsyncIterator<Uint8Array> = {
    next: () => pieces.next(),
    return: async () => {
      // One that was never begun has nothing to clean up by itself, but holds its connection.
      body.destroy();
      return pieces.return(undefined);
    },
  };
  return { [Symbol.asyncIterator]: () => iterator };
}

async function* piecesOf(
  body: Readable,
  expectedBytes: number | undefined,
  address: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  let seenBytes = 0;
  try {
    for await (const chunk of body as AsyncIterable<Uint8Array>) {
      seenBytes += chunk.length;
      if (expectedBytes !== undefined && seenBytes > expectedBytes) break;
      yield chunk;
    }
  } catch (thrown) {
    if (signal?.aborted === true) throw signal.reason;
    if (thrown instanceof XError) throw thrown;
    const of = expectedBytes === undefined ? '' : ` of ${expectedBytes}`;
    throw new XError(
      'UPSTREAM_UNREACHABLE',
      `GET ${address}: broke off after ${seenBytes}${of} bytes: ${messageOf(thrown)}`,
      { cause: thrown },
    );
  } finally {
    if (!body.destroyed) body.destroy();
  }
  if (expectedBytes !== undefined && seenBytes !== expectedBytes) {
    throw new XError(
      'UPSTREAM_UNREACHABLE',
      `GET ${address}: announced ${expectedBytes} bytes and sent ${seenBytes > expectedBytes ? 'more' : seenBytes}`,
    );
  }
}

/**
 * Collects a small body.
 * @throws XError LIMIT_EXCEEDED past maxBytes; what the stream throws.
 */
export async function collect(
  stream: AsyncIterable<Uint8Array>,
  maxBytes: number,
  address: string,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let total = 0;
  for await (const chunk of stream) {
    total += chunk.length;
    if (total > maxBytes) throw tooLarge(address, maxBytes);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, total);
}

export function tooLarge(address: string, maxBytes: number): XError {
  return new XError('LIMIT_EXCEEDED', `GET ${address}: larger than the limit of ${maxBytes} bytes`);
}

/**
 * Undoes gzip content coding (RFC 9110 section 8.4.1.3) while it streams. Nothing is inflated ahead
 * of its reader, so a bomb stops at collect's limit.
 * @throws XError UPSTREAM_MALFORMED where it is no gzip; what the stream throws.
 */
export async function* gunzipped(
  stream: AsyncIterable<Uint8Array>,
  address: string,
): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip();
  // A failure of the stream destroys gunzip with the same error, which the loop below then throws.
  pipeline(stream, gunzip, () => undefined);
  try {
    for await (const chunk of gunzip as AsyncIterable<Uint8Array>) yield chunk;
  } catch (thrown) {
    if (systemCodeOf(thrown)?.startsWith('Z_') !== true) throw thrown;
    throw new XError(
      'UPSTREAM_MALFORMED',
      `GET ${address}: not the gzip it says it is: ${messageOf(thrown)}`,
      { cause: thrown },
    );
  }
}
