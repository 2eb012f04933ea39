import { chmodSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import type { JsonObject, JsonValue } from '../domain/plan.js';
import {
  encodeLine,
  errorReply,
  LineReader,
  parseRequest,
  type ControlReply,
} from './control-message.js';
import { controlPath, isFull, outsideControlPath } from './control-path.js';

/**
 * Answers one verb.
 * @param emit sends an event to the asking command.
 * @param signal aborts when that command goes away, or the server closes.
 */
export type ControlHandler = (
  args: JsonObject,
  emit: (event: JsonValue) => void,
  signal: AbortSignal,
) => Promise<JsonValue>;

export interface ControlServer {
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Listens on the control socket of a data folder, for this user alone. Only the holder of the
 * folder's lock may: what lies at the socket's path is a dead process's, and is removed.
 */
export async function serveControl(
  folder: string,
  handlers: ReadonlyMap<string, ControlHandler>,
): Promise<ControlServer> {
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.on('close', () => connections.delete(socket));
    answer(socket, handlers);
  });
  server.maxConnections = BOUNDS.controlConnections;
  const path = await listenFor(server, folder);
  if (process.platform !== 'win32') chmodSync(path, 0o600);
  return {
    path,
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

/** The path it listens at: another one where the folder has no room for it. */
async function listenFor(server: Server, folder: string): Promise<string> {
  const path = controlPath(folder);
  if (process.platform === 'win32') {
    await listen(server, path);
    return path;
  }
  try {
    rmSync(path, { force: true });
    await listen(server, path);
    return path;
  } catch (error) {
    if (!(error instanceof XError) || !isFull(error.cause)) throw error;
    const outside = outsideControlPath(folder);
    rmSync(outside, { force: true });
    await listen(server, outside);
    return outside;
  }
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new XError('IO_FAILED', `the control socket ${path}: ${error.message}`, { cause: error }),
      );
    });
    server.listen(path, resolve);
  });
}

/** One connection: one request, its events, one end. */
function answer(socket: Socket, handlers: ReadonlyMap<string, ControlHandler>): void {
  const gone = new AbortController();
  const lines = new LineReader();
  let asked = false;
  // A broken connection shows as 'close'; the command at the other end is what it concerns.
  socket.on('error', () => gone.abort());
  socket.on('close', () => gone.abort());
  socket.setTimeout(BOUNDS.controlRequestMs, () => socket.destroy());
  socket.on('data', (chunk) => {
    if (asked) return;
    try {
      const [line] = lines.push(chunk);
      if (line === undefined) return;
      asked = true;
      socket.setTimeout(0);
      void run(socket, line, handlers, gone.signal);
    } catch (error) {
      asked = true;
      socket.end(encodeLine(errorReply(error)));
    }
  });
}

async function run(
  socket: Socket,
  line: string,
  handlers: ReadonlyMap<string, ControlHandler>,
  signal: AbortSignal,
): Promise<void> {
  const send = (reply: ControlReply): void => {
    if (socket.destroyed) return;
    const encoded = encodeLine(reply);
    // A command that does not read would fill this process's memory.
    if (socket.writableLength > BOUNDS.controlQueueBytes) socket.destroy();
    else socket.write(encoded);
  };
  const alive = setInterval(() => send({ alive: true }), BOUNDS.controlAliveMs);
  signal.addEventListener('abort', () => clearInterval(alive), { once: true });
  try {
    const { verb, args } = parseRequest(line);
    const handler = handlers.get(verb);
    if (handler === undefined) {
      throw new XError('USAGE', `the resident process does not know "${verb}"`, {
        hint: 'It may be an older x: restart it.',
      });
    }
    send({ ok: await handler(args, (event) => send({ event }), signal) });
  } catch (error) {
    send(errorReply(error));
  } finally {
    clearInterval(alive);
    socket.end();
  }
}
