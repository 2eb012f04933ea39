import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sha256 } from '../../src/domain/digest.js';

export interface CommandResult {
  code: number;
  output: string;
}

/** Runs a command to its end, both outputs in one text. */
export function run(
  command: string,
  args: readonly string[],
  env: Record<string, string> = {},
): Promise<CommandResult> {
  return new Promise((resolve) => {
    const options = {
      env: { ...process.env, LC_ALL: 'C', ...env },
      maxBuffer: 64 << 20,
      timeout: 120_000,
    };
    execFile(command, [...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, output: stdout + stderr });
    });
  });
}

/** Why apt cannot be asked here; false where it can. */
export async function whyNoApt(): Promise<string | false> {
  const { code } = await run('apt-get', ['--version']);
  return code === 0 ? false : 'apt-get is not installed';
}

/** An apt that shares nothing with the machine's but its sources and keyrings. */
export interface IsolatedApt extends AsyncDisposable {
  folder: string;
  env: Record<string, string>;
  /** SHA-256 of the InRelease files that its last update fetched. */
  releaseDigests(): Promise<string[]>;
  /** The names, versions and architectures of what apt would download. */
  printUris(names: readonly string[], options: readonly string[]): Promise<string[] | undefined>;
}

export async function isolatedApt(status: string): Promise<IsolatedApt> {
  const folder = await mkdtemp(join(tmpdir(), 'x-apt-'));
  await mkdir(join(folder, 'state/lists/partial'), { recursive: true });
  await mkdir(join(folder, 'cache/archives/partial'), { recursive: true });
  await writeFile(join(folder, 'status'), status, 'latin1');
  const configuration = [
    `Dir::State "${folder}/state";`,
    `Dir::State::status "${folder}/status";`,
    `Dir::Cache "${folder}/cache";`,
    'APT::Sandbox::User "root";',
  ];
  await writeFile(join(folder, 'apt.conf'), configuration.join('\n'));
  const env = { APT_CONFIG: join(folder, 'apt.conf') };
  return {
    folder,
    env,
    async releaseDigests() {
      const lists = join(folder, 'state/lists');
      const names = (await readdir(lists)).filter((name) => name.endsWith('InRelease'));
      return Promise.all(names.map(async (name) => sha256(await readFile(join(lists, name)))));
    },
    async printUris(names, options) {
      const args = ['install', '--print-uris', '-y', '-qq', ...options, ...names];
      const { code, output } = await run('apt-get', args, env);
      if (code !== 0) return undefined;
      return [...output.matchAll(/^'[^']*' (\S+) [0-9]+ /gm)]
        .map(([, file = '']) => decodeURIComponent(file))
        .sort();
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
