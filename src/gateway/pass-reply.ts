import { BOUNDS } from '../domain/bounds.js';
import { messageOf, XError, type ErrorCode } from '../domain/errors.js';
import { PIECE_SIZE_BYTES } from '../domain/piece.js';
import type { EcosystemName, Origin } from '../domain/plan.js';
import type { NativeRequest, NativeResponse } from '../ports/ecosystem.js';
import type { ComingArtifact, FoundArtifact, PassedArtifact, Passing } from '../ports/passing.js';
import type { StoredBlob } from '../ports/store.js';
import { artifactReply, fileHeaders, type ArtifactContext } from './artifact-reply.js';
import { judgeRange, noneMatchNames } from './byte-range.js';
import type { GatewayContent, NamedBlob } from './content.js';
import { DeadlinePassed, withinMs } from './deadline.js';
import { notYetReply, officialFailureReply, type Reply } from './reply.js';

export interface PassContext extends Omit<ArtifactContext, 'content'> {
  passing: Passing;
  /** Told where each file that is answered with comes from. */
  onOrigin: (origin: Origin) => void;
}

/**
 * Answers with a file of the official source: from what is here, or passed on while it comes. Then its
 * last piece is held back until every digest of the index holds; where one does not, the answer breaks
 * off, so that nobody takes it for whole, and nothing of it is kept.
 */
export async function passReply(
  context: PassContext,
  request: NativeRequest,
  response: Extract<NativeResponse, { kind: 'passed' }>,
  left: AbortSignal,
): Promise<Reply> {
  const { artifact } = response;
  const found = context.passing.find(artifact);
  if (found !== undefined) {
    context.onOrigin(found.origin);
    return heldReply(context, request, response, found, left);
  }
  const etag = etagOf(artifact);
  const headers = fileHeaders(response.headers, etag);
  if (noneMatchNames(request.headers['if-none-match'], etag)) {
    return { status: 304, headers, body: undefined };
  }
  try {
    const coming = await inTime(context, left, () => context.passing.receive(artifact));
    const passed = passable(request, coming, etag);
    context.onOrigin(coming.origin);
    if (passed === undefined) {
      const blob = await inTime(context, left, () => coming.stored);
      const now = context.passing.find(artifact);
      const { origin } = coming;
      if (now !== undefined) {
        return await heldReply(context, request, response, { ...now, origin }, left);
      }
      throw new XError('INCOMPLETE', `${artifact.name} (${blob.sha256}) came and is gone again`);
    }
    const { start, lengthBytes } = passed;
    // Until its first bytes are there nothing is promised to the client.
    const pieces = heldBack(coming, start);
    const first = await inTime(context, left, () => pieces.next());
    const body = following(context, artifact, first, pieces);
    if (lengthBytes !== undefined) headers['content-length'] = String(lengthBytes - start);
    if (start > 0)
      headers['content-range'] = `bytes ${start}-${Number(lengthBytes) - 1}/${lengthBytes}`;
    headers['x-origin'] = coming.origin;
    return { status: start > 0 ? 206 : 200, headers, body };
  } catch (thrown) {
    if (!(thrown instanceof DeadlinePassed)) throw thrown;
    return notYetReply(artifact.name, 'it did not come in time');
  }
}

/** What was sent wrong, or not at all, is the official source's failure. */
const OFFICIAL_FAILURES: ReadonlySet<ErrorCode> = new Set([
  'UPSTREAM_UNREACHABLE',
  'UPSTREAM_REFUSED',
  'UPSTREAM_MALFORMED',
  'DIGEST_MISMATCH',
  'SIGNATURE_INVALID',
  'METADATA_INVALID',
  'EXPIRED',
  'ROLLBACK',
  'LIMIT_EXCEEDED',
]);

/** Undefined where it is this gateway's own. */
export function upstreamFailureReply(ecosystem: EcosystemName, thrown: XError): Reply | undefined {
  if (!OFFICIAL_FAILURES.has(thrown.code)) return undefined;
  return officialFailureReply(ecosystem, thrown.message);
}

/** Answers from the store or a marked file; what turns out damaged there is brought anew. */
function heldReply(
  context: PassContext,
  request: NativeRequest,
  { artifact, headers }: Extract<NativeResponse, { kind: 'passed' }>,
  { origin, blob, blobs }: Omit<FoundArtifact, 'origin'> & { origin: Origin },
  left: AbortSignal,
): Promise<Reply> {
  const entry: NamedBlob = { path: artifact.name, ...blob };
  const again: { blob: StoredBlob | undefined } = { blob: undefined };
  const content: GatewayContent<NamedBlob> = {
    held: () => true,
    want: async () => {
      again.blob = await (await context.passing.receive(artifact)).stored;
    },
    open: (_, range) => {
      const from = again.blob === undefined ? blobs : context.passing.find(artifact)?.blobs;
      return (from ?? blobs).open(blob.sha256, range);
    },
  };
  const served = { entry, headers: { ...headers, 'x-origin': origin }, etag: etagOf(artifact) };
  return artifactReply({ ...context, content }, request, served, left);
}

/** The same from every gateway, whichever digests it knows by now. */
function etagOf({ digests }: PassedArtifact): string {
  return `"${digests.sha256 ?? digests.sha512 ?? ''}"`;
}

/**
 * From where on a request can be answered while its artifact comes; undefined where it has to be whole
 * first: short ones, HEAD, and a range that ends before the end, which would be given away unchecked.
 */
function passable(
  request: NativeRequest,
  { lengthBytes }: ComingArtifact,
  etag: string,
): { start: number; lengthBytes: number | undefined } | undefined {
  if (request.method === 'HEAD') return undefined;
  if (lengthBytes === undefined) return { start: 0, lengthBytes };
  if (lengthBytes <= PIECE_SIZE_BYTES) return undefined;
  const range = judgeRange(
    request.headers['range'],
    request.headers['if-range'],
    etag,
    lengthBytes,
  );
  if (range.kind === 'whole') return { start: 0, lengthBytes };
  const isTail = range.kind === 'part' && range.end === lengthBytes;
  return isTail ? { start: range.start, lengthBytes } : undefined;
}

async function* following(
  context: PassContext,
  { name }: PassedArtifact,
  first: IteratorResult<Uint8Array, undefined>,
  rest: AsyncGenerator<Uint8Array, undefined>,
): AsyncGenerator<Uint8Array> {
  try {
    if (first.value !== undefined) yield first.value;
    yield* rest;
  } catch (thrown) {
    const message = `${name}: the answer was broken off: ${messageOf(thrown)}`;
    context.log({ level: 'error', message });
    throw thrown;
  } finally {
    await rest.return(undefined);
  }
}

/** All that comes, but for at least a piece, which waits for the verdict over the whole. */
async function* heldBack(
  coming: ComingArtifact,
  start: number,
): AsyncGenerator<Uint8Array, undefined> {
  const waiting: Uint8Array[] = [];
  let waitingBytes = 0;
  for await (const chunk of coming.follow(start)) {
    waiting.push(chunk);
    waitingBytes += chunk.length;
    for (let [first] = waiting; first !== undefined; [first] = waiting) {
      if (waitingBytes - first.length < PIECE_SIZE_BYTES) break;
      waiting.shift();
      waitingBytes -= first.length;
      yield first;
    }
  }
  await coming.stored;
  yield* waiting;
}

/** The download goes on when the client has left or the time is up: the next one that asks shall find it. */
function inTime<T>(context: PassContext, left: AbortSignal, work: () => Promise<T>): Promise<T> {
  const signals = [left, context.closing];
  return withinMs(BOUNDS.gatewayWaitForPieceMs, context.clock, signals, work);
}
