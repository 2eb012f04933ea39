import { createServer, type OutgoingHttpHeaders, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { Origin } from '../domain/plan.js';
import type { Clock } from '../ports/clock.js';
import type { Passing } from '../ports/passing.js';
import type { Insight } from '../ports/insight.js';
import type { GatewayServer, ServedView, NativeRequest } from '../ports/ecosystem.js';
import { unlessKnown } from './answer-cache.js';
import { answer, type AnswerContext } from './answer.js';
import { audiences } from './audience.js';
import { BodyRoom } from './body-room.js';
import { boundConnections } from './connections.js';
import type { GatewayContent, GatewayLog } from './content.js';
import { readPageFiles } from './page-files.js';
import { GatewayMetrics } from './metrics.js';
import { bufferReply, textReply, wrongMethodReply, type Reply } from './reply.js';
import { sendBody } from './send-body.js';
import { judgeRequest } from './request-gate.js';
import { watch } from './watch.js';
import { isPrivateAddress, type AccessRules } from './access-rules.js';
import type { Answered } from '../ports/answered.js';
import rateLimit from '@fastify/rate-limit';

export interface GatewayOptions {
  /** `127.0.0.1` unless others shall reach it. */
  host: string;
  /** 0 for any free one. */
  port: number;
  /** DNS names that clients may call this machine by, beside its addresses and localhost. */
  names?: readonly string[] | undefined;
  /** Default BOUNDS.gatewayConnections. */
  connections?: number | undefined;
  /** PEM; without it plain HTTP is spoken. */
  tls?: { key: string; certificate: string } | undefined;
  /** Who may use it; everybody who can reach it by default. */
  mayUse?: AccessRules | undefined;
  /** Whose address may have what is private; by default this machine's and private ones. */
  isNear?: AccessRules | undefined;
  /** Requests a second that one address may make, this machine's own apart. */
  requestsPerSecond?: number | undefined;
}

export interface GatewayParts {
  servers: readonly GatewayServer[];
  view: ServedView;
  /** What there is for those who are not near; the same by default. */
  far?: { view: ServedView; insight: Insight | undefined } | undefined;
  content: GatewayContent;
  /** What the official source has, where this gateway reaches it. */
  passing?: Passing | undefined;
  /** Told where each file of it that is answered with comes from. */
  onOrigin?: ((origin: Origin) => void) | undefined;
  clock: Clock;
  log?: GatewayLog | undefined;
  /** What people see of the process; without it there is a plain list of bundles. */
  insight?: Insight | undefined;
  /** The folder of the built page. */
  pageFolder?: string | undefined;
  /** Told of each package that was asked for and is in no bundle. */
  onMiss?: AnswerContext['onMiss'] | undefined;
  /** Told of each request when it is over. */
  onAnswered?: ((answered: Answered) => void) | undefined;
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

const LOOPBACK = /^(::ffff:)?127\.|^::1$/;

/** The HTTP server that native clients install from. It knows no ecosystem: each brings its `respond`. */
export function createGateway(parts: GatewayParts): Gateway {
  const closing = new AbortController();
  const log = parts.log ?? (() => undefined);
  const { servers, view, content, clock, options, insight } = parts;
  const metrics = new GatewayMetrics(insight);
  const audienceOf = audiences({
    common: {
      servers,
      content,
      passing: parts.passing,
      onOrigin: (origin) => {
        metrics.origin(origin);
        parts.onOrigin?.(origin);
      },
      clock,
      log,
      closing: closing.signal,
      room: new BodyRoom(),
      onMiss: parts.onMiss ?? (() => undefined),
    },
    files: parts.pageFolder === undefined ? new Map() : readPageFiles(parts.pageFolder),
    near: { view, insight },
    far: parts.far,
    isNear: options.isNear ?? isPrivateAddress,
  });
  const told: Parameters<typeof watch>[4] = (counted, answered) => {
    metrics.answered(counted);
    parts.onAnswered?.(answered());
  };
  const app = openServer(options, (fully) => (request, response) => {
    const { remoteAddress = '' } = request.socket;
    const isLet = options.mayUse?.(remoteAddress) !== false;
    const isLimited = options.requestsPerSecond !== undefined && !LOOPBACK.test(remoteAddress);
    const write = isLet && !isLimited ? audienceOf(request.socket).quick.find(request) : undefined;
    if (write === undefined) {
      fully(request, response);
      return;
    }
    watch(request, response, request.url ?? '', clock, told);
    write(response);
  });
  const names = new Set((options.names ?? []).map((name) => name.toLowerCase()));

  let preparing: NodeJS.Timeout | undefined;
  app.addHook('onRequest', async (request, reply) => {
    watch(request.raw, reply.raw, request.originalUrl, clock, told);
    const { remoteAddress = '' } = request.raw.socket;
    if (options.mayUse?.(remoteAddress) === false) {
      const text = `this gateway does not serve ${remoteAddress}; whoever runs it can allow it`;
      return send(reply, textReply(403, text, { connection: 'close' }));
    }
    const judged = judgeRequest({
      httpVersion: request.raw.httpVersion,
      scheme: options.tls === undefined ? 'http' : 'https',
      target: request.originalUrl,
      hosts: hostsOf(request.raw.rawHeaders),
      localHost: localHostOf(request),
      names,
    });
    if (judged.accepted) request.setDecorator('judged', judged);
    else return send(reply, textReply(judged.status, judged.reason, { connection: 'close' }));
  });
  limitRequests(app, options.requestsPerSecond);
  app.after(() => {
    app.route({
      method: ['GET', 'HEAD', 'POST'],
      url: '/',
      handler: async (request, reply) => {
        const { isNear, context, kept, quick } = audienceOf(request.raw.socket);
        const asked = nativeRequest(request, isNear);
        const known = kept.get(asked);
        if (known !== undefined) {
          quick.remember(request.raw, request.originalUrl, known);
          return send(reply, unlessKnown(asked, known));
        }
        if (asked.path === 'metrics' && asked.method !== 'POST') {
          return send(reply, bufferReply(200, metrics.contentType, await metrics.text()));
        }
        const left = new AbortController();
        reply.raw.once('close', () => left.abort(new Error('the client went away')));
        return send(reply, await answer(context, asked, left.signal));
      },
    });
  });
  app.setNotFoundHandler((request, reply) => send(reply, wrongMethodReply(request.originalUrl)));
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
    listen: async () => {
      const address = await listen(app, options);
      preparing = prepareAlways(servers, view);
      return address;
    },
    close: async () => {
      clearInterval(preparing);
      closing.abort(new Error('the gateway is closing'));
      await app.close();
    },
  };
}

/** Now, and whenever something else is held. */
function prepareAlways(servers: readonly GatewayServer[], view: ServedView): NodeJS.Timeout {
  let prepared: string | undefined;
  const prepare = (): void => {
    const generation = view.generation();
    if (generation === prepared) return;
    prepared = generation;
    for (const server of servers) server.prepare?.(view);
  };
  prepare();
  return setInterval(prepare, BOUNDS.gatewayPrepareMs).unref();
}

/** @see https://github.com/fastify/fastify-rate-limit */
function limitRequests(app: FastifyInstance, requestsPerSecond: number | undefined): void {
  if (requestsPerSecond === undefined) return;
  void app.register(rateLimit, {
    max: requestsPerSecond,
    timeWindow: 1_000,
    cache: BOUNDS.gatewayLimitedAddresses,
    allowList: (request) => LOOPBACK.test(request.ip),
    errorResponseBuilder: () =>
      Object.assign(new Error('too many requests; slow down'), { statusCode: 429 }),
  });
}

/**
 * A fastify instance that bounds connections, headers, bodies and waits, and routes nothing itself.
 * @param listener makes the listener of what fastify would listen with.
 */
function openServer(
  { tls, connections }: GatewayOptions,
  listener: (fully: RequestListener) => RequestListener,
): FastifyInstance {
  const bounds = {
    // What waits for a slow client in its socket: a part of a body, not several.
    highWaterMark: BOUNDS.gatewaySocketBytes,
    maxHeaderSize: BOUNDS.gatewayHeaderBytes,
    headersTimeout: BOUNDS.gatewayHeadersMs,
    requestTimeout: BOUNDS.gatewayRequestMs,
    keepAliveTimeout: BOUNDS.gatewayKeepAliveMs,
    connectionsCheckingInterval: BOUNDS.gatewayHeadersMs / 4,
    insecureHTTPParser: false,
  };
  const app = fastify({
    logger: false,
    // The path is judged once, by request-gate.ts; fastify's router, with rules of its own, never sees it.
    rewriteUrl: () => '/',
    exposeHeadRoutes: false,
    bodyLimit: BOUNDS.gatewayBodyBytes,
    forceCloseConnections: true,
    serverFactory: (fully) =>
      tls === undefined
        ? createServer(bounds, listener(fully))
        : createTlsServer(
            { ...bounds, key: tls.key, cert: tls.certificate, minVersion: 'TLSv1.2' },
            listener(fully),
          ),
  });
  app.decorateRequest('judged', null);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_, body, done) => done(null, body));
  boundConnections(app.server, connections ?? BOUNDS.gatewayConnections);
  return app;
}

function nativeRequest(request: FastifyRequest, isNear: boolean): NativeRequest {
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
    isNear,
  };
}

async function send(reply: FastifyReply, answered: Reply): Promise<FastifyReply> {
  // From here on the client has to read. One that stops altogether is cut off after twice this time
  // (Node grants a socket with unsent bytes a second one); one that is merely slow is not.
  reply.raw.setTimeout(BOUNDS.gatewayStalledMs);
  const { status, body } = answered;
  reply.code(status).headers({ 'x-content-type-options': 'nosniff', ...answered.headers });
  if (body === undefined || Buffer.isBuffer(body)) return reply.send(body);
  if (reply.request.method === 'HEAD') return reply.send();
  reply.hijack();
  reply.raw.writeHead(status, reply.getHeaders() as OutgoingHttpHeaders);
  await sendBody(reply.raw, body);
  return reply;
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
      hint: LISTEN_HINTS.get(systemCodeOf(cause) ?? ''),
      cause,
    });
  }
  const bound = app.server.address() as AddressInfo;
  const reachable = { '0.0.0.0': '127.0.0.1', '::': '::1' }[bound.address] ?? bound.address;
  return {
    address: authority(bound.address, bound.port),
    port: bound.port,
    url: `${options.tls === undefined ? 'http' : 'https'}://${authority(reachable, bound.port)}`,
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

/** What to do about the reasons for which an address is not to be had. */
const LISTEN_HINTS: ReadonlyMap<string, string> = new Map([
  ['EADDRNOTAVAIL', 'This machine has no such address: --bind 0.0.0.0 takes all that it has.'],
  [
    'ENOTFOUND',
    'Name an address of this machine, or --bind 0.0.0.0 for all; names go to --hostname.',
  ],
  ['EACCES', 'Ports below 1024 are the administrator’s: name another with --port.'],
]);
