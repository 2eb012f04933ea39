import type { ServerResponse } from 'node:http';

/**
 * Sends a body whose head was written, and ends the answer. The next chunk is asked for when the last
 * has gone to the system, so that whoever makes them may use one and the same memory again. What stops
 * them breaks the answer off, so that nobody takes it for whole; a client that leaves ends them.
 */
export async function sendBody(
  response: ServerResponse,
  chunks: AsyncIterable<Uint8Array>,
): Promise<void> {
  try {
    for await (const chunk of chunks) {
      await written(response, chunk);
      if (response.destroyed) return;
    }
    response.end();
  } catch (thrown) {
    response.destroy(thrown instanceof Error ? thrown : undefined);
  }
}

/** Resolves also where the client has left, since nothing more is read of the chunk then. */
function written(response: ServerResponse, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    const over = (): void => {
      response.off('close', over);
      resolve();
    };
    response.once('close', over);
    if (response.destroyed) over();
    else response.write(chunk, over);
  });
}
