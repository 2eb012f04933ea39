import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, readdirSync, readlinkSync, symlinkSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { run, whyNoClient, whyNoNamespace, type Ran } from '../../fixtures/namespace.js';
import { startFixtures } from '../../fixtures/upstream/fixtures.js';
import { x } from '../../fixtures/x-process.js';
import { RUNTIME_FILE, RUNTIME_SUMS } from '../../src/operations/carry-runtime.js';
import { sha256 } from '../../src/domain/digest.js';
import { identityFromSeed, type Identity } from '../../src/trust/identity.js';
import {
  decodeRuntime,
  encodeRuntime,
  type RuntimeDescription,
} from '../../src/trust/runtime-file.js';
import { signedOf } from './e2e-world.js';

const DEADLINE_MS = 280_000;
const why = whyNoNamespace() ?? whyNoClient('python3') ?? whyNoSystem();

/** What the stick's launcher is tried with: the system's own tools, less every Node. */
function whyNoSystem(): string | undefined {
  return readdirSync('/usr/bin').includes('sha256sum') ? undefined : 'there is no sha256sum here';
}

let folder: string;
let stick: string;
let did: string;
/** A second key, of nobody who is known. */
const stranger = identityFromSeed(Buffer.alloc(32, 9));

/** A machine that has neither Node nor x nor a network. */
async function onBareMachine(script: string, env: Record<string, string> = {}): Promise<Ran> {
  const home = join(folder, 'home');
  return await run(
    'unshare',
    ['-n', '-m', 'sh', '-c', `ip link set lo up\n! command -v node || exit 99\n${script}`],
    {
      cwd: folder,
      env: { HOME: home, PATH: join(folder, 'bin'), LANG: 'C.UTF-8', ...env },
      deadlineMs: DEADLINE_MS,
    },
  );
}

describe('x on a stick, for a machine that has neither x nor Node', { skip: why ?? false }, () => {
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'x-runtime-'));
    stick = join(folder, 'stick');
    await mkdir(join(folder, 'bin'));
    await mkdir(join(folder, 'home'));
    for (const name of readdirSync('/usr/bin')) {
      if (/^(node|npm|npx|corepack|x$)/.test(name)) continue;
      symlinkSync(join('/usr/bin', name), join(folder, 'bin', name));
    }
    const fixtures = await startFixtures(join(folder, 'upstream'));
    try {
      await writeFile(join(folder, 'field.txt'), 'x-beta<2\n');
      const args = ['source', '-r', 'field.txt', '--data', 'source', '--listen', '0', '--json'];
      const made = await x(
        [...args, '--once', '--export', stick, '--with-runtime', '--parity', '1'],
        { cwd: folder, env: fixtures.allEnv, deadlineMs: DEADLINE_MS },
      );
      assert.equal(made.code, 0, made.stdout + made.stderr);
      did = String(signedOf(made.stdout)['did']);
    } finally {
      await fixtures.close();
    }
  });
  after(() => rm(folder, { recursive: true, force: true }));

  test('x verify looks at the runtime too', async () => {
    const { code, stdout } = await x(['verify', stick, '--data', join(folder, 'reader')]);
    assert.equal(code, 0, stdout);
    assert.match(stdout, /runtime x \S+ for linux\/\S+: whole, signed \S+ by did:key:/);
  });

  test('a damaged one is not run, and x verify names it', async () => {
    const torn = join(folder, 'torn');
    cpSync(stick, torn, { recursive: true });
    const archive = readdirSync(join(torn, 'x-runtime')).find((name) => name.endsWith('.gz'));
    appendFileSync(join(torn, 'x-runtime', archive ?? ''), '!');
    const { code, output } = await onBareMachine('sh torn/x-runtime/x --version');
    assert.equal(code, 3, output);
    assert.match(output, /torn\/x-runtime is not what was written/);
    assert.deepEqual(readdirSync(join(folder, 'home')), []);
    const verified = await x(['verify', torn, '--data', join(folder, 'reader')]);
    assert.equal(verified.code, 3, verified.stderr);
    assert.match(verified.stderr, /x-runtime\/\S+\.tar\.gz is not what was signed/);
    await rm(torn, { recursive: true });
  });

  test('it checks itself, imports, and pip installs from what it serves', async () => {
    const { code, output } = await onBareMachine(
      `set -e
sh stick/x-runtime/x import stick --trust '${did}'
python3 -m venv venv
sh stick/x-runtime/x run -- venv/bin/pip install x-beta
"$HOME/.local/share/x-runtime/bin/x" ls`,
    );
    assert.equal(code, 0, output);
    assert.match(output, /Successfully installed x-beta-1\.5/);
    assert.match(output, /x: unpacked; from now on it is/);
    assert.match(output, /^field +1 +\d+ .*100%/m);
  });

  test('what is on the stick is what is installed: nothing to update', async () => {
    const { code, output } = await onBareMachine(update('stick'));
    assert.equal(code, 0, output);
    assert.match(output, /is what is installed here/);
  });

  test('a newer one takes its place, and x self rollback goes back', async () => {
    const newer = await remade('newer', ({ version }) => ({ version: `9${version}` }));
    const before = await version();
    const updated = await onBareMachine(update(newer, `--trust ${stranger.did}`));
    assert.equal(updated.code, 0, updated.output);
    assert.match(updated.output, /is now x 9/);
    assert.notEqual(await version(), before);
    const older = await onBareMachine(update('stick'));
    assert.equal(older.code, 3, older.output);
    assert.match(older.output, /is older than what is installed/);
    const back = await onBareMachine('"$HOME/.local/share/x-runtime/bin/x" self rollback');
    assert.equal(back.code, 0, back.output);
    assert.equal(await version(), before);
  });

  test('a newer one that came with volumes is kept, and x self update takes it without the stick', async () => {
    const own = '"$HOME/.local/share/x-runtime/bin/x"';
    const before = await version();
    const eighth = ({ version: was }: RuntimeDescription): { version: string } => ({
      version: `8${was}`,
    });
    const seed = await readFile(join(folder, 'source', 'keys', 'identity'), 'utf8');
    const source = identityFromSeed(Buffer.from(seed.trim(), 'hex'));
    const newer = await remade('carried', eighth, true, source);
    const strange = await remade('foreign', eighth);
    for (const to of [newer, strange]) {
      const volumes = readdirSync(stick).filter((file) => file.endsWith('.zip'));
      for (const file of volumes) cpSync(join(stick, file), join(folder, to, file));
    }
    const foreign = await onBareMachine(`${own} import ${strange}`);
    assert.equal(foreign.code, 0, foreign.output);
    assert.doesNotMatch(foreign.output, /came along/);
    const { code, output } = await onBareMachine(`set -e
${own} import ${newer}
mv ${newer} ${newer}-gone
${own} self update`);
    assert.equal(code, 0, output);
    assert.match(output, /x 8\S+ of \S+ came along, newer than what is installed/);
    assert.match(output, /is now x 8/);
    assert.notEqual(await version(), before);
    const again = await onBareMachine(`${own} self update`);
    assert.equal(again.code, 2, again.output);
    assert.match(again.output, /no newer x came with what was imported here/);
    const back = await onBareMachine(`${own} self rollback`);
    assert.equal(back.code, 0, back.output);
  });

  test('what is not to be trusted changes nothing', async () => {
    const before = readlinkSync(join(folder, 'home/.local/share/x-runtime/current'));
    const forOthers = await remade('arm', () => ({ platform: 'linux/arm64/glibc' }));
    const cases: [string, string, number, RegExp][] = [
      ['by nobody who is known', await remade('strange', newVersion), 3, /Nothing here trusts it/],
      ['for another platform', forOthers, 1, /is for linux\/arm64\/glibc; here it is linux\//],
      ['that says another version than it is', await lying(), 3, /and says that it is/],
      ['with a signature of other bytes', await unsigned(), 3, /is not signed by/],
      ['none', 'bin', 2, /there is no runtime in bin/],
    ];
    for (const [what, from, exit, says] of cases) {
      const trust = what.startsWith('by') ? '' : `--trust ${stranger.did}`;
      const { code, output } = await onBareMachine(update(from, trust));
      assert.equal(code, exit, `${what}: ${output}`);
      assert.match(output, says, what);
    }
    const home = join(folder, 'home/.local/share/x-runtime');
    assert.equal(readlinkSync(join(home, 'current')), before);
    assert.deepEqual(
      readdirSync(join(home, 'versions')).filter((name) => name.startsWith('.')),
      [],
    );
  });

  test('a medium that is too small is told what the runtime takes', async (t) => {
    const small = join(folder, 'small');
    await mkdir(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'x-small', small]);
    t.after(() => execFileSync('umount', [small]));
    const args = ['export', 'field', '--to', small, '--with-runtime', '--data', 'source'];
    const { code, stderr } = await x(args, { cwd: folder });
    assert.equal(code, 1, stderr);
    assert.match(stderr, /8\.4 MB free, and \S+ MB are needed \(\S+ MB of them for the runtime\)/);
    assert.deepEqual(readdirSync(small), []);
  });
});

const newVersion = ({ version }: RuntimeDescription): Partial<RuntimeDescription> => ({
  version: `9${version}`,
});

const update = (from: string, more = ''): string =>
  `"$HOME/.local/share/x-runtime/bin/x" self update ${from} ${more}`;

async function version(): Promise<string> {
  const { output } = await onBareMachine('"$HOME/.local/share/x-runtime/bin/x" --version');
  return output.trim();
}

/** The stick's runtime once more, as somebody else's, who says other things of it. */
async function remade(
  name: string,
  change: (description: RuntimeDescription) => Partial<RuntimeDescription>,
  rewriteVersion = true,
  signer: Identity = stranger,
): Promise<string> {
  const to = join(folder, name, 'x-runtime');
  cpSync(join(stick, 'x-runtime'), to, { recursive: true });
  const file = join(to, RUNTIME_FILE);
  const description = decodeRuntime(await readFile(file), file);
  const changed = { ...description, ...change(description) };
  const archive = join(to, description.archive.name);
  if (rewriteVersion && changed.version !== description.version) {
    const tree = join(folder, `${name}-tree`);
    await mkdir(tree);
    execFileSync('tar', ['-xzf', archive, '-C', tree]);
    const own = join(tree, 'app/package.json');
    const json = JSON.parse(await readFile(own, 'utf8')) as Record<string, unknown>;
    await writeFile(own, JSON.stringify({ ...json, version: changed.version }));
    execFileSync('tar', ['-cf', archive, '-I', 'gzip -1', '-C', tree, 'app', 'bin']);
    await rm(tree, { recursive: true });
  }
  const bytes = await readFile(archive);
  const sums = (await readFile(join(to, RUNTIME_SUMS), 'utf8')).replace(
    description.archive.sha256,
    sha256(bytes),
  );
  await writeFile(join(to, RUNTIME_SUMS), sums);
  const measured = {
    name: description.archive.name,
    lengthBytes: bytes.length,
    sha256: sha256(bytes),
  };
  const told = { ...changed, sums: sha256(sums), archive: measured };
  await writeFile(file, encodeRuntime(told, signer));
  return name;
}

function lying(): Promise<string> {
  return remade('lying', () => ({ version: '99.0.0' }), false);
}

async function unsigned(): Promise<string> {
  const name = await remade('unsigned', newVersion, false);
  const file = join(folder, name, 'x-runtime', RUNTIME_FILE);
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.replace('"version":"9', '"version":"8'));
  return name;
}
