import { BOUNDS } from '../domain/bounds.js';
import { messageOf, XError } from '../domain/errors.js';
import type { CatalogEntry } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import type { NativeRequest } from '../ports/ecosystem.js';
import { judgeRange, noneMatchNames } from './byte-range.js';
import type { BodyRoom } from './body-room.js';
import type { GatewayContent, GatewayLog, NamedBlob } from './content.js';
import { DeadlinePassed, withinMs } from './deadline.js';
import { notYetReply, type Reply } from './reply.js';

export interface ArtifactContext<E extends NamedBlob = CatalogEntry> {
  content: GatewayContent<E>;
  clock: Clock;
  log: GatewayLog;
  room: BodyRoom;
  /** Aborted when the gateway closes. */
  closing: AbortSignal;
}

/** Thrown where an entry is not here and did not come in time. */
class NotYet extends Error {}

/**
 * Answers with a signed entry's bytes: whole, one range of them, or only what they are (HEAD, 304).
 * Every piece is verified before it leaves; one that turns out damaged is fetched again while the
 * client waits, and where that fails the answer breaks off, so that nobody takes it for whole.
 * @param left aborted when the client went away.
 */
export async function artifactReply<E extends NamedBlob>(
  context: ArtifactContext<E>,
  request: NativeRequest,
  response: { entry: E; headers: Record<string, string>; etag?: string },
  left: AbortSignal,
): Promise<Reply> {
  const { entry } = response;
  const { etag = `"${entry.sha256}"` } = response;
  const headers = fileHeaders(response.headers, etag);
  if (noneMatchNames(request.headers['if-none-match'], etag)) {
    return { status: 304, headers, body: undefined };
  }
  const length = entry.lengthBytes;
  if (request.method === 'HEAD') {
    return {
      status: 200,
      headers: { ...headers, 'content-length': String(length) },
      body: undefined,
    };
  }
  const range = judgeRange(request.headers['range'], request.headers['if-range'], etag, length);
  if (range.kind === 'unsatisfiable') {
    return {
      status: 416,
      headers: { ...headers, 'content-range': `bytes */${length}` },
      body: undefined,
    };
  }
  const { start, end } = range.kind === 'part' ? range : { start: 0, end: length };
  if (range.kind === 'part') headers['content-range'] = `bytes ${start}-${end - 1}/${length}`;
  headers['content-length'] = String(end - start);
  const status = range.kind === 'part' ? 206 : 200;
  try {
    return { status, headers, body: await bodyOf(context, entry, start, end, left) };
  } catch (thrown) {
    const damaged = thrown instanceof XError && thrown.code === 'STORE_DAMAGED';
    if (!(thrown instanceof NotYet) && !damaged) throw thrown;
    return notYetReply(entry.path, thrown.message);
  }
}

/** The body, once its first bytes are there: until then nothing is promised to the client. */
async function bodyOf<E extends NamedBlob>(
  context: ArtifactContext<E>,
  entry: E,
  start: number,
  end: number,
  left: AbortSignal,
): Promise<Buffer | AsyncIterable<Uint8Array>> {
  if (!context.content.held(entry)) await bring(context, entry, [left, context.closing]);
  if (start === end) return Buffer.alloc(0);
  context.room.enter(left);
  const pieces = verified(context, entry, start, end);
  const first = await pieces.next();
  if (first.done === true) throw new XError('STORE_DAMAGED', `${entry.path}: no bytes`);
  if (first.value.length === end - start) {
    await pieces.return(undefined);
    return bufferOf(first.value);
  }
  return following(context, entry, first.value, pieces);
}

async function* following<E extends NamedBlob>(
  context: ArtifactContext<E>,
  entry: E,
  first: Uint8Array,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    yield first;
    yield* rest;
  } catch (thrown) {
    context.log({
      level: 'error',
      message: `${entry.path}: the answer was broken off: ${messageOf(thrown)}`,
    });
    throw thrown;
  } finally {
    await rest.return(undefined);
  }
}

/** Exactly the bytes from `start` to `end`; where the store finds damage, the entry is fetched once more. */
async function* verified<E extends NamedBlob>(
  context: ArtifactContext<E>,
  entry: E,
  start: number,
  end: number,
): AsyncGenerator<Uint8Array, undefined> {
  let at = start;
  const memory = new PartMemory();
  for (let mended = false; ; mended = true) {
    try {
      for (let isMore = true; isMore && at < end;) {
        const until = context.room.endOfPart(at, end);
        isMore = false;
        for await (const bytes of partOf(context, entry, { start: at, end: until }, memory)) {
          at += bytes.length;
          if (at > until) break;
          yield bytes;
          // Others came meanwhile: the rest goes in parts.
          isMore = at === until || context.room.endOfPart(at, end) < until;
          if (isMore) break;
        }
      }
      if (at === end) return;
      throw new XError('STORE_DAMAGED', `${entry.path}: read to ${at}, not to ${end}`);
    } catch (thrown) {
      if (mended || !(thrown instanceof XError && thrown.code === 'STORE_DAMAGED')) throw thrown;
      context.log({
        level: 'warn',
        message: `${entry.path} is damaged on this disk and is fetched again: ${thrown.message}`,
      });
    }
    // Not ended by the client's leaving: the next one that asks shall find it.
    await bring(context, entry, [context.closing]);
  }
}

/** What one body reads its parts into: new memory for each would be garbage that clients keep alive. */
class PartMemory {
  #bytes = new Uint8Array(0);

  of(length: number): Uint8Array {
    const { length: has } = this.#bytes;
    if (has < length || has > 2 * length) this.#bytes = new Uint8Array(length);
    return this.#bytes.subarray(0, length);
  }
}

async function* partOf<E extends NamedBlob>(
  { content, room }: ArtifactContext<E>,
  entry: E,
  range: { start: number; end: number },
  memory: PartMemory,
): AsyncGenerator<Uint8Array, undefined> {
  if (!room.isCrowded) {
    yield* content.open(entry, range);
    return;
  }
  const read = async (): Promise<Uint8Array | undefined> => {
    const into = memory.of(range.end - range.start);
    for await (const bytes of content.open(entry, range, into)) {
      if (bytes.buffer === into.buffer) return bytes;
      // The whole piece would stay in memory for as long as the client takes over a part of it.
      const part = bytes.subarray(0, into.length);
      into.set(part);
      return into.subarray(0, part.length);
    }
    return undefined;
  };
  const bytes = await room.read(read);
  if (bytes !== undefined) yield bytes;
}

async function bring<E extends NamedBlob>(
  context: ArtifactContext<E>,
  entry: E,
  signals: readonly AbortSignal[],
): Promise<void> {
  const { content, clock } = context;
  try {
    await withinMs(BOUNDS.gatewayWaitForPieceMs, clock, signals, (signal) =>
      content.want(entry, signal),
    );
  } catch (thrown) {
    const late = thrown instanceof DeadlinePassed;
    throw new NotYet(late ? 'it did not come in time' : messageOf(thrown));
  }
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Of a file, what its ecosystem says of it in addition. */
export function fileHeaders(more: Record<string, string>, etag: string): Record<string, string> {
  return { 'content-type': 'application/octet-stream', ...more, etag, 'accept-ranges': 'bytes' };
}
