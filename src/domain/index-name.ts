import { sha256, type Sha256 } from './digest.js';

/** What a page of an index is asked for by: it tells the address to who knows it already, and nobody else. */
export function indexName(url: string, accept: string): Sha256 {
  return sha256(`x index 1\n${accept}\n${url}`);
}
