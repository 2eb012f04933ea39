import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test, type TestContext } from 'node:test';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { tcp } from '@libp2p/tcp';
import { createLibp2p } from 'libp2p';
import { DEFAULTS } from '../../src/config/settings.js';
import { acquireLock } from '../../src/platform/lock.js';
import { runClient } from '../../src/roles/client.js';
import { runGateway } from '../../src/roles/gateway.js';
import { createPrinter } from '../../src/roles/printer.js';
import { BUNDLE_PROTOCOL } from '../../src/swarm/bundle-server.js';

async function scene(t: TestContext) {
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
  return { folder, printer, said: () => String(stdout.read() ?? '') };
}

test('a gateway that is stopped while it starts says nothing of serving, and leaves its folder', async (t) => {
  const { folder, printer, said } = await scene(t);
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
  assert.doesNotMatch(said(), /serving/);
  const lock = await acquireLock(folder, 'gateway');
  lock.release();
});

test('a client that is stopped does not wait for a master that took its call and says nothing', async (t) => {
  const { folder, printer, said } = await scene(t);
  const master = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  });
  t.after(() => master.stop());
  await master.handle(BUNDLE_PROTOCOL, () => void process.emit('SIGINT', 'SIGINT'));
  // Who waits for it has to say in the end that it did not answer.
  await runClient({
    settings: { ...DEFAULTS, folder, port: 0, listen: 0, mdns: false },
    printer,
    masters: [String(master.getMultiaddrs()[0])],
    trust: [],
    acceptNew: true,
    acceptStale: false,
    once: false,
  });
  assert.doesNotMatch(said(), /serving/);
});
