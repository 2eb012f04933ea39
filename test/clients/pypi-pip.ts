import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { homedir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { XError } from '../../src/domain/errors.js';
import type { EcosystemPlan } from '../../src/domain/plan.js';
import { parseTarget } from '../../src/domain/target.js';
import type { PypiChoices } from '../../src/ecosystems/pypi/choices.js';
import type { PypiRequirements } from '../../src/ecosystems/pypi/input.js';
import { createPypiSource } from '../../src/ecosystems/pypi/source.js';
import type { EcosystemSource } from '../../src/ports/ecosystem.js';
import { createUpstream, type OpenUpstream } from '../../src/upstream/open-upstream.js';
import { listFolder, readPipConfiguration } from '../../src/upstream/pypi-settings.js';

const run = promisify(execFile);

/** A real pip: the command, and the arguments that start it. */
export interface Pip {
  title: string;
  command: string;
  args: readonly string[];
}

export const PIP: Pip = { title: 'pip', command: 'pip', args: [] };

/** What `pip install --report` prints, as far as it is compared. */
export interface Report {
  install: { download_info: { url: string }; metadata: { name: string; version: string } }[];
  environment: { python_full_version: string; platform_machine: string };
}

type Env = Readonly<Record<string, string | undefined>>;

const DRY_RUN = ['install', '--dry-run', '--ignore-installed', '--quiet', '--retries', '0'];

/** What pip would install; undefined where it finds nothing that fits. */
export async function pipReport(
  asked: readonly string[],
  {
    pip = PIP,
    env = process.env,
    args = [],
  }: { pip?: Pip; env?: Env; args?: readonly string[] } = {},
): Promise<Report | undefined> {
  try {
    const all = [...pip.args, ...DRY_RUN, ...args, '--report', '-', ...asked];
    const { stdout } = await run(pip.command, all, {
      env: { ...env },
      maxBuffer: 256 << 20,
      timeout: 600_000,
    });
    return JSON.parse(stdout) as Report;
  } catch (thrown) {
    if (/ResolutionImpossible|No matching distribution|conflicting/.test(String(thrown)))
      return undefined;
    throw thrown;
  }
}

/** The file names of a report, sorted. */
export function filesOf(report: Report): string[] {
  return report.install
    .map(({ download_info: { url } }) => decodeURIComponent(url.slice(url.lastIndexOf('/') + 1)))
    .sort();
}

/** The target that a pip stands on, as X writes it. */
export async function ownTarget({ environment }: Report): Promise<string> {
  const { stdout } = await run('getconf', ['GNU_LIBC_VERSION']);
  const libc = stdout.trim().replace(' ', '');
  return `linux/${environment.platform_machine}/${libc},python=${environment.python_full_version}`;
}

export interface Planner {
  /** @throws XError. */
  plan(text: string, targets: readonly string[]): Promise<EcosystemPlan>;
  upstream: OpenUpstream;
  source: EcosystemSource<PypiRequirements>;
}

/** X's own answer, over pip's configuration as an environment gives it. */
export async function openPlanner(
  env: Env = process.env,
  choices: Partial<PypiChoices> = {},
): Promise<Planner> {
  const configuration = await readPipConfiguration({ env, home: homedir() });
  const upstream = createUpstream({
    clock: {
      now: () => new Date(),
      monotonicMs: () => performance.now(),
      sleep: (ms) => new Promise((done) => setTimeout(done, ms)),
    },
    random: {
      bytes: (length) => randomBytes(length),
      integer: (below) => Math.floor(Math.random() * below),
    },
    credentialsFor: configuration.credentialsFor,
  });
  const { settings, credentials } = configuration;
  const source = createPypiSource({ upstream, settings, credentials, choices, listFolder, env });
  const plan = async (text: string, targets: readonly string[]): Promise<EcosystemPlan> => {
    const file = { path: 'requirements.txt', text };
    const read = await source.read(file, () => Promise.reject(new Error('nothing is nested')));
    return source.plan({
      requirements: [read.requirements],
      purls: read.purls,
      targets: targets.map(parseTarget),
      now: new Date(),
      report: () => undefined,
    });
  };
  return { plan, upstream, source };
}

/** Whether a failure says that nothing fits, and not that something broke. */
export function isUnsatisfiable(thrown: unknown): thrown is XError {
  // Where an index is down, pip calls it "no matching distribution".
  return (
    thrown instanceof XError && (thrown.exitCode === 4 || thrown.code === 'UPSTREAM_UNREACHABLE')
  );
}

/** Whether X declines because only a build would tell what an sdist needs. */
export function mustBuild(failure: XError): boolean {
  return failure.code === 'NO_ARTIFACT' && /must be built/.test(failure.hint ?? '');
}

/**
 * The newest pip that the configured indexes have, run out of its wheel: a wheel is a zip that Python
 * runs. Undefined where they have none on this disk.
 */
export async function newestPip(planner: Planner, target: string): Promise<Pip | undefined> {
  try {
    const { artifacts } = await planner.plan('pip\n', [target]);
    const wheel = artifacts.find(({ name, url }) => name === 'pip' && url.startsWith('file:'));
    if (wheel === undefined) return undefined;
    return {
      title: `pip ${wheel.version}`,
      command: 'python3',
      args: [`${fileURLToPath(wheel.url)}/pip`],
    };
  } catch (thrown) {
    if (isUnsatisfiable(thrown)) return undefined;
    throw thrown;
  }
}
