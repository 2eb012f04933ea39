import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { x } from '../../fixtures/x-process.js';
import { nobodyToAsk } from '../../src/roles/held-view.js';
import { createServers } from '../../src/roles/ecosystem-servers.js';
import { openData } from '../../src/roles/open-data.js';
import { startGateway } from '../../src/roles/start-gateway.js';

test('what a Dockerfile is given names no folder of this machine', async () => {
  const data = await mkdtemp(join(tmpdir(), 'x-env-'));
  try {
    const home = homedir();
    const env = { X_DATA: data, HOME: home };
    const args = ['env', '--format', 'docker', '--gateway', 'http://depot.lan:8470'];
    const { code, stdout, stderr } = await x(args, { env });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^ENV npm_config_registry="http:\/\/depot\.lan:8470\/npm\/"$/m);
    assert.ok(!stdout.includes(home) && !stdout.includes(data), stdout);
  } finally {
    await rm(data, { recursive: true });
  }
});

test('an address that this machine does not have: what to name instead', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'x-bind-'));
  const data = await openData(folder);
  try {
    // TEST-NET-2 (RFC 5737) is nobody's.
    const bound = { host: '198.51.100.77', port: 0 };
    const error: unknown = await startGateway({
      ...bound,
      ...{ data, servers: createServers(), want: nobodyToAsk },
    }).catch((thrown: unknown) => thrown);
    assert.match(String((error as { hint?: string }).hint), /--bind 0\.0\.0\.0/);
  } finally {
    await data.close();
    await rm(folder, { recursive: true });
  }
});
