import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Answered } from '../ports/answered.js';
import type { Clock } from '../ports/clock.js';

const MOUNT = /^(?:https?:\/\/[^/]*)?\/(pypi|npm|debian)(?:[/?]|$)/i;

/** Tells what became of a request when its answer is over, however that ends. */
export function watch(
  request: FastifyRequest,
  reply: FastifyReply,
  clock: Pick<Clock, 'now' | 'monotonicMs'>,
  tell: (answered: Answered) => void,
): void {
  const { socket } = request.raw;
  const startedMs = clock.monotonicMs();
  const before = socket.bytesWritten;
  reply.raw.once('close', () => {
    const status = reply.statusCode;
    tell({
      at: clock.now().toISOString(),
      remote: request.ip,
      method: request.method,
      target: request.originalUrl,
      mount: status === 400 || status === 403 || status === 421 ? 'refused' : mountOf(request),
      status,
      bytes: socket.bytesWritten - before,
      ms: Math.round((clock.monotonicMs() - startedMs) * 10) / 10,
      agent: request.headers['user-agent'],
      brokenOff: !reply.raw.writableFinished,
    });
  });
}

function mountOf({ originalUrl }: FastifyRequest): string {
  return MOUNT.exec(originalUrl)?.[1]?.toLowerCase() ?? 'own';
}
