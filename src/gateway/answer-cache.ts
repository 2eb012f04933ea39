import { LRUCache } from 'lru-cache';
import { BOUNDS } from '../domain/bounds.js';
import type { NativeRequest, ServedView } from '../ports/ecosystem.js';
import { noneMatchNames } from './byte-range.js';
import type { Reply } from './reply.js';

/** What a kept answer takes beside its body: objects, headers, an ETag. */
const KEPT_BESIDE_BYTES = 1_024;

/** A small answer that is sent again as it is, until the catalog changes. */
export interface KeptReply extends Reply {
  body: Buffer;
}

/** The index pages that clients ask for again and again, as they were made from the catalog as it is. */
export class AnswerCache {
  readonly #view: Pick<ServedView, 'generation'>;
  readonly #replies = new LRUCache<string, KeptReply>({
    maxSize: BOUNDS.gatewayKeptAnswerBytes,
    maxEntrySize: BOUNDS.gatewayKeptAnswerBytes >> 3,
    sizeCalculation: ({ body }, key) => body.length + 2 * key.length + KEPT_BESIDE_BYTES,
  });
  #generation = '';

  constructor(view: Pick<ServedView, 'generation'>) {
    this.#view = view;
  }

  get(request: NativeRequest): KeptReply | undefined {
    const generation = this.#view.generation();
    if (generation !== this.#generation) {
      this.#replies.clear();
      this.#generation = generation;
    }
    return isKept(request) ? this.#replies.get(keyOf(request)) : undefined;
  }

  /** @param generation of the view when the answer was begun: one that changed meanwhile is not kept. */
  keep(request: NativeRequest, reply: KeptReply, generation: string): void {
    if (!isKept(request) || generation !== this.#view.generation()) return;
    this.#replies.set(keyOf(request), reply);
  }
}

function isKept({ method }: NativeRequest): boolean {
  return method === 'GET' || method === 'HEAD';
}

function keyOf({ path, query, headers, baseUrl }: NativeRequest): string {
  return `${baseUrl}\n${headers['accept'] ?? ''}\n${query.toString()}\n${path}`;
}

/** The reply, or 304 where the client says that it has this very one. */
export function unlessKnown(request: NativeRequest, reply: Reply): Reply {
  const { 'content-length': _, ...headers } = reply.headers;
  return noneMatchNames(request.headers['if-none-match'], headers['etag'] ?? '')
    ? { status: 304, headers, body: undefined }
    : reply;
}
