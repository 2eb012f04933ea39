import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run, whyNoClient, withoutNetwork, type Ran } from '../../fixtures/namespace.js';
import { startFixtures, type Fixtures } from '../../fixtures/upstream/fixtures.js';
import { XProcess, x } from '../../fixtures/x-process.js';

export const RUN = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));
/** Generous: a machine that has other things to do decides no test. */
const DEADLINE_MS = 240_000;

/** A connected host with the fixture upstreams, and folders for machines that are not connected. */
export interface World {
  folder: string;
  fixtures: Fixtures;
  /** The project that the bundle is made from. */
  project: string;
  /** Where the volumes are. */
  stick: string;
  did: string;
  /** The flags of the `x source` that made the bundle. */
  sourceArgs: string[];
  close(): Promise<void>;
}

/** A real project with all three ecosystems, resolved, signed and exported by a real `x source`. */
export async function openWorld(): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'x-e2e-'));
  const fixtures = await startFixtures(join(folder, 'fixtures'));
  const project = join(folder, 'project');
  const stick = join(folder, 'stick');
  try {
    const files = await writeProject(project, fixtures);
    const sourceArgs = [
      'source',
      ...files.flatMap((file) => ['-r', file]),
      ...['--name', 'field', '--data', join(folder, 'source'), '--listen', '0', '--json'],
      ...fixtures.allArgs,
    ];
    const made = await x([...sourceArgs, '--once', '--export', stick], {
      env: fixtures.allEnv,
      deadlineMs: DEADLINE_MS,
    });
    assert.equal(made.code, 0, made.stdout + made.stderr);
    const { did } = signedOf(made.stdout);
    const close = async (): Promise<void> => {
      await fixtures.close();
      await rm(folder, { recursive: true, force: true });
    };
    return { folder, fixtures, project, stick, did: String(did), sourceArgs, close };
  } catch (error) {
    await fixtures.close();
    await rm(folder, { recursive: true, force: true });
    throw error;
  }
}

/** The `signed` event of a source's output. */
export function signedOf(stdout: string): Record<string, unknown> {
  const line = stdout.split('\n').find((text) => text.includes('"event":"signed"'));
  assert.ok(line, stdout);
  return JSON.parse(line) as Record<string, unknown>;
}

async function writeProject(project: string, { server }: Fixtures): Promise<string[]> {
  await mkdir(join(project, 'more'), { recursive: true });
  await mkdir(join(project, 'app'));
  const pageOf = async (name: string): Promise<string> =>
    await (await fetch(new URL(`${name}/`, server.pypiIndex))).text();
  const page = await pageOf('x-beta');
  const hash = /x_beta-1\.5-[^"]*#(sha256)=([0-9a-f]{64})/.exec(page);
  assert.ok(hash, page);
  const large = await pageOf('x-large');
  const address = /href="([^"]*x_large[^"]*)"/.exec(large)?.[1];
  assert.ok(address, large);
  const files = {
    // On the isolated machine this index is a dead host: the fixtures are not there.
    'requirements.txt': `--index-url ${server.pypiIndex}
# what the field needs
x-tool
x-gamma[all]>=0.9,<1 ; python_version >= "3"
x-large @ ${new URL(address, new URL('x-large/', server.pypiIndex)).href}
-r more/nested.txt
#x pkg:npm/x-fix-tool@^1
#x pkg:npm/x-fix-native
#x pkg:deb/debian/x-hello
#x pkg:deb/debian/x-large
`,
    'more/nested.txt': `x-native\n--extra-index-url ${server.pypiIndex}\n`,
    'hashed.txt': `--index-url ${server.pypiIndex}\nx-beta==1.5 --hash=${hash[1] ?? ''}:${hash[2] ?? ''}\n`,
    'app/package.json': JSON.stringify({
      name: 'app',
      version: '1.0.0',
      dependencies: { 'x-fix-diamond': '^1', '@x-fix/scoped': '^1', 'x-fix-large': '^1' },
      devDependencies: { 'x-fix-tool': '^1' },
    }),
  };
  for (const [path, text] of Object.entries(files)) await writeFile(join(project, path), text);
  const inputs = ['requirements.txt', 'hashed.txt'].map((file) => join(project, file));
  if (whyNoClient('npm') !== undefined) return inputs;
  const lock = await run('npm', ['install', '--package-lock-only', '--no-audit'], {
    cwd: join(project, 'app'),
    env: { npm_config_registry: server.npmRegistry, npm_config_cache: join(project, '.npm') },
  });
  assert.equal(lock.code, 0, lock.output);
  return [...inputs, join(project, 'app/package-lock.json')];
}

/** A shell command line that runs x on a data folder. */
export function xIn(data: string): (args: string) => string {
  return (args) => {
    const [command = '', ...rest] = args.split(' ');
    return `'${process.execPath}' '${RUN}' ${command} --data '${data}' ${rest.join(' ')}`;
  };
}

/** Runs a script where there is no network but loopback, in an environment without any proxy or index. */
export async function isolated(
  script: string,
  cwd: string,
  deadlineMs = DEADLINE_MS,
): Promise<Ran> {
  const env = Object.fromEntries(
    Object.keys(process.env)
      .filter((name) => /^(pip_|uv_|npm_config_|node_options|https?_proxy$|all_proxy$)/i.test(name))
      .map((name) => [name, undefined]),
  );
  return await withoutNetwork(`exec 2>&1\n${script}`, { cwd, env, deadlineMs });
}

/** Pulls the world's bundle from a living source into a data folder, over libp2p. */
export async function pullInto(world: World, data: string): Promise<void> {
  const source = new XProcess(world.sourceArgs, { env: world.fixtures.allEnv });
  try {
    const { invite } = await source.waitFor('serving', DEADLINE_MS);
    const args = ['client', '--master', String(invite), '--once', '--listen', '0', '--json'];
    const pulled = await x([...args, '--data', data], { deadlineMs: DEADLINE_MS });
    assert.equal(pulled.code, 0, pulled.stdout + pulled.stderr);
  } finally {
    await source.stop();
  }
}

/** A script that starts the resident client of a data folder, runs `inner` with $GATEWAY set, and stops it. */
export function besideResident(data: string, inner: string, port = 0): string {
  const log = `${data}/resident.log`;
  // Emptied before the client starts: the line of an earlier one must not be taken for this one's.
  return `
: >'${log}'
'${process.execPath}' '${RUN}' client --data '${data}' --port ${port} --listen 0 --json >'${log}' 2>&1 &
resident=$!
for i in $(seq 200); do grep -q '"serving"' '${log}' && break; sleep 0.1; done
GATEWAY=$(sed -n 's/.*"gateway":"\\([^"]*\\)".*/\\1/p' '${log}')
test -n "$GATEWAY" || { cat '${log}'; kill $resident; exit 1; }
trap 'kill $resident' EXIT
${inner}
trap - EXIT
kill $resident
wait $resident || true
`;
}
