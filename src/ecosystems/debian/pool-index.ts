import { LRUCache } from 'lru-cache';
import { BOUNDS } from '../../domain/bounds.js';
import { isDigest, type Sha256 } from '../../domain/digest.js';
import { obtainIndex, openIndex } from './index-loader.js';
import { eachStanza, fieldIn } from './packages-index.js';
import type { ReleaseIndex } from './release-index.js';
import type { LoadedSuite, LoaderContext } from './suite-loader.js';

/** What a signed index says of one file of the pool. */
export interface PoolFile {
  sha256: Sha256;
  sizeBytes: number | undefined;
}

/** The files of Packages indexes by their path below the repository's address, a few indexes at a time. */
export class PoolIndexes {
  readonly #files = new LRUCache<Sha256, Promise<Map<string, string>>>({
    max: BOUNDS.gatewayPoolIndexes,
  });

  /** @throws XError DIGEST_MISMATCH, UPSTREAM_*, LIMIT_EXCEEDED. */
  async find(
    context: LoaderContext,
    suite: LoadedSuite,
    index: ReleaseIndex,
    path: string,
  ): Promise<PoolFile | undefined> {
    const known = this.#files.get(index.sha256);
    const loading = known ?? load(context, suite, index);
    if (known === undefined) {
      this.#files.set(index.sha256, loading);
      loading.catch(() => this.#files.delete(index.sha256));
    }
    const [sha256 = '', size = ''] = (await loading).get(path)?.split(' ') ?? [];
    if (!isDigest('sha256', sha256)) return undefined;
    return { sha256, sizeBytes: /^[0-9]{1,15}$/.test(size) ? Number(size) : undefined };
  }
}

/** Digest and size as one text: a suite has tens of thousands. */
async function load(
  context: LoaderContext,
  suite: LoadedSuite,
  index: ReleaseIndex,
): Promise<Map<string, string>> {
  await obtainIndex(context, suite, index);
  const files = new Map<string, string>();
  const where = `${suite.facts.suiteId}/${index.path}`;
  await eachStanza(openIndex(context.store, index, where), where, (stanza) => {
    const path = fieldIn(stanza, 'filename');
    const sha256 = fieldIn(stanza, 'sha256')?.toLowerCase();
    if (path === undefined || sha256 === undefined) return;
    // One character a byte until here.
    const decoded = Buffer.from(path, 'latin1').toString('utf8').replace(/^\.\//, '');
    files.set(decoded, `${sha256} ${fieldIn(stanza, 'size') ?? ''}`);
  });
  return files;
}
