import PQueue from 'p-queue';
import { BOUNDS } from '../../domain/bounds.js';
import type { Did } from '../../domain/bundle.js';
import { sha256, type Sha256 } from '../../domain/digest.js';
import { readIndexStatement, type IndexStatement } from '../../network/index-statement.js';
import type { SeenIndex, TrustedIndexes } from '../../ports/seen-indexes.js';
import { FrameStream } from '../frames.js';
import { wireBytes } from '../wire-bytes.js';
import { INDEX_PROTOCOL } from './index-server.js';
import { IndexReply, IndexRequest } from './index.pb.js';
import type { NodeConnection } from './node-host.js';

export interface IndexClientDeps {
  /** Whom the user trusts to say what an index is. */
  trusted: readonly Did[];
  /** @throws Error where it cannot be reached. */
  reach: (did: Did, signal: AbortSignal) => Promise<NodeConnection>;
  /** Milliseconds since 1970 of a clock that never goes back. */
  now: () => number;
}

interface Asked {
  did: Did;
  queue: PQueue;
  /** In a row, and when the last was. */
  failures: number;
  failedMs: number;
}

const FAILURES = 3;
const SHUNNED_MS = BOUNDS.unreachableHostMs;

/** Asks all whom the user trusts for it, and takes the newest. */
export class IndexClient implements TrustedIndexes {
  readonly #deps: IndexClientDeps;
  /** Whom is asked how much at once: more streams than these are refused. */
  readonly #asked: readonly Asked[];

  constructor(deps: IndexClientDeps) {
    this.#deps = deps;
    this.#asked = deps.trusted.slice(0, BOUNDS.trustedForIndexes).map((did) => ({
      did,
      queue: new PQueue({ concurrency: BOUNDS.indexStreams }),
      failures: 0,
      failedMs: -Infinity,
    }));
  }

  async find(name: Sha256, signal: AbortSignal): Promise<SeenIndex | undefined> {
    const answers = await Promise.all(
      this.#asked.map((asked) => asked.queue.add(() => this.#tryAsk(asked, name, signal))),
    );
    return answers
      .filter((one) => one !== undefined)
      .sort((a, b) => b.seenAt.getTime() - a.seenAt.getTime())[0];
  }

  /** One that does not answer or lies is one less to ask: for a while not waited for with each page. */
  async #tryAsk(asked: Asked, name: Sha256, signal: AbortSignal): Promise<SeenIndex | undefined> {
    const { now } = this.#deps;
    const isShunned = asked.failures >= FAILURES && now() < asked.failedMs + SHUNNED_MS;
    if (signal.aborted || isShunned) return undefined;
    try {
      const page = await this.#ask(asked.did, name, signal);
      asked.failures = 0;
      return page;
    } catch {
      if (signal.aborted) return undefined;
      asked.failures += 1;
      asked.failedMs = now();
      return undefined;
    }
  }

  /** @throws Error */
  async #ask(did: Did, name: Sha256, asker: AbortSignal): Promise<SeenIndex | undefined> {
    const { reach, now } = this.#deps;
    const signal = AbortSignal.any([asker, AbortSignal.timeout(BOUNDS.trustedIndexAtMostMs)]);
    const quick = AbortSignal.any([signal, AbortSignal.timeout(BOUNDS.trustedIndexMs)]);
    const connection = await reach(did, quick);
    const stream = await connection.open(INDEX_PROTOCOL, quick);
    const reading = new Reading({ name, author: did, now: now() });
    let idle: NodeJS.Timeout | undefined;
    try {
      return await new Promise<SeenIndex | undefined>((resolve, reject) => {
        const frames = new FrameStream(stream, {
          onFrame: (frame) => {
            idle?.refresh();
            const page = reading.take(IndexReply.decode(frame));
            if (page !== 'more') resolve(page);
          },
          onEnd: (error) => {
            signal.removeEventListener('abort', abort);
            reject(error ?? new Error('it hung up'));
          },
        });
        const abort = (): void => frames.abort(new Error('given up'));
        signal.addEventListener('abort', abort);
        idle = setTimeout(abort, BOUNDS.trustedIndexMs);
        if (signal.aborted) abort();
        else frames.send(IndexRequest.encode({ name: wireBytes(Buffer.from(name, 'hex')) }));
      });
    } finally {
      clearTimeout(idle);
      stream.abort(new Error('it is answered'));
    }
  }
}

/** A page on its way: nothing of it is taken before its author's word for the whole is. */
class Reading {
  readonly #expected: Parameters<typeof readIndexStatement>[1];
  #statement: IndexStatement | undefined;
  readonly #parts: Uint8Array[] = [];
  #bytes = 0;

  constructor(expected: Parameters<typeof readIndexStatement>[1]) {
    this.#expected = expected;
  }

  /** @throws Error where it is not what was signed. */
  take({ statement, data, last }: IndexReply): SeenIndex | undefined | 'more' {
    if (this.#statement === undefined) {
      if (statement.length === 0) return undefined;
      this.#statement = readIndexStatement(statement, this.#expected);
      if (this.#statement === undefined) throw new Error('a statement that is none');
    }
    const { lengthBytes, contentType, seenAtMs, sha256: digest } = this.#statement;
    this.#bytes += data.length;
    if (this.#bytes > lengthBytes || (data.length === 0 && !last))
      throw new Error('other bytes than were signed');
    this.#parts.push(data);
    if (!last) return 'more';
    const bytes = Buffer.concat(this.#parts);
    if (bytes.length !== lengthBytes || sha256(bytes) !== digest)
      throw new Error('other bytes than were signed');
    return {
      bytes,
      contentType: contentType === '' ? undefined : contentType,
      seenAt: new Date(seenAtMs),
      seenBy: this.#expected.author,
    };
  }
}
