// Python plans against pip's own: `npm run bench:pypi -- [RUNS]`. Needs pip, and an index that it is
// configured with. X and pip take turns on the same index with warm caches, whole processes, start-up
// and all; then both on indexes made to lead resolvers astray.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readPipConfiguration } from '../../src/upstream/pypi-settings.js';
import { newestPip, openPlanner, ownTarget, pipReport, PIP } from '../../test/clients/pypi-pip.js';
import { writeIndex } from '../../test/clients/pypi-random.js';
import { STACK } from '../../test/clients/pypi-sets.js';
import { PATHOLOGICAL } from './scenarios.js';

const RUN = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));
/** pip is given up on after so long. */
const PIP_LIMIT_SECONDS = 60;

interface Measured {
  wallSeconds: number;
  cpuSeconds: number;
  code: number;
}

const WAIT = `
import os, resource, signal, sys, time
start = time.monotonic()
pid = os.spawnvp(os.P_NOWAIT, sys.argv[2], sys.argv[2:])
signal.signal(signal.SIGALRM, lambda *given: os.kill(pid, signal.SIGKILL))
signal.alarm(int(sys.argv[1]))
_, status, usage = os.wait4(pid, 0)
print(time.monotonic() - start, usage.ru_utime + usage.ru_stime, os.waitstatus_to_exitcode(status), file=sys.stderr)
`;

function measure(command: readonly string[], env: NodeJS.ProcessEnv, limit = 600): Measured {
  const { stderr } = spawnSync('python3', ['-c', WAIT, String(limit), ...command], {
    env,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
  });
  const [wallSeconds = NaN, cpuSeconds = NaN, code = NaN] = (stderr.trim().split('\n').at(-1) ?? '')
    .split(' ')
    .map(Number);
  return { wallSeconds, cpuSeconds, code };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? NaN;
}

function ofMedians(list: readonly Measured[]): Measured {
  return {
    wallSeconds: median(list.map(({ wallSeconds }) => wallSeconds)),
    cpuSeconds: median(list.map(({ cpuSeconds }) => cpuSeconds)),
    code: list[0]?.code ?? NaN,
  };
}

function isOnDisk(url: string): boolean {
  return url.startsWith('file:');
}

function shown({ wallSeconds, cpuSeconds, code }: Measured): string {
  const ended = code === 0 ? '' : code < 0 ? ' (given up)' : ' (no answer)';
  return `${wallSeconds.toFixed(2).padStart(7)} s, ${cpuSeconds.toFixed(2).padStart(7)} s CPU${ended}`;
}

const runs = Number(process.argv[2] ?? 3);
const folder = mkdtempSync(join(tmpdir(), 'x-bench-pypi-'));
const planner = await openPlanner();
try {
  const probe = await pipReport(['six']);
  if (probe === undefined) throw new Error('pip finds no six: it is configured with no index');
  const pip = (await newestPip(planner, await ownTarget(probe))) ?? PIP;
  const dryRun = ['install', '--dry-run', '--ignore-installed', '--quiet', '--retries', '0', '-r'];
  const data = join(folder, 'data');
  const runX = (list: string, env: NodeJS.ProcessEnv): Measured =>
    measure(
      [
        process.execPath,
        RUN,
        'source',
        '-r',
        list,
        '--dry-run',
        '--quiet',
        '--json',
        '--data',
        data,
      ],
      env,
    );
  const runPip = (list: string, env: NodeJS.ProcessEnv, limit?: number): Measured =>
    measure([pip.command, ...pip.args, ...dryRun, list], env, limit);

  const stack = join(folder, 'stack.txt');
  writeFileSync(stack, STACK.replaceAll(' ', '\n'));
  const inTurn = (title: string, env: NodeJS.ProcessEnv): void => {
    runX(stack, env);
    runPip(stack, env);
    const ours: Measured[] = [];
    const theirs: Measured[] = [];
    for (let run = 0; run < runs; run++) {
      ours.push(runX(stack, env));
      theirs.push(runPip(stack, env));
    }
    const [x, other] = [ofMedians(ours), ofMedians(theirs)];
    console.log(`a hundred packages, ${title}, medians of ${runs} runs, warm`);
    console.log(`  x source --dry-run                     ${shown(x)}`);
    console.log(`  ${pip.title} install --dry-run`.padEnd(41) + shown(other));
    console.log(
      `  x is ${(other.wallSeconds / x.wallSeconds).toFixed(1)} times as fast, ${(other.cpuSeconds / x.cpuSeconds).toFixed(1)} times in CPU`,
    );
  };
  inTurn('as pip is configured', process.env);
  // An index that does not answer costs pip a look-up for each name, and would be measured instead.
  const { settings } = await readPipConfiguration({ env: process.env, home: homedir() });
  const [first, ...rest] = settings.indexes.map(({ url }) => url).filter(isOnDisk);
  if (first !== undefined) {
    const own = { PIP_INDEX_URL: first, PIP_EXTRA_INDEX_URL: rest.join(' ') };
    inTurn('from the indexes on this disk alone', { ...process.env, ...own });
  }

  console.log('made to lead astray');
  for (const [title, made] of Object.entries(PATHOLOGICAL)) {
    const own = mkdtempSync(join(folder, 'made-'));
    const { indexUrl, requirements } = await writeIndex(made, own);
    const env = { ...process.env, PIP_CONFIG_FILE: '/dev/null', PIP_INDEX_URL: indexUrl };
    const asked = made.roots.join('\n');
    const planning = await openPlanner({ PIP_CONFIG_FILE: '/dev/null', PIP_INDEX_URL: indexUrl });
    const start = performance.now();
    await planning.plan(asked, [await ownTarget(probe)]).catch(() => undefined);
    const inProcess = ((performance.now() - start) / 1000).toFixed(2);
    await planning.upstream.close();
    console.log(`  ${title}`);
    console.log(`    x, resolving alone    ${inProcess.padStart(7)} s`);
    console.log(`    x, the whole command  ${shown(runX(requirements, env))}`);
    console.log(
      `    ${pip.title.padEnd(22)}${shown(runPip(requirements, env, PIP_LIMIT_SECONDS))}`,
    );
  }
} finally {
  await planner.upstream.close();
  rmSync(folder, { recursive: true, force: true });
}
