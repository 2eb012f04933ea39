// Debian plans against apt's own: `npm run build && node dist/bench/debian.js [RUNS]`. Needs apt and
// its sources. Each run: X from an empty data folder, X again with it, and an isolated apt from
// nothing; then X with two architectures of all components, for its memory.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const RUN = fileURLToPath(new URL('../../bin/run.js', import.meta.url));
const NAMES = (
  'nginx postgresql git vim curl build-essential python3-numpy python3-pip nodejs openssh-server ' +
  'rsync tmux htop jq wget apache2 redis-server php imagemagick ffmpeg golang default-jdk maven ' +
  'cmake gdb strace tcpdump nmap haproxy fail2ban'
).split(' ');
const COMPONENTS = 'main,contrib,non-free-firmware';

interface Measured {
  seconds: number;
  peakMB: number;
}

/** Wall time and peak memory of a command, by GNU time's own count where it is there. */
function measure(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Measured {
  const script = `
import os, resource, sys, time
start = time.monotonic()
pid = os.spawnvp(os.P_NOWAIT, sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(pid, 0)
print(time.monotonic() - start, usage.ru_maxrss, os.waitstatus_to_exitcode(status), file=sys.stderr)
`;
  const { stderr } = spawnSync('python3', ['-c', script, command, ...args], {
    env: { ...process.env, LC_ALL: 'C', ...env },
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const line = stderr.trim().split('\n').at(-1) ?? '';
  const [seconds = NaN, peakKB = NaN, code = NaN] = line.split(' ').map(Number);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr}`);
  return { seconds, peakMB: peakKB / 1024 };
}

function runX(folder: string, list: string, ...more: string[]): Measured {
  const args = [
    'source',
    '-r',
    list,
    '--dry-run',
    '--quiet',
    '--data',
    join(folder, 'data'),
    ...more,
  ];
  return measure(process.execPath, [RUN, ...args, '--debian-component', COMPONENTS]);
}

/** `apt-get update`, then what it would download, sharing nothing with this machine's apt but sources. */
function runApt(folder: string, status: string): { update: Measured; plan: Measured } {
  const own = join(folder, 'apt');
  mkdirSync(join(own, 'state/lists/partial'), { recursive: true });
  mkdirSync(join(own, 'cache/archives/partial'), { recursive: true });
  writeFileSync(join(own, 'status'), status, 'latin1');
  writeFileSync(
    join(own, 'sources.list'),
    sourcesOfMachine().replace(/ main$/gm, ` ${COMPONENTS.replaceAll(',', ' ')}`),
  );
  writeFileSync(
    join(own, 'apt.conf'),
    `Dir::State "${own}/state"; Dir::State::status "${own}/status"; Dir::Cache "${own}/cache";
Dir::Etc::sourcelist "${own}/sources.list"; Dir::Etc::sourceparts "/dev/null";
Dir::Etc::main "/dev/null"; APT::Sandbox::User "root"; Acquire::Languages "none";\n`,
  );
  const env = { APT_CONFIG: join(own, 'apt.conf') };
  const update = measure('apt-get', ['update', '-qq'], env);
  const plan = measure('apt-get', ['install', '--print-uris', '-y', '-qq', ...NAMES], env);
  return { update, plan };
}

/** The machine's sources, one line each. */
function sourcesOfMachine(): string {
  const script = fileURLToPath(new URL('./debian-sources.js', import.meta.url));
  return execFileSync(process.execPath, [script], { encoding: 'utf8' });
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

const runs = Number(process.argv[2] ?? 3);
const folder = mkdtempSync(join(tmpdir(), 'x-bench-debian-'));
try {
  const list = join(folder, 'thirty.apt');
  writeFileSync(list, NAMES.map((name) => `${name}\n`).join(''));
  const two = join(folder, 'two.apt');
  writeFileSync(two, `${readFileSync(list, 'utf8')}hello:arm64\n`);
  const rows: Record<string, Measured[]> = {
    cold: [],
    warm: [],
    update: [],
    plan: [],
    two: [],
    again: [],
  };
  for (let run = 0; run < runs; run += 1) {
    rmSync(join(folder, 'data'), { recursive: true, force: true });
    rmSync(join(folder, 'apt'), { recursive: true, force: true });
    const apt = runApt(folder, '');
    rows['update']?.push(apt.update);
    rows['plan']?.push(apt.plan);
    rows['cold']?.push(runX(folder, list, '--debian-base', 'none'));
    rows['warm']?.push(runX(folder, list, '--debian-base', 'none'));
    rmSync(join(folder, 'data'), { recursive: true, force: true });
    rows['two']?.push(runX(folder, two));
    rows['again']?.push(runX(folder, two));
  }
  const line = (label: string, key: string): string => {
    const list = rows[key] ?? [];
    const seconds = median(list.map((one) => one.seconds)).toFixed(2);
    const peak = Math.max(...list.map((one) => one.peakMB)).toFixed(0);
    return `${label.padEnd(46)} ${seconds.padStart(7)} s ${peak.padStart(6)} MB`;
  };
  const total = (keys: string[]): number =>
    keys.reduce((sum, key) => sum + median((rows[key] ?? []).map(({ seconds }) => seconds)), 0);
  console.log(`medians of ${runs} runs, 30 packages asked for, ${COMPONENTS}`);
  console.log(line('apt-get update', 'update'));
  console.log(line('apt-get install --print-uris', 'plan'));
  console.log(line('x source --dry-run, cold', 'cold'));
  console.log(line('x source --dry-run, warm', 'warm'));
  console.log(line('x, two architectures, cold', 'two'));
  console.log(line('x, two architectures, warm', 'again'));
  console.log(
    `cold, as a part of apt's: ${(total(['cold']) / total(['update', 'plan'])).toFixed(2)}`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
