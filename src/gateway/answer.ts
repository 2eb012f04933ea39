import assert from 'node:assert/strict';
import { BOUNDS } from '../domain/bounds.js';
import { sha256 } from '../domain/digest.js';
import { messageOf, XError, type ErrorCode } from '../domain/errors.js';
import type { EcosystemName, Origin } from '../domain/plan.js';
import type {
  GatewayServer,
  ServedView,
  NativeRequest,
  NativeResponse,
} from '../ports/ecosystem.js';
import type { Passing } from '../ports/passing.js';
import { unlessKnown, type AnswerCache } from './answer-cache.js';
import { artifactReply, type ArtifactContext } from './artifact-reply.js';
import { DeadlinePassed, withinMs } from './deadline.js';
import { ownPage, type OwnPages } from './own-pages.js';
import { passReply, upstreamFailureReply } from './pass-reply.js';
import { notFoundReply, notYetReply, textReply, unknownReply, type Reply } from './reply.js';

export interface AnswerContext extends ArtifactContext {
  servers: readonly GatewayServer[];
  view: ServedView;
  kept: AnswerCache;
  own: OwnPages;
  /** Told of each package that was asked for and is in no bundle. */
  onMiss: (ecosystem: EcosystemName, name: string) => void;
  /** What the official source has, where this gateway reaches it. */
  passing: Passing | undefined;
  /** Told where each file of the official source that is answered with comes from. */
  onOrigin: (origin: Origin) => void;
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
  if (server === undefined) return ownPage(context.own, request, left);
  const below = slash < 0 ? '' : request.path.slice(slash + 1);
  const generation = context.view.generation();
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
  if (response.kind === 'not-found') {
    if (response.isPackage === true) context.onMiss(response.ecosystem, response.what);
    return missing(context, response.ecosystem, response.what);
  }
  if (response.kind === 'passed') return passed(context, server, request, response, left);
  if (response.kind === 'artifact') return artifactReply(context, request, response, left);
  const { bytes, status, headers } = response;
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const reply = {
    status,
    headers: { ...headers, 'content-length': String(body.length) } as Record<string, string>,
    body,
  };
  if (status !== 200 || request.method === 'POST') return reply;
  reply.headers['etag'] ??= `"${sha256(bytes)}"`;
  context.kept.keep(request, reply, generation);
  return unlessKnown(request, reply);
}

async function passed(
  context: AnswerContext,
  server: GatewayServer,
  request: NativeRequest,
  response: Extract<NativeResponse, { kind: 'passed' }>,
  left: AbortSignal,
): Promise<Reply> {
  const { passing } = context;
  assert.ok(passing !== undefined, 'who passes files on reaches where they are');
  try {
    return await passReply({ ...context, passing }, request, response, left);
  } catch (thrown) {
    return failureReply(context, server, request, thrown);
  }
}

function missing({ passing }: AnswerContext, ecosystem: EcosystemName, what: string): Reply {
  return passing === undefined ? notFoundReply(ecosystem, what) : unknownReply(ecosystem, what);
}

function failureReply(
  context: AnswerContext,
  server: GatewayServer,
  request: NativeRequest,
  thrown: unknown,
): Reply {
  if (thrown instanceof DeadlinePassed) {
    return notYetReply(request.path, 'its index did not come in time');
  }
  if (thrown instanceof XError) {
    if (thrown.exitCode === 4) return missing(context, server.name, thrown.message);
    if (PASSING.has(thrown.code)) return notYetReply(request.path, thrown.message);
    if (thrown.code === 'DISK_FULL') {
      context.log({ level: 'error', message: `/${request.path}: ${thrown.message}` });
      return textReply(507, 'the disk of this gateway is full: only what it has is served');
    }
    const reply = context.passing && upstreamFailureReply(server.name, thrown);
    if (reply !== undefined) {
      context.log({ level: 'warn', message: `/${request.path}: ${thrown.message}` });
      return reply;
    }
  }
  context.log({ level: 'error', message: `/${request.path}: ${messageOf(thrown)}` });
  return textReply(500, 'the gateway failed on this request; its log says why');
}
