import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { checkAge, checkClock, checkPermissions } from '../../src/roles/doctor/machine.js';
import { checkMaster, checkPort } from '../../src/roles/doctor/network.js';

const NOW = new Date('2026-11-01T10:00:00Z');

test('a clock is held against the newest signing time', () => {
  assert.equal(checkClock(NOW, '2026-10-01T00:00:00Z').state, 'ok');
  assert.equal(checkClock(NOW, undefined).state, 'ok');
  assert.equal(checkClock(NOW, '2026-11-02T00:00:00Z').state, 'warning');
  assert.equal(checkClock(new Date('1970-01-01'), undefined).state, 'failed');
});

test('the age of a bundle: current, within its grace, past it', () => {
  const bundle = { name: 'demo', expiresAt: '2026-10-01T00:00:00Z', graceDays: 60 };
  assert.equal(checkAge({ ...bundle, expiresAt: '2026-12-01T00:00:00Z' }, NOW).state, 'ok');
  assert.match(checkAge(bundle, NOW).text, /within its grace/);
  assert.match(checkAge({ ...bundle, graceDays: 10 }, NOW).text, /past its grace/);
});

test('keys that others can read are wrong, and --fix closes them', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'x-doctor-'));
  try {
    await chmod(folder, 0o700);
    await mkdir(join(folder, 'keys'), { mode: 0o700 });
    const key = join(folder, 'keys', 'identity');
    await writeFile(key, 'secret', { mode: 0o600 });
    assert.deepEqual(
      checkPermissions(folder, false).map(({ state }) => state),
      ['ok'],
    );
    await chmod(key, 0o644);
    assert.equal(checkPermissions(folder, false)[0]?.state, 'failed');
    assert.equal(checkPermissions(folder, true)[0]?.state, 'fixed');
    assert.equal((await stat(key)).mode & 0o777, 0o600);
    await chmod(folder, 0o777);
    assert.equal(checkPermissions(folder, false)[0]?.state, 'failed');
  } finally {
    await rm(folder, { recursive: true });
  }
});

describe('what is reached over the network', () => {
  test('a port that is taken is said', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const address = server.address();
    assert.ok(address !== null && typeof address === 'object');
    try {
      assert.equal((await checkPort(address.port, 'the gateway')).state, 'warning');
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
    assert.equal((await checkPort(address.port, 'the gateway')).state, 'ok');
  });

  test('a master is right where it offers what is trusted', async () => {
    const offer = { did: 'did:master', bundles: [{ name: 'demo', source: 'did:source' }] };
    const answers = () => Promise.resolve(offer);
    assert.equal((await checkMaster('h', answers, new Set(['did:source']))).state, 'ok');
    const stranger = await checkMaster('h', answers, new Set(['did:other']));
    assert.equal(stranger.state, 'failed');
    assert.match(stranger.hint ?? '', /--trust did:source/);
    const empty = () => Promise.resolve({ ...offer, bundles: [] });
    assert.equal((await checkMaster('h', empty, new Set())).state, 'warning');
    const closed = () =>
      Promise.resolve({ ...offer, bundles: [], refusal: 'not-a-member' as const });
    const refused = await checkMaster('h', closed, new Set());
    assert.equal(refused.state, 'failed');
    assert.match(refused.hint ?? '', /x invite/);
    const gone = () => Promise.reject(new XError('MASTER_UNREACHABLE', 'h does not answer'));
    assert.equal((await checkMaster('h', gone, new Set())).state, 'failed');
  });
});
