import { connect, type Socket } from 'node:net';
import { BOUNDS } from '../domain/bounds.js';
import { systemCodeOf, XError } from '../domain/errors.js';
import type { JsonObject, JsonValue } from '../domain/plan.js';
import { encodeLine, LineReader, parseReply } from './control-message.js';
import { residentOf } from './lock.js';

export interface AskOptions {
  signal?: AbortSignal | undefined;
}

/**
 * Asks the resident process of a data folder. Undefined where none lives there, or it does not
 * answer commands: then the command does the work itself.
 * @throws what the handler threw, as XError; PEER_FAILED where the process hangs or dies meanwhile.
 */
export async function askResident(
  folder: string,
  verb: string,
  args: JsonObject,
  onEvent: (event: JsonValue) => void = () => undefined,
  { signal }: AskOptions = {},
): Promise<JsonValue | undefined> {
  const path = residentOf(folder)?.control;
  if (path === undefined) return undefined;
  signal?.throwIfAborted();
  const socket = await reach(path);
  if (socket === undefined) return undefined;
  const abort = (): void => void socket.destroy();
  signal?.addEventListener('abort', abort, { once: true });
  try {
    socket.write(encodeLine({ verb, args }));
    return await replies(socket, onEvent);
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  } finally {
    signal?.removeEventListener('abort', abort);
    socket.destroy();
  }
}

/** A connection, or undefined where nobody listens (the process may just have gone). */
function reach(path: string): Promise<Socket | undefined> {
  return new Promise((resolve, reject) => {
    const socket = connect(path);
    socket.setTimeout(BOUNDS.controlSilenceMs, () => socket.destroy(silent()));
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error) => {
      if (['ENOENT', 'ECONNREFUSED'].includes(systemCodeOf(error) ?? '')) resolve(undefined);
      else reject(error instanceof XError ? error : failed(error));
    });
  });
}

async function replies(socket: Socket, onEvent: (event: JsonValue) => void): Promise<JsonValue> {
  const lines = new LineReader();
  try {
    for await (const chunk of socket) {
      for (const line of lines.push(chunk as Buffer)) {
        const reply = parseReply(line);
        if ('ok' in reply) return reply.ok;
        if ('error' in reply) {
          const { code, message, hint } = reply.error;
          throw new XError(code, message, { hint });
        }
        if ('event' in reply) onEvent(reply.event);
      }
    }
  } catch (error) {
    throw systemCodeOf(error) === undefined || error instanceof XError ? error : failed(error);
  }
  throw new XError('PEER_FAILED', 'the resident process ended before it had answered', {
    hint: 'Look at its output, start it again, and repeat the command.',
  });
}

function silent(): XError {
  const seconds = String(BOUNDS.controlSilenceMs / 1000);
  return new XError('PEER_FAILED', `the resident process has been silent for ${seconds} s`, {
    hint: 'Look at its output, and restart it.',
  });
}

function failed(cause: unknown): XError {
  return new XError('PEER_FAILED', 'the connection to the resident process broke', {
    hint: 'Repeat the command.',
    cause,
  });
}
