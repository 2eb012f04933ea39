import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemCodeOf } from '../../domain/errors.js';
import { ok, warning, type Finding } from './check.js';

const ANSWER_MS = 10_000;
const OUTPUT_CHARACTERS = 10_000;
const CLIENTS = ['pip', 'npm', 'pnpm', 'yarn', 'uv', 'poetry', 'apt-get'];

/** Which native clients are here, and of which version. */
export async function checkClients(): Promise<Finding> {
  const found = await Promise.all(
    CLIENTS.map(async (name) => {
      const version = await versionOf(name);
      return version === undefined ? [] : [`${name} ${version}`];
    }),
  );
  const names = found.flat();
  if (names.length > 0) return ok('clients', names.join(', '));
  return warning(
    'clients',
    `none of ${CLIENTS.join(', ')} is installed`,
    'Install the one that you need.',
  );
}

/** The first number of what `--version` prints; undefined where there is no such program. */
async function versionOf(program: string): Promise<string | undefined> {
  const text = await outputOf(program, ['--version']);
  return /[0-9]+(?:\.[0-9]+)+/.exec(text ?? '')?.[0];
}

/** What a program prints; undefined where there is none. */
export function outputOf(program: string, args: string[]): Promise<string | undefined> {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: ANSWER_MS,
    });
    let text = '';
    child.stdout.on(
      'data',
      (chunk: Buffer) => (text = (text + chunk.toString('utf8')).slice(0, OUTPUT_CHARACTERS)),
    );
    child.on('error', () => resolve(undefined));
    child.on('close', () => resolve(text));
  });
}

/** `x use` points clients at a gateway that has to run. */
export function checkUse(folder: string, gateway: string | undefined): Finding[] {
  const used = listed(join(folder, 'use')).flatMap((file) => /^(.*)\.json$/.exec(file)?.[1] ?? []);
  if (used.length === 0) return [];
  const names = used.join(', ');
  if (gateway !== undefined) return [ok('use', `x use is in force for ${names}`)];
  return [
    warning(
      'use',
      `x use is in force for ${names}, but no gateway runs here`,
      'Start `x client` (x service install client keeps it running), or take it back with x use … --undo.',
    ),
  ];
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return [];
    throw error;
  }
}
