import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { delimiter, sep } from 'node:path';
import { promisify } from 'node:util';
import { canonicalArch, type Target, type TargetOs } from '../domain/target.js';

const run = promisify(execFile);
const ASK_TIMEOUT_MS = 10_000;

const OS_OF_PLATFORM: Partial<Record<NodeJS.Platform, TargetOs>> = {
  linux: 'linux',
  darwin: 'macos',
  win32: 'windows',
};

/**
 * The target that this host is: its system and C library, and the Python, Node and Debian release
 * that are found on it. What is not found is left out.
 */
export async function detectHostTarget(env: NodeJS.ProcessEnv = process.env): Promise<Target> {
  const target: Target = {
    os: OS_OF_PLATFORM[process.platform] ?? 'linux',
    arch: canonicalArch(process.arch),
  };
  const path = pathWithoutOwnModules(env['PATH'] ?? '');
  const asked = Promise.all([
    askPython({ ...env, PATH: path }),
    ask('node', ['--version'], { ...env, PATH: path }),
    target.os === 'linux' ? debianCodename() : undefined,
  ]);
  if (target.os === 'linux') {
    const glibc = glibcVersion();
    target.libc =
      glibc === undefined
        ? { family: 'musl', version: (await muslVersion(env)) ?? '1.2' }
        : { family: 'glibc', version: glibc };
  }
  const [python, node, debian] = await asked;
  if (target.os === 'macos') {
    const version = await ask('sw_vers', ['-productVersion'], env);
    if (version !== undefined && /^[0-9][0-9.]*$/.test(version)) target.osVersion = version;
  }
  if (python !== undefined) target.python = python;
  const nodeVersion = /^v([0-9]+\.[0-9]+\.[0-9]+)$/.exec(node ?? '')?.[1];
  if (nodeVersion !== undefined) target.node = nodeVersion;
  if (debian !== undefined) target.debian = debian;
  return target;
}

/** A run through npm puts this project's own Node first on PATH; the host's is the one packages will meet. */
function pathWithoutOwnModules(path: string): string {
  return path
    .split(delimiter)
    .filter((folder) => !folder.split(sep).includes('node_modules'))
    .join(delimiter);
}

async function ask(
  command: string,
  args: string[],
  env: NodeJS.ProcessEnv,
): Promise<string | undefined> {
  try {
    const { stdout } = await run(command, args, {
      env,
      timeout: ASK_TIMEOUT_MS,
      windowsHide: true,
    });
    return stdout.trim();
  } catch {
    // Not installed, or too broken to say its version: then packages for it cannot be for this host.
    return undefined;
  }
}

async function askPython(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const script =
    'import platform,sysconfig;' +
    'print(("pypy" if platform.python_implementation()=="PyPy" else "")+platform.python_version().rstrip("+")' +
    '+("t" if sysconfig.get_config_var("Py_GIL_DISABLED") else ""))';
  const answer =
    (await ask('python3', ['-I', '-c', script], env)) ??
    (await ask('python', ['-I', '-c', script], env));
  const version = /^(?:pypy)?3\.[0-9]+\.[0-9]+/.exec(answer ?? '')?.[0];
  if (version === undefined) return undefined;
  return answer?.endsWith('t') === true ? `${version}t` : version;
}

/** Node's own report names the C library that this process runs on; the report is an object of no fixed type. */
function glibcVersion(): string | undefined {
  // Else it looks up the names of every open connection.
  Object.assign(process.report, { excludeNetwork: true });
  const report = process.report.getReport() as unknown;
  if (typeof report !== 'object' || report === null || !('header' in report)) return undefined;
  const header = report.header as Record<string, unknown>;
  const version = header['glibcVersionRuntime'];
  return typeof version === 'string' && /^[0-9]+\.[0-9]+$/.test(version) ? version : undefined;
}

async function muslVersion(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const text = await ask('ldd', ['--version'], env);
  return /Version ([0-9]+\.[0-9]+)/.exec(text ?? '')?.[1];
}

async function debianCodename(): Promise<string | undefined> {
  let text: string;
  try {
    text = await readFile('/etc/os-release', 'utf8');
  } catch {
    // No os-release: not a Debian.
    return undefined;
  }
  const field = (key: string): string =>
    new RegExp(`^${key}="?([^"\n]*)"?$`, 'm').exec(text)?.[1] ?? '';
  const family = `${field('ID')} ${field('ID_LIKE')}`.split(/\s+/);
  if (!family.includes('debian')) return undefined;
  return /^[a-z][a-z0-9-]*$/.test(field('VERSION_CODENAME'))
    ? field('VERSION_CODENAME')
    : undefined;
}
