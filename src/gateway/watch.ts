import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answered } from '../ports/answered.js';
import type { Clock } from '../ports/clock.js';

const MOUNT = /^(?:https?:\/\/[^/]*)?\/(pypi|npm|debian)(?:[/?]|$)/i;

/** What is counted of a request. */
export type Counted = Pick<Answered, 'mount' | 'status' | 'bytes' | 'ms'>;

/**
 * Tells what became of a request when its answer is over, however that ends.
 * @param target of the request line, which a router may change.
 */
export function watch(
  request: IncomingMessage,
  response: ServerResponse,
  target: string,
  clock: Pick<Clock, 'now' | 'monotonicMs'>,
  tell: (counted: Counted, answered: () => Answered) => void,
): void {
  const { socket } = request;
  const remote = socket.remoteAddress ?? '';
  const startedMs = clock.monotonicMs();
  const before = socket.bytesWritten;
  response.on('close', () => {
    const status = response.statusCode;
    const counted = {
      mount: status === 400 || status === 403 || status === 421 ? 'refused' : mountOf(target),
      status,
      bytes: socket.bytesWritten - before,
      ms: Math.round((clock.monotonicMs() - startedMs) * 10) / 10,
    };
    tell(counted, () => ({
      at: clock.now().toISOString(),
      remote,
      method: request.method ?? '',
      target,
      ...counted,
      agent: request.headers['user-agent'],
      brokenOff: !response.writableFinished,
    }));
  });
}

function mountOf(target: string): string {
  return MOUNT.exec(target)?.[1]?.toLowerCase() ?? 'own';
}
