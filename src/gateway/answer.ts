import { BOUNDS } from '../domain/bounds.js';
import { sha256 } from '../domain/digest.js';
import { messageOf, XError, type ErrorCode } from '../domain/errors.js';
import type {
  EcosystemServer,
  HeldView,
  NativeRequest,
  NativeResponse,
} from '../ports/ecosystem.js';
import { artifactReply, type ArtifactContext } from './artifact-reply.js';
import { noneMatchNames } from './byte-range.js';
import { DeadlinePassed, withinMs } from './deadline.js';
import { frontPage, summaries } from './front-page.js';
import { bufferReply, notFoundReply, notYetReply, textReply, type Reply } from './reply.js';

export interface AnswerContext extends ArtifactContext {
  servers: readonly EcosystemServer[];
  view: HeldView;
}

/** Failures that pass when the missing bytes have come. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  'STORE_DAMAGED',
  'INCOMPLETE',
  'MASTER_UNREACHABLE',
  'PEER_FAILED',
]);

/**
 * Answers one request whose path and Host are judged already.
 * @param request `path` is the whole path, the mount included.
 * @param left aborted when the client went away.
 */
export async function answer(
  context: AnswerContext,
  request: NativeRequest,
  left: AbortSignal,
): Promise<Reply> {
  const slash = request.path.indexOf('/');
  const mount = slash < 0 ? request.path : request.path.slice(0, slash);
  const server = context.servers.find((candidate) => candidate.mount === mount);
  if (server === undefined) return ownPage(context, request);
  const below = slash < 0 ? '' : request.path.slice(slash + 1);
  let response: NativeResponse;
  try {
    // Index documents that are still on their way are pulled inside, so this can take as long.
    response = await withinMs(
      BOUNDS.gatewayWaitForPieceMs,
      context.clock,
      [left, context.closing],
      () => server.respond({ ...request, path: below }, context.view),
    );
  } catch (thrown) {
    return failureReply(context, server, request, thrown);
  }
  if (response.kind === 'not-found') return notFoundReply(response.ecosystem, response.what);
  if (response.kind === 'artifact') return artifactReply(context, request, response, left);
  return bytesReply(request, response);
}

/** A small answer of an ecosystem, with an ETag so that clients can keep it. */
function bytesReply(
  request: NativeRequest,
  response: Extract<NativeResponse, { kind: 'bytes' }>,
): Reply {
  const { bytes, status } = response;
  const headers = { ...response.headers };
  if (status === 200 && request.method !== 'POST') {
    headers['etag'] ??= `"${sha256(bytes)}"`;
    if (noneMatchNames(request.headers['if-none-match'], headers['etag'])) {
      return { status: 304, headers, body: undefined };
    }
  }
  headers['content-length'] = String(bytes.length);
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { status, headers, body };
}

/** What the gateway says of itself. */
function ownPage(context: AnswerContext, request: NativeRequest): Reply {
  if (request.method === 'POST')
    return textReply(405, 'nothing is posted here', { allow: 'GET, HEAD' });
  switch (request.path) {
    case '':
      return frontPage(context.view.bundles(), context.servers, request.baseUrl);
    case 'healthz':
      return textReply(200, 'ok');
    case 'bundles.json': {
      const bundles = summaries(context.view.bundles());
      return bufferReply(200, 'application/json', `${JSON.stringify({ bundles })}\n`);
    }
    default: {
      const mounts = context.servers.map(({ mount }) => `/${mount}/`).join(' ');
      return textReply(404, `nothing is served here; there is ${mounts}`);
    }
  }
}

function failureReply(
  context: AnswerContext,
  server: EcosystemServer,
  request: NativeRequest,
  thrown: unknown,
): Reply {
  if (thrown instanceof DeadlinePassed) {
    return notYetReply(request.path, 'its index did not come in time');
  }
  if (thrown instanceof XError) {
    if (thrown.exitCode === 4) return notFoundReply(server.name, thrown.message);
    if (PASSING.has(thrown.code)) return notYetReply(request.path, thrown.message);
  }
  context.log({ level: 'error', message: `/${request.path}: ${messageOf(thrown)}` });
  return textReply(500, 'the gateway failed on this request; its log says why');
}
