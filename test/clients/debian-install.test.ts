import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parseTarget } from '../../src/domain/target.js';
import { createDebianServer } from '../../src/ecosystems/debian/server.js';
import {
  createRepositoryKey,
  createRepositorySigner,
} from '../../src/ecosystems/debian/repository-key.js';
import { readAptHost } from '../../src/platform/apt-host.js';
import {
  MemoryStore,
  openBench,
  openUpstream,
  sealWith,
  type SealedBundle,
} from '../ecosystems/debian/support.js';
import { run, whyNoApt } from './debian-apt.js';

const skip = (await whyNoApt()) || (await whyNoNamespace());

async function whyNoNamespace(): Promise<string | false> {
  const { code, output } = await run('unshare', ['-n', 'ip', 'link', 'set', 'lo', 'up']);
  return code === 0 ? false : `no network namespace can be made: ${output.slice(0, 100)}`;
}

const SERVE = fileURLToPath(new URL('./debian-serve.js', import.meta.url));
const PORT = 8470;

/** A machine with nothing but loopback, a server of the bundle's files on it, and apt pointed there. */
interface Offline {
  /** Runs a shell script there; `$APT` is apt-get with the settings in place. */
  shell(script: string): Promise<{ code: number; output: string }>;
  folder: string;
}

/** Lays out what respond() answers as the settings and the paths say, and hands it to `use`. */
async function offline(
  sealed: SealedBundle,
  store: MemoryStore,
  use: (machine: Offline) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'x-offline-'));
  try {
    for (const entry of sealed.entries) {
      const path = join(folder, 'bundle', entry.path);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, await store.read(entry.sha256));
    }
    const entries = sealed.entries.map((entry) => ({ ...entry }));
    await writeFile(
      join(folder, 'entries.json'),
      JSON.stringify({ entries, bundle: sealed.bundle }),
    );
    const { env, files, args } = await createDebianServer().settings({
      command: 'apt-get',
      gateway: `http://127.0.0.1:${PORT}`,
      bundles: [sealed.bundle],
      view: sealed.view,
    });
    assert.deepEqual(args, []);
    const here = (text: string) => text.replaceAll('{dir}', join(folder, 'run'));
    for (const file of files) {
      const path = join(folder, 'run', file.path);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, here(file.text));
    }
    const shell: Offline['shell'] = (script) =>
      run(
        'unshare',
        [
          '-n',
          'bash',
          '-c',
          `set -e; ip link set lo up; "$NODE" "$SERVE" "$FOLDER" ${PORT} & server=$!; trap 'kill $server' EXIT; for i in $(seq 100); do (: </dev/tcp/127.0.0.1/${PORT}) 2>/dev/null && break; sleep 0.05; done; ${script}`,
        ],
        { ...envOf(env, here), NODE: process.execPath, SERVE, FOLDER: folder },
      );
    await use({ shell, folder });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function envOf(env: Record<string, string>, here: (text: string) => string) {
  return Object.fromEntries(Object.entries(env).map(([key, value]) => [key, here(value)]));
}

describe('apt on a machine without a network', { skip }, () => {
  test('updates, shows and installs from a pruned repository', async () => {
    await using bench = await openBench();
    const sealed = await bench.seal('x-hello\nx-large\n');
    await offline(sealed, bench.store, async ({ shell, folder }) => {
      const root = join(folder, 'root');
      await mkdir(join(root, 'var/lib/dpkg/updates'), { recursive: true });
      await mkdir(join(root, 'var/lib/dpkg/info'), { recursive: true });
      await writeFile(join(root, 'var/lib/dpkg/status'), '');
      const options = `-o Dir::State::status=${root}/var/lib/dpkg/status -o DPkg::Options::=--root=${root} -o DPkg::Options::=--force-not-root -o DPkg::Options::=--log=/dev/null -o Dir::Log::Terminal= -o Dir::Log::History= -o Dir::State::extended_states=${folder}/extended -o DPkg::Pre-Install-Pkgs::= -o APT::Get::List-Cleanup=true`;
      const before = await shell(`apt-get ${options} install --print-uris -y -qq x-hello`);
      assert.match(
        before.output,
        /x-greeting_1%3a1\.3\+ds-1_all\.deb/,
        'no update is needed before',
      );
      const update = await shell(`apt-get ${options} update 2>&1`);
      assert.equal(update.code, 0, update.output);
      assert.doesNotMatch(update.output, /^[WE]:/m);
      assert.match(update.output, /fixture-updates InRelease/);
      const install = await shell(
        `apt-get ${options} update -qq && apt-get ${options} install -y -q x-hello x-large 2>&1`,
      );
      assert.equal(install.code, 0, install.output);
      const greeting = await readFile(join(root, 'usr/share/x-greeting/text'), 'utf8');
      assert.equal(greeting, 'hello from 1:1.3+ds-1\n');
      const status = await readFile(join(root, 'var/lib/dpkg/status'), 'utf8');
      assert.match(status, /Package: x-large\nStatus: install ok installed/);
    });
  });

  test('refuses what is signed by another key than the bundle names', async () => {
    await using bench = await openBench();
    const sealed = await bench.seal('x-docs\n');
    await offline(sealed, bench.store, async ({ shell, folder }) => {
      const other = await createRepositoryKey(new Date('2026-01-01T00:00:00Z'));
      await writeFile(join(folder, 'run/keyrings/demo.asc'), other.publicKeyArmored);
      const update = await shell('apt-get update 2>&1; true');
      assert.match(update.output, /NO_PUBKEY 83AB94A1DAE56FA5/);
    });
  });

  test('installs a real package of the real archive', async (context) => {
    const upstream = openUpstream();
    const store = new MemoryStore();
    const apt = await readAptHost();
    const now = new Date();
    const key = await createRepositoryKey(now);
    const signer = await createRepositorySigner(key.privateKeyArmored);
    const target = parseTarget(`linux/${apt.architecture ?? 'amd64'}/glibc2.36`);
    let sealed: SealedBundle;
    try {
      sealed = await sealWith(
        { upstream, store, apt, signer: () => Promise.resolve(signer) },
        store,
        'nginx-light\nhello\n',
        [target],
        now,
      );
    } catch (error) {
      const code = (error as { code?: string }).code;
      if (code !== 'UPSTREAM_UNREACHABLE' && code !== 'USAGE') throw error;
      context.skip(`apt's own sources cannot be used: ${String(error)}`);
      return;
    } finally {
      await upstream.close();
    }
    const server = createDebianServer();
    for (const entry of sealed.entries.filter(({ kind }) => kind === 'package')) {
      const verdict = await server.checkProof(entry, sealed.view, now);
      assert.equal(verdict.verdict, 'holds', `${entry.path}: ${verdict.note}`);
    }
    await offline(sealed, store, async ({ shell }) => {
      const { code, output } = await shell(
        'apt-get update 2>&1 && apt-get -s install nginx-light hello 2>&1',
      );
      assert.equal(code, 0, output);
      assert.doesNotMatch(output, /^[WE]:/m);
      assert.match(output, /Inst hello|hello is already/);
    });
  });
});
