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
      timeout: 300_000,
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

export interface AptSetup {
  /** dpkg's status, one character a byte. */
  status: string;
  /** One-line sources, instead of the machine's own. */
  sources?: string | undefined;
  /** dpkg's architectures, its own first. */
  architectures?: readonly string[] | undefined;
  /** The root folder of the system whose apt is asked; the machine's own apt without it. */
  root?: string | undefined;
}

/** An apt that shares nothing with the machine's but its sources (unless others are given) and keyrings. */
export interface IsolatedApt extends AsyncDisposable {
  /** As the machine sees it, and as apt does: they differ below another root. */
  folder: string;
  folderInside: string;
  apt(args: readonly string[]): Promise<CommandResult>;
  /** SHA-256 of the InRelease files that its last update fetched. */
  releaseDigests(): Promise<string[]>;
  /** `name_version_architecture.deb` of what apt would download; undefined where it refuses. */
  printUris(names: readonly string[], options: readonly string[]): Promise<string[] | undefined>;
}

export async function isolatedApt(setup: AptSetup): Promise<IsolatedApt> {
  const { root, architectures, sources } = setup;
  const parent = root === undefined ? tmpdir() : join(root, 'tmp');
  const folder = await mkdtemp(join(parent, 'x-apt-'));
  const inside = root === undefined ? folder : folder.slice(root.length);
  await mkdir(join(folder, 'state/lists/partial'), { recursive: true });
  await mkdir(join(folder, 'cache/archives/partial'), { recursive: true });
  await writeFile(join(folder, 'status'), setup.status, 'latin1');
  const configuration = [
    `Dir::State "${inside}/state";`,
    `Dir::State::status "${inside}/status";`,
    `Dir::Cache "${inside}/cache";`,
    'APT::Sandbox::User "root";',
  ];
  if (architectures !== undefined) {
    const names = architectures.map((name) => `"${name}";`).join(' ');
    configuration.push(`APT::Architectures { ${names} };`);
  }
  if (sources !== undefined) {
    await writeFile(join(folder, 'sources.list'), sources);
    configuration.push(
      `Dir::Etc::sourcelist "${inside}/sources.list";`,
      'Dir::Etc::sourceparts "/dev/null";',
      'Dir::Etc::preferences "/dev/null";',
      'Dir::Etc::preferencesparts "/dev/null";',
      'Dir::Etc::main "/dev/null";',
    );
  }
  await writeFile(join(folder, 'apt.conf'), configuration.join('\n'));
  const apt: IsolatedApt['apt'] = (args) => {
    const env = { APT_CONFIG: `${inside}/apt.conf` };
    return root === undefined
      ? run('apt-get', args, env)
      : run('chroot', [root, '/usr/bin/apt-get', ...args], { ...env, PATH: '/usr/sbin:/usr/bin' });
  };
  return {
    folder,
    folderInside: inside,
    apt,
    async releaseDigests() {
      const lists = join(folder, 'state/lists');
      const names = (await readdir(lists)).filter((name) => name.endsWith('InRelease'));
      return Promise.all(names.map(async (name) => sha256(await readFile(join(lists, name)))));
    },
    async printUris(names, options) {
      const command = names.length === 0 ? ['dist-upgrade'] : ['install', ...names];
      const args = [...command, '--print-uris', '-y', '-qq', ...options];
      const { code, output } = await apt(args);
      if (code !== 0) return undefined;
      return [...output.matchAll(/^'[^']*' (\S+) [0-9]+ /gm)]
        .map(([, file = '']) => decodeURIComponent(file))
        .sort();
    },
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}
