import assert from 'node:assert/strict';
import { once } from 'node:events';
import { statSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import { XError } from '../../src/domain/errors.js';
import type { JsonValue } from '../../src/domain/plan.js';
import { askResident } from '../../src/platform/control-client.js';
import { LineReader } from '../../src/platform/control-message.js';
import { controlPath } from '../../src/platform/control-path.js';
import { serveControl, type ControlHandler } from '../../src/platform/control-server.js';
import { acquireLock } from '../../src/platform/lock.js';

type Handlers = Record<string, ControlHandler>;

async function withResident(
  handlers: Handlers,
  body: (folder: string, path: string) => Promise<void>,
  below = '',
): Promise<void> {
  const top = await mkdtemp(join(tmpdir(), 'x-control-'));
  const folder = join(top, below);
  await mkdir(folder, { recursive: true });
  const lock = await acquireLock(folder, 'client');
  const server = await serveControl(folder, new Map(Object.entries(handlers)));
  lock.announceControl(server.path);
  try {
    await body(folder, server.path);
  } finally {
    await server.close();
    lock.release();
    await rm(top, { recursive: true });
    if (!server.path.startsWith(top)) await rm(dirname(server.path), { recursive: true });
  }
}

const echo: ControlHandler = async (args, emit) => {
  emit({ step: 1 });
  await Promise.resolve();
  emit('two');
  return { got: args };
};

test('a verb is answered with its events and its end', () =>
  withResident({ echo }, async (folder, path) => {
    const events: JsonValue[] = [];
    const answer = await askResident(folder, 'echo', { text: 'ä\n"' }, (event) => {
      events.push(event);
    });
    assert.deepEqual(answer, { got: { text: 'ä\n"' } });
    assert.deepEqual(events, [{ step: 1 }, 'two']);
    assert.equal(statSync(path).mode & 0o777, 0o600);
  }));

test('nobody there is no error', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'x-control-'));
  assert.equal(await askResident(folder, 'echo', {}), undefined);
  const lock = await acquireLock(folder, 'client');
  assert.equal(await askResident(folder, 'echo', {}), undefined, 'not listening yet');
  lock.announceControl(join(folder, 'gone.sock'));
  assert.equal(await askResident(folder, 'echo', {}), undefined, 'nothing behind the path');
  lock.release();
  await rm(folder, { recursive: true });
});

test('an error keeps its code, message and hint', () => {
  const refuse: ControlHandler = () =>
    Promise.reject(new XError('BUNDLE_NOT_FOUND', 'no bundle b', { hint: 'x ls' }));
  const fail: ControlHandler = () => Promise.reject(new TypeError('broken'));
  return withResident({ refuse, fail }, async (folder) => {
    await assert.rejects(askResident(folder, 'refuse', {}), {
      name: 'XError',
      code: 'BUNDLE_NOT_FOUND',
      message: 'no bundle b',
      hint: 'x ls',
    });
    await assert.rejects(askResident(folder, 'fail', {}), {
      code: 'PEER_FAILED',
      message: 'broken',
    });
    await assert.rejects(askResident(folder, 'other', {}), { code: 'USAGE' });
  });
});

test('a data folder with a long path is reached too', () =>
  withResident(
    { echo },
    async (folder, path) => {
      assert.ok(Buffer.byteLength(path) < 104, path);
      assert.ok(!path.startsWith(folder));
      assert.deepEqual(await askResident(folder, 'echo', {}), { got: {} });
    },
    'deep/'.repeat(20),
  ));

test('somebody else’s folder at the short path is refused', async () => {
  const folder = `/${'long/'.repeat(30)}${String(process.pid)}`;
  const taken = dirname(controlPath(folder));
  await rm(taken, { recursive: true });
  writeFileSync(taken, '');
  assert.throws(() => controlPath(folder), /EEXIST|not a folder of this user alone/);
  await rm(taken);
  await mkdir(taken, { mode: 0o755 });
  assert.throws(() => controlPath(folder), /not a folder of this user alone/);
  await rm(taken, { recursive: true });
});

test('the handler hears that the command went away', async () => {
  const heard = Promise.withResolvers<void>();
  const wait: ControlHandler = (_, emit, signal) => {
    emit('started');
    return new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        heard.resolve();
        reject(new Error('gone'));
      });
    });
  };
  await withResident({ wait }, async (folder) => {
    const abort = new AbortController();
    const reason = new Error('enough');
    const asked = askResident(folder, 'wait', {}, () => abort.abort(reason), abort);
    await assert.rejects(asked, (error) => error === reason);
    await heard.promise;
  });
});

test('a resident that closes meanwhile is said', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'x-control-'));
  const lock = await acquireLock(folder, 'client');
  const hang: ControlHandler = (_, emit) => {
    emit('started');
    return new Promise(() => undefined);
  };
  const server = await serveControl(folder, new Map([['hang', hang]]));
  lock.announceControl(server.path);
  const closed: Promise<void>[] = [];
  await assert.rejects(
    askResident(folder, 'hang', {}, () => closed.push(server.close())),
    { code: 'PEER_FAILED' },
  );
  await Promise.all(closed);
  lock.release();
  await rm(folder, { recursive: true });
});

test('a line without end, and a request that is none, are refused', () =>
  withResident({ echo }, async (_, path) => {
    for (const sent of ['x'.repeat(BOUNDS.controlLineBytes + 1), 'nonsense\n', '{"verb": 1}\n']) {
      const socket = connect(path);
      let answer = '';
      socket.on('data', (chunk) => (answer += chunk.toString()));
      // The other end may close before all is written.
      socket.on('error', (error) => assert.match(error.message, /EPIPE|ECONNRESET/));
      socket.write(sent);
      await once(socket, 'close');
      assert.match(answer, /^\{"error":\{"code":"(LIMIT_EXCEEDED|USAGE)"/);
    }
  }));

test('an event longer than a line ends the request with an error', () => {
  const flood: ControlHandler = (_, emit) => {
    emit('x'.repeat(BOUNDS.controlLineBytes));
    return Promise.resolve(null);
  };
  return withResident({ flood }, async (folder) => {
    await assert.rejects(askResident(folder, 'flood', {}), { code: 'LIMIT_EXCEEDED' });
  });
});

test('a new resident takes over the socket that a dead one left', async () => {
  await withResident({}, async (folder, path) => {
    await Promise.resolve();
    assert.ok(folder.length > 0 && statSync(path).isSocket());
  });
  const folder = await mkdtemp(join(tmpdir(), 'x-control-'));
  writeFileSync(controlPath(folder), 'left over');
  const lock = await acquireLock(folder, 'client');
  const server = await serveControl(folder, new Map([['echo', echo]]));
  lock.announceControl(server.path);
  assert.deepEqual(await askResident(folder, 'echo', {}), { got: {} });
  await server.close();
  lock.release();
  await rm(folder, { recursive: true });
});

test('lines are cut wherever the chunks end', () => {
  const bytes = Buffer.from('erste\nzweite mit ü\n\nrest');
  for (let size = 1; size <= bytes.length; size += 1) {
    const reader = new LineReader();
    const lines: string[] = [];
    for (let at = 0; at < bytes.length; at += size) {
      lines.push(...reader.push(bytes.subarray(at, at + size)));
    }
    assert.deepEqual(lines, ['erste', 'zweite mit ü', '']);
  }
});
