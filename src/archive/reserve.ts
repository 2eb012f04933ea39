import { hash } from 'node:crypto';
import { realpath } from 'node:fs/promises';
import { createServer } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { systemCodeOf, XError } from '../domain/errors.js';

/**
 * Makes this process the only one on this machine that writes a file, until it releases it or ends.
 * The system's own names for sockets do it (of Linux's abstract ones and Windows' pipes): nothing is left
 * on a medium that is pulled out. Elsewhere nothing is reserved.
 * @throws XError IO_FAILED where another process has it.
 */
export async function reserve(path: string): Promise<() => Promise<void>> {
  const prefix = { linux: '\0', win32: '\\\\.\\pipe\\' }[String(process.platform)];
  if (prefix === undefined) return () => Promise.resolve();
  const key = hash('sha256', await canonical(path)).slice(0, 32);
  const server = createServer((socket) => socket.destroy());
  try {
    await new Promise<void>((done, fail) => {
      server.once('error', fail);
      server.listen(`${prefix}x-writes-${key}`, done);
    });
  } catch (thrown) {
    if (systemCodeOf(thrown) !== 'EADDRINUSE') throw thrown;
    throw new XError('IO_FAILED', `another x is writing to ${dirname(path)} right now`, {
      hint: 'Wait until it is done, then run the same command again.',
      cause: thrown,
    });
  }
  return () => new Promise((done) => server.close(() => done()));
}

/** The same for every way to name a place, whether it is there yet or not. */
async function canonical(path: string): Promise<string> {
  const whole = resolve(path);
  const real = await realpath(whole).catch(() => undefined);
  if (real !== undefined || dirname(whole) === whole) return real ?? whole;
  return join(await canonical(dirname(whole)), basename(whole));
}
