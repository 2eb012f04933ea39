import assert from 'node:assert/strict';
import { chmod, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { checkAge, checkClock, checkPermissions } from '../../src/roles/doctor/machine.js';
import type { Finding } from '../../src/roles/doctor/check.js';
import { pipIndex, settingFinding } from '../../src/roles/doctor/client-settings.js';
import { findingLines } from '../../src/roles/doctor/doctor.js';
import { damagedKeys, openIdentity } from '../../src/roles/open-keys.js';
import { x } from '../../fixtures/x-process.js';
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

test('a certificate is there to be shown; whoever may write it is told', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'x-doctor-'));
  try {
    await chmod(folder, 0o700);
    await mkdir(join(folder, 'keys'), { mode: 0o700 });
    const certificate = join(folder, 'keys', 'gateway.crt');
    await writeFile(certificate, 'public');
    await chmod(certificate, 0o644);
    assert.equal(checkPermissions(folder, false)[0]?.state, 'ok');
    await chmod(certificate, 0o666);
    assert.equal(checkPermissions(folder, false)[0]?.state, 'failed');
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a key that is none is wrong, an encrypted one is left closed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'x-doctor-'));
  try {
    assert.deepEqual(await damagedKeys(folder), []);
    await openIdentity(folder);
    assert.deepEqual(await damagedKeys(folder), []);
    await writeFile(join(folder, 'keys', 'identity'), 'junk\n');
    const [error] = await damagedKeys(folder);
    assert.match(error?.message ?? '', /identity does not hold a key/);
    const { code, stdout } = await x(['doctor', '--data', folder]);
    assert.equal(code, 1);
    assert.match(stdout, /^WRONG +keys +.*identity does not hold a key\n +Restore it from a copy/m);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("where pip asks: variables before files, a command's own section before all commands'", () => {
  const lines = [
    "global.index-url='https://one.example/simple'",
    "global.extra-index-url='https://no.example/simple'",
    "install.index-url='https://two.example/simple'",
    "download.index-url='https://not.example/simple'",
  ];
  assert.equal(pipIndex(lines.join('\n')), 'https://two.example/simple');
  lines.unshift(":env:.index-url='https://three.example/simple'");
  assert.equal(pipIndex(lines.join('\n')), 'https://three.example/simple');
  assert.equal(pipIndex(''), undefined);
});

test('x use in force, and the client asks elsewhere all the same: worth a look', () => {
  const npm = { command: 'npm', gateway: 'http://127.0.0.1:8470', isUsed: true };
  const found = (address: string | undefined, more = {}) =>
    settingFinding({ ...npm, address, ...more });
  assert.equal(found('http://127.0.0.1:8470/npm/').state, 'ok');
  assert.equal(found('http://127.0.0.1:84701/npm/').state, 'warning');
  assert.equal(found(undefined).state, 'warning');
  assert.equal(found('https://other.example/', { isUsed: false }).state, 'ok');
});

test('on a narrow terminal every finding is there, above its own hint', () => {
  const findings: Finding[] = [
    { check: 'disk', state: 'ok', text: 'much is free '.repeat(9).trim() },
    { check: 'clock', state: 'failed', text: 'says 1970', hint: 'Set it.' },
  ];
  const lines = findingLines(findings, 40).map((line) =>
    typeof line === 'string' ? line : line.text,
  );
  assert.deepEqual(lines, [
    ...['ok     disk', `  ${'much is free '.repeat(9).trim()}`],
    ...['WRONG  clock', '  says 1970', '         Set it.'],
  ]);
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
