import { spawn } from 'node:child_process';
import { access, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Settings } from '../config/settings.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { Printer } from './printer.js';
import { unitText, type ServiceRole } from './service-unit.js';

export interface ServiceInput {
  settings: Settings & { folder: string };
  printer: Printer;
  action: 'show' | 'install' | 'uninstall';
  role: ServiceRole;
  /** The arguments of `x source` or `x client`. */
  args: string[];
}

const RUN = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));
const MARK = '# Written by x service install';

/** `x service`: a systemd unit that keeps a source or client running; root's for the machine, a user's own otherwise. */
export async function runService(input: ServiceInput): Promise<void> {
  const { printer, action, role } = input;
  const isRoot = process.getuid?.() === 0;
  const name = `x-${role}.service`;
  const path = isRoot
    ? join('/etc/systemd/system', name)
    : join(process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config'), 'systemd/user', name);
  const systemctl = ['systemctl', ...(isRoot ? [] : ['--user'])];
  if (action === 'uninstall') {
    await uninstall(printer, systemctl, name, path);
    return;
  }
  const text = `${MARK}\n${unitText({
    role,
    node: process.execPath,
    run: RUN,
    folder: input.settings.folder,
    cwd: process.cwd(),
    args: input.args,
    user: isRoot ? undefined : userInfo().username,
  })}`;
  if (action === 'show') {
    printer.document({ path, text }, text.trimEnd().split('\n'));
    return;
  }
  await requireOurs(path);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text, { mode: 0o644 });
  const outcome = await started(systemctl, name);
  printer.document({ path, started: outcome === 'started' }, [
    `written: ${path}`,
    ...saidOf(outcome, { systemctl, name, isRoot }),
    `Take it back with: x service uninstall ${role}`,
  ]);
}

async function uninstall(
  printer: Printer,
  systemctl: readonly string[],
  name: string,
  path: string,
): Promise<void> {
  if ((await requireOurs(path)) === undefined) {
    throw new XError('USAGE', `${name} is not installed here`, { hint: `There is no ${path}.` });
  }
  const runs = await hasSystemd();
  if (runs) await run([...systemctl, 'disable', '--now', name]);
  await rm(path, { force: true });
  if (runs) await run([...systemctl, 'daemon-reload']);
  printer.document({ removed: path }, [`removed: ${path}`]);
}

/** @throws XError USAGE where somebody else wrote the file. */
async function requireOurs(path: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, 'utf8');
    if (text.startsWith(MARK)) return text;
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw new XError('IO_FAILED', `${path}: ${messageOf(error)}`, { cause: error });
  }
  throw new XError('USAGE', `${path} is not x's own`, {
    hint: 'Move it away first: it is not overwritten.',
  });
}

type Outcome = 'started' | 'refused' | 'no-systemd';

function saidOf(
  outcome: Outcome,
  { systemctl, name, isRoot }: { systemctl: readonly string[]; name: string; isRoot: boolean },
): string[] {
  const journal = `journalctl ${isRoot ? '' : '--user '}-u ${name}`;
  const enable = `${systemctl.join(' ')} enable --now ${name}`;
  switch (outcome) {
    case 'no-systemd':
      return [`systemd does not run here; where it does: ${enable}`];
    case 'refused':
      return [`systemd did not start it; what it says: ${journal}; again: ${enable}`];
    case 'started':
      return isRoot
        ? [`${name} runs now and after every start of the machine; its output: ${journal}`]
        : [
            `${name} runs now and after every login; its output: ${journal}`,
            `To run without a login: loginctl enable-linger ${userInfo().username}`,
          ];
  }
}

async function started(systemctl: readonly string[], name: string): Promise<Outcome> {
  if (!(await hasSystemd())) return 'no-systemd';
  const reloaded = await run([...systemctl, 'daemon-reload']);
  return reloaded && (await run([...systemctl, 'enable', '--now', name])) ? 'started' : 'refused';
}

function run([program = '', ...args]: readonly string[]): Promise<boolean> {
  return new Promise((resolve) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
    child.on('error', () => resolve(false));
    child.on('close', (code) => resolve(code === 0));
  });
}

/** systemd.io/BOOT: the folder is there where systemd is the init system. */
async function hasSystemd(): Promise<boolean> {
  try {
    await access('/run/systemd/system');
    return true;
  } catch {
    return false;
  }
}
