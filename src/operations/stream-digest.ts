import { createHash } from 'node:crypto';
import type { Sha256 } from '../domain/digest.js';

/** The SHA-256 of a body, in bounded memory. */
export async function sha256Of(body: AsyncIterable<Uint8Array>): Promise<Sha256> {
  const hash = createHash('sha256');
  for await (const chunk of body) hash.update(chunk);
  return hash.digest('hex');
}
