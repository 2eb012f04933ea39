import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { Clock } from '../ports/clock.js';
import type { EcosystemServer, HeldView, NativeRequest } from '../ports/ecosystem.js';
import { answer, type AnswerContext } from './answer.js';
import { boundConnections } from './connections.js';
import type { GatewayContent, GatewayLog } from './content.js';
import { textReply, type Reply } from './reply.js';
import { judgeRequest } from './request-gate.js';

export interface GatewayOptions {
  /** `127.0.0.1` unless others shall reach it. */
  host: string;
  /** 0 for any free one. */
  port: number;
  /** DNS names that clients may call this machine by, beside its addresses and localhost. */
  names?: readonly string[] | undefined;
  /** Default BOUNDS.gatewayConnections. */
  connections?: number | undefined;
}

export interface GatewayParts {
  servers: readonly EcosystemServer[];
  view: HeldView;
  content: GatewayContent;
  clock: Clock;
  log?: GatewayLog | undefined;
  options: GatewayOptions;
}

export interface ListeningAddress {
  /** The address and port that are listened on, `127.0.0.1:8470`. */
  address: string;
  port: number;
  /** How a client on this machine reaches it, without a trailing slash. */
  url: string;
}

export interface Gateway {
  /** @throws XError PORT_TAKEN where another process has the port; IO_FAILED. */
  listen(): Promise<ListeningAddress>;
  /** Ends every connection, also those that are being answered. */
  close(): Promise<void>;
}

/** The HTTP server that native clients install from. It knows no ecosystem: each brings its `respond`. */
export function createGateway(parts: GatewayParts): Gateway {
  const closing = new AbortController();
  const log = parts.log ?? (() => undefined);
  const { servers, view, content, clock, options } = parts;
  const context: AnswerContext = { servers, view, content, clock, log, closing: closing.signal };
  const app = openServer(options);
  const names = new Set((options.names ?? []).map((name) => name.toLowerCase()));

  app.addHook('onRequest', async (request, reply) => {
    const judged = judgeRequest({
      httpVersion: request.raw.httpVersion,
      target: request.originalUrl,
      hosts: hostsOf(request.raw.rawHeaders),
      localHost: localHostOf(request),
      names,
    });
    if (judged.accepted) request.setDecorator('judged', judged);
    else return send(reply, textReply(judged.status, judged.reason, { connection: 'close' }));
  });
  app.route({
    method: ['GET', 'HEAD', 'POST'],
    url: '/',
    handler: async (request, reply) => {
      const left = new AbortController();
      reply.raw.once('close', () => left.abort(new Error('the client went away')));
      return send(reply, await answer(context, nativeRequest(request), left.signal));
    },
  });
  app.setNotFoundHandler((_, reply) =>
    send(reply, textReply(405, 'GET, HEAD and POST are answered', { allow: 'GET, HEAD, POST' })),
  );
  app.setErrorHandler((thrown, request, reply) => {
    const status =
      thrown instanceof Error && 'statusCode' in thrown ? thrown.statusCode : undefined;
    if (typeof status === 'number' && status >= 400 && status < 500) {
      return send(reply, textReply(status, messageOf(thrown), { connection: 'close' }));
    }
    log({ level: 'error', message: `${request.originalUrl}: ${messageOf(thrown)}` });
    return send(reply, textReply(500, 'the gateway failed on this request; its log says why'));
  });
  return {
    listen: () => listen(app, options),
    close: async () => {
      closing.abort(new Error('the gateway is closing'));
      await app.close();
    },
  };
}

/** A fastify instance that bounds connections, headers, bodies and waits, and routes nothing itself. */
function openServer(options: GatewayOptions): FastifyInstance {
  const app = fastify({
    logger: false,
    // The path is judged once, by request-gate.ts; fastify's router, with rules of its own, never sees it.
    rewriteUrl: () => '/',
    exposeHeadRoutes: false,
    bodyLimit: BOUNDS.gatewayBodyBytes,
    requestTimeout: BOUNDS.gatewayRequestMs,
    keepAliveTimeout: BOUNDS.gatewayKeepAliveMs,
    forceCloseConnections: true,
    http: {
      maxHeaderSize: BOUNDS.gatewayHeaderBytes,
      headersTimeout: BOUNDS.gatewayHeadersMs,
      connectionsCheckingInterval: BOUNDS.gatewayHeadersMs / 4,
      insecureHTTPParser: false,
    },
  });
  app.decorateRequest('judged', null);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  boundConnections(app.server, options.connections ?? BOUNDS.gatewayConnections);
  return app;
}

function nativeRequest(request: FastifyRequest): NativeRequest {
  const judged =
    request.getDecorator<Extract<ReturnType<typeof judgeRequest>, { accepted: true }>>('judged');
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return {
    method: request.method as NativeRequest['method'],
    path: judged.path,
    query: judged.query,
    headers,
    body: Buffer.isBuffer(request.body) ? request.body : undefined,
    baseUrl: judged.baseUrl,
  };
}

function send(reply: FastifyReply, answered: Reply): FastifyReply {
  // From here on the client has to read. One that stops altogether is cut off after twice this time
  // (Node grants a socket with unsent bytes a second one); one that is merely slow is not.
  reply.raw.setTimeout(BOUNDS.gatewayStalledMs);
  reply.code(answered.status).headers({ 'x-content-type-options': 'nosniff', ...answered.headers });
  return reply.send(answered.body);
}

async function listen(app: FastifyInstance, options: GatewayOptions): Promise<ListeningAddress> {
  const { host, port } = options;
  try {
    await app.listen({ host, port });
  } catch (cause) {
    if (systemCodeOf(cause) === 'EADDRINUSE') {
      throw new XError('PORT_TAKEN', `port ${port} on ${host} is taken by another process`, {
        hint: 'Name another with --port, or --port 0 for any free one.',
        cause,
      });
    }
    throw new XError('IO_FAILED', `cannot listen on ${host}:${port}: ${messageOf(cause)}`, {
      cause,
    });
  }
  const bound = app.server.address() as AddressInfo;
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '::1' }[bound.address] ?? bound.address;
  return {
    address: authority(bound.address, bound.port),
    port: bound.port,
    url: `http://${authority(reachable, bound.port)}`,
  };
}

function authority(address: string, port: number): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** What HTTP/1.0 clients that send no Host are taken to mean. */
function localHostOf(request: FastifyRequest): string {
  const { localAddress, localPort } = request.raw.socket;
  return authority(localAddress ?? '127.0.0.1', localPort ?? 80);
}

function hostsOf(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'host');
}
