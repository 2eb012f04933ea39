import type { Sha256 } from '../domain/digest.js';
import { XError } from '../domain/errors.js';
import type { Providers } from '../ports/passing.js';
import type { Store } from '../ports/store.js';
import type { Upstream, UpstreamBody, UpstreamPage, UpstreamRequest } from '../ports/upstream.js';
import { isSilence } from '../upstream/http-failure.js';

export interface HashedDeps {
  upstream: Upstream;
  /** What has a hash comes from anybody. */
  swarm: (signal: AbortSignal) => Promise<Providers | undefined>;
  store: Pick<Store, 'stat' | 'open'>;
}

/** An upstream where what an index names by its hash comes from the swarm while the official source is silent. */
export function hashedFromSwarm(deps: HashedDeps): Upstream {
  const { upstream } = deps;
  return {
    open: (request) => orFromSwarm(deps, request, () => upstream.open(request), bodyOf),
    read: (request, maxBytes) => {
      const ask = (): Promise<UpstreamPage> => upstream.read(request, maxBytes);
      return orFromSwarm(deps, request, ask, (...held) => pageOf(...held, maxBytes));
    },
  };
}

/** From the swarm, where the official source of a public thing with a hash is silent. */
async function orFromSwarm<T>(
  { swarm, store }: HashedDeps,
  { isPublic, sha256, url, signal = new AbortController().signal }: UpstreamRequest,
  ask: () => Promise<T>,
  made: (store: HashedDeps['store'], sha256: Sha256, url: string) => Promise<T>,
): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (sha256 === undefined || isPublic !== true || !isSilence(error)) throw error;
    const wanted = { digests: { sha256 }, sizeBytes: undefined };
    const isHeld = store.stat(sha256) !== undefined;
    if (!isHeld && (await (await swarm(signal))?.bring(wanted, signal)) !== true) throw error;
    return await made(store, sha256, url);
  }
}

/** All of it, whatever is held already: the caller is told where it begins. */
function bodyOf(store: HashedDeps['store'], sha256: Sha256, url: string): Promise<UpstreamBody> {
  const lengthBytes = store.stat(sha256)?.lengthBytes;
  const stream = store.open(sha256);
  return Promise.resolve({
    ...{ url, lengthBytes, offset: 0, contentType: undefined, etag: undefined },
    stream,
  });
}

/** @throws XError LIMIT_EXCEEDED. */
async function pageOf(
  store: HashedDeps['store'],
  sha256: Sha256,
  url: string,
  maxBytes: number,
): Promise<UpstreamPage> {
  const { lengthBytes = Infinity } = store.stat(sha256) ?? {};
  if (lengthBytes > maxBytes)
    throw new XError('LIMIT_EXCEEDED', `${url}: larger than the limit of ${maxBytes} bytes`);
  const chunks: Uint8Array[] = [];
  for await (const chunk of store.open(sha256)) chunks.push(chunk);
  return { url, bytes: Buffer.concat(chunks), contentType: undefined };
}
