import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';

const CHILD = fileURLToPath(new URL('./tiny-child.js', import.meta.url));
const CONNECTIONS = 10_000;
/** Opened at once; and file descriptors that this process needs for everything else. */
const BATCH = 250;
const SPARE_FILES = 500;
/** Of 10,000 connections BOUNDS.gatewayConnections are there at once, at 80 kB at most. */
const GROWTH_MEGABYTES = 160;

/** What they send, if anything: nothing, half a request, a request whose answer nobody reads. */
const SAID = [
  '',
  'GET /tiny/echo HTTP/1.1\r\nHost: local',
  'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n',
];

async function child(t: TestContext): Promise<{ process: ChildProcess; port: number }> {
  const started = spawn(process.execPath, [CHILD], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => started.kill('SIGKILL'));
  const [line] = (await once(started.stdout, 'data')) as [Buffer];
  return { process: started, port: Number(line.toString()) };
}

async function megabytes({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid ?? 0}/status`, 'utf8');
  return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? NaN) / 1_024;
}

/** Of 10,000, as many as this process may open. */
async function connectionsHere(): Promise<number> {
  const limits = await readFile('/proc/self/limits', 'utf8');
  const files = Number(/Max open files\s+(\d+)/.exec(limits)?.[1] ?? 1_024);
  return Math.min(CONNECTIONS, files - SPARE_FILES);
}

/** Resolves when it is there, or was refused. */
function open(port: number, said: string): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      if (said !== '') socket.write(said);
      socket.pause();
      resolve(socket);
    });
    socket.on('error', () => resolve(socket));
  });
}

test('ten thousand connections that stay open keep nobody out, and memory within bounds', async (t) => {
  const gateway = await child(t);
  const count = await connectionsHere();
  if (count < CONNECTIONS) t.diagnostic(`this process may open ${count} connections`);
  const ask = async (): Promise<number> => {
    const reply = await fetch(`http://127.0.0.1:${gateway.port}/tiny/echo`, {
      headers: { connection: 'close' },
    });
    await reply.arrayBuffer();
    return reply.status;
  };
  assert.equal(await ask(), 200);
  const before = await megabytes(gateway.process);
  const sockets: Socket[] = [];
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  while (sockets.length < count) {
    const next = Array.from({ length: Math.min(BATCH, count - sockets.length) }, (_, at) =>
      open(gateway.port, SAID[at % SAID.length] ?? ''),
    );
    sockets.push(...(await Promise.all(next)));
    if (sockets.length % 2_500 === 0) assert.equal(await ask(), 200, `of ${sockets.length}`);
  }
  assert.equal(await ask(), 200);
  assert.equal(gateway.process.exitCode, null);
  const grown = (await megabytes(gateway.process)) - before;
  t.diagnostic(`${count} connections, ${Math.round(grown)} MB more`);
  assert.ok(grown < GROWTH_MEGABYTES, `${grown} MB`);
});
