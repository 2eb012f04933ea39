// npm's side against its peers: `npm run bench:npm [-- RUNS [planning|serving]]`, both parts where none is
// named; the serving part alone takes some minutes with one run. Needs npm, python3 and the registry that
// npm is configured with. In one run, on a project of more than a thousand packages: X resolves, fetches,
// proves and signs it, beside `npm ci` doing the same downloads; then `npm ci`, its cache empty, from X's
// gateway, from the registry itself and from verdaccio with all of it in its storage.
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const VERDACCIO = 'verdaccio@6';
const DEPENDENCIES = { 'react-scripts': '5.0.1', express: '^4.21.0', typescript: '^4.9.5' };
const FLAGS = ['--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
const START_MS = 60_000;

interface Measured {
  /** Wall clock. */
  seconds: number;
  /** Of the command and its children. */
  cpuSeconds: number;
  /** Processor time of who served it. */
  serverSeconds?: number;
}

/** Wall time and processor time of a command. */
function measure(command: string, args: readonly string[], cwd: string, env = {}): Measured {
  const script = `
import os, resource, sys, time
start = time.monotonic()
pid = os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print(time.monotonic() - start, usage.ru_utime + usage.ru_stime, os.waitstatus_to_exitcode(status), file=sys.stderr)
`;
  const { stderr } = spawnSync('python3', ['-c', script, command, ...args], {
    cwd,
    env: { ...process.env, ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const line = stderr.trim().split('\n').at(-1) ?? '';
  const [seconds = NaN, cpuSeconds = NaN, code = NaN] = line.split(' ').map(Number);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return { seconds, cpuSeconds };
}

/** `npm ci` of the project into a folder of its own. */
function npmCi(
  folder: string,
  name: string,
  cache: string,
  more: readonly string[] = [],
): Measured {
  const project = join(folder, name);
  rmSync(project, { recursive: true, force: true });
  mkdirSync(project);
  for (const file of ['package.json', 'package-lock.json']) {
    copyFileSync(join(folder, 'project', file), join(project, file));
  }
  const measured = measure(
    'npm',
    ['ci', ...FLAGS, `--cache=${join(folder, cache)}`, ...more],
    project,
  );
  rmSync(project, { recursive: true });
  return measured;
}

function npmCiFrom(folder: string, name: string, registry: string): Measured {
  rmSync(join(folder, `cache-${name}`), { recursive: true, force: true });
  const flags = [`--registry=${registry}`, '--replace-registry-host=always'];
  return npmCi(folder, name, `cache-${name}`, flags);
}

function xSource(folder: string, data: string): Measured {
  const lock = join(folder, 'project/package-lock.json');
  const args = ['source', '-r', lock, '--name', 'bench', '--once', '--data', join(folder, data)];
  return measure(process.execPath, [RUN, ...args], folder);
}

interface Server {
  child: ChildProcess;
  url: string;
}

/** Starts a server, and answers when it does. */
async function start(args: readonly string[], url: string, log: string): Promise<Server> {
  const output: string[] = [];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => output.push(chunk.toString()));
  }
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline && child.exitCode === null) {
    try {
      const answer = await fetch(`${url}-/ping`);
      await answer.arrayBuffer();
      if (answer.ok) return { child, url };
    } catch {
      // Not listening yet.
    }
    await sleep(100);
  }
  child.kill();
  throw new Error(`${log} did not start:\n${output.join('').slice(-2_000)}`);
}

/** Processor seconds that a process has used (proc(5)). */
function cpuOf({ child }: Server): number {
  const stat = readFileSync(`/proc/${String(child.pid)}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function startVerdaccio(folder: string, registry: string): Promise<Server> {
  const home = join(folder, 'verdaccio-home');
  mkdirSync(home);
  // It asks for a version of node-fetch by a tag that not every mirror keeps.
  const manifest = { private: true, overrides: { 'node-fetch': '2.6.13' } };
  writeFileSync(join(home, 'package.json'), JSON.stringify(manifest));
  execFileSync('npm', ['install', ...FLAGS, VERDACCIO], { cwd: home, stdio: 'inherit' });
  writeFileSync(
    join(home, 'config.yaml'),
    `storage: ${join(home, 'storage')}
uplinks: { upstream: { url: '${registry}', timeout: 60s, max_fails: 100, maxage: 24h } }
packages: { '**': { access: $all, proxy: upstream } }
log: { type: stdout, level: error }
`,
  );
  const bin = join(home, 'node_modules/verdaccio/bin/verdaccio');
  const args = [bin, '--config', join(home, 'config.yaml'), '--listen', '127.0.0.1:4873'];
  return start(args, 'http://127.0.0.1:4873/', 'verdaccio');
}

async function startGateway(folder: string, data: string): Promise<Server> {
  const child = fileURLToPath(new URL('../test/clients/gateway-child.js', import.meta.url));
  return start([child, join(folder, data), '8479'], 'http://127.0.0.1:8479/npm/', 'the gateway');
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? NaN;
  const half = sorted.length / 2;
  return Number.isInteger(half) ? (at(half - 1) + at(half)) / 2 : at(Math.floor(half));
}

function report(title: string, runs: readonly Measured[]): void {
  const seconds = median(runs.map((run) => run.seconds)).toFixed(1);
  const cpu = median(runs.map((run) => run.cpuSeconds)).toFixed(1);
  const server = runs.flatMap(({ serverSeconds }) => serverSeconds ?? []);
  const own = server.length === 0 ? '' : `, the server ${median(server).toFixed(2)} s of CPU`;
  const all = runs.map((run) => run.seconds.toFixed(1)).join(' ');
  process.stdout.write(`${title}: ${seconds} s (CPU ${cpu} s${own}); ${all}\n`);
}

/** `npm ci` from a server, its cache empty, with the processor time that the server takes. */
function npmCiOf(folder: string, name: string, server: Server): Measured {
  const before = cpuOf(server);
  const measured = npmCiFrom(folder, name, server.url);
  return { ...measured, serverSeconds: cpuOf(server) - before };
}

/** Every one in turn, so that what else the machine does falls on all alike; medians are printed. */
function compare(runs: number, contestants: Record<string, (at: number) => Measured>): void {
  const measured = new Map<string, Measured[]>();
  for (let at = 0; at < runs; at += 1) {
    for (const [title, run] of Object.entries(contestants)) {
      measured.set(title, [...(measured.get(title) ?? []), run(at)]);
    }
  }
  for (const [title, all] of measured) report(title, all);
}

const PARTS = ['planning', 'serving'] as const;
type Part = (typeof PARTS)[number];

function writeProject(folder: string): void {
  const project = join(folder, 'project');
  mkdirSync(project);
  writeFileSync(
    join(project, 'package.json'),
    JSON.stringify({ name: 'bench', version: '1.0.0', dependencies: DEPENDENCIES }),
  );
  execFileSync('npm', ['install', '--package-lock-only', ...FLAGS], { cwd: project });
  const lock = readFileSync(join(project, 'package-lock.json'), 'utf8');
  process.stdout.write(`${(lock.match(/"node_modules\//g) ?? []).length} packages\n`);
}

function comparePlanning(folder: string, runs: number): void {
  compare(runs, {
    'npm ci, cache empty': (at) => npmCi(folder, 'npm', `npm-cache-${at}`),
    'x source, data empty': (at) => xSource(folder, `data-${at}`),
  });
  compare(runs, {
    'npm ci again': () => npmCi(folder, 'npm', 'npm-cache-0'),
    'x source again': () => xSource(folder, 'data-0'),
  });
}

async function compareServing(folder: string, runs: number): Promise<void> {
  const servers: Server[] = [];
  try {
    const registry = execFileSync('npm', ['config', 'get', 'registry'], {
      encoding: 'utf8',
    }).trim();
    const gateway = await startGateway(folder, 'data-0');
    servers.push(gateway);
    const verdaccio = await startVerdaccio(folder, registry);
    servers.push(verdaccio);
    // Verdaccio fetches everything first.
    npmCiFrom(folder, 'verdaccio', verdaccio.url);
    compare(runs, {
      'npm ci from x': () => npmCiOf(folder, 'x', gateway),
      'npm ci from the registry': () => npmCiFrom(folder, 'registry', registry),
      'npm ci from verdaccio': () => npmCiOf(folder, 'verdaccio', verdaccio),
    });
  } finally {
    for (const { child } of servers) child.kill();
  }
}

async function main(runs: number, parts: readonly Part[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'x-bench-npm-'));
  try {
    writeProject(folder);
    if (parts.includes('planning')) comparePlanning(folder, runs);
    // The bundle that is served.
    else xSource(folder, 'data-0');
    if (parts.includes('serving')) await compareServing(folder, runs);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const asked = process.argv[3];
const parts = PARTS.filter((part) => asked === undefined || part === asked);
if (parts.length === 0) throw new Error(`no part "${asked}": ${PARTS.join(' or ')}`);
await main(Number(process.argv[2] ?? 3), parts);
