import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { DEFAULTS } from '../../src/config/settings.js';
import { acquireLock } from '../../src/platform/lock.js';
import { runGateway } from '../../src/roles/gateway.js';
import { createPrinter } from '../../src/roles/printer.js';

test('a gateway that is stopped while it starts says nothing of serving, and leaves its folder', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'x-stopped-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const stdout = new PassThrough();
  const printer = createPrinter({
    json: true,
    quiet: true,
    events: true,
    stdout,
    stderr: new PassThrough(),
    env: {},
  });
  await runGateway({
    settings: { ...DEFAULTS, folder, port: 0 },
    printer,
    publicIndexes: [],
    debian: { mirror: undefined, suites: [], components: [], keyring: undefined },
    quota: '1GB',
    join: () => {
      process.emit('SIGINT', 'SIGINT');
      return Promise.resolve(undefined);
    },
  });
  const said = String(stdout.read() ?? '');
  assert.doesNotMatch(said, /serving/);
  const lock = await acquireLock(folder, 'gateway');
  lock.release();
});
