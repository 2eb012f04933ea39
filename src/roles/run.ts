import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Settings } from '../config/settings.js';
import { systemCodeOf, XError } from '../domain/errors.js';
import type { ClientSettings, EcosystemServer } from '../ports/ecosystem.js';
import { createServers } from './ecosystem-servers.js';
import { createHeldView, nobodyToAsk } from './held-view.js';
import { openData, type DataFolder } from './open-data.js';
import type { Printer } from './printer.js';
import { startGateway } from './start-gateway.js';
import { residentGateway } from './resident.js';

export interface RunInput {
  settings: Settings & { folder: string };
  printer: Printer;
  /** The native command and its arguments. */
  command: string[];
}

/**
 * Runs a native client against what is held here: through the gateway of a resident client, or one
 * of its own on a free loopback port for as long as the command lasts.
 * @returns the command's exit code; 128 and the signal's number where a signal ended it.
 */
export async function runNative(input: RunInput): Promise<number> {
  const [program, ...args] = input.command;
  if (program === undefined) {
    throw new XError('USAGE', 'no command to run', {
      hint: 'Write it after two dashes: x run -- pip install requests.',
    });
  }
  const servers = createServers();
  const server = serverFor(servers, program, args);
  const data = await openData(input.settings.folder, (message) =>
    input.printer.report({ event: 'warning', message }),
  );
  const folder = await mkdtemp(join(tmpdir(), 'x-run-'));
  try {
    const { url, close } = await gatewayFor(input, data, servers);
    try {
      const view = createHeldView(data.catalog, data.store, nobodyToAsk);
      const bundles = data.catalog.bundles();
      if (bundles.length === 0) {
        throw new XError('BUNDLE_NOT_FOUND', `no bundle is held in ${input.settings.folder}`, {
          hint: 'Bring one with `x client --master HOST` or `x import PATH`, or name its folder with --data.',
        });
      }
      const settings = await server.settings({
        command: basename(program),
        gateway: url,
        bundles,
        view,
      });
      const placed = await place(settings, folder);
      return await runChild(program, [...placed.args, ...args], placed.env);
    } finally {
      await close();
    }
  } finally {
    await data.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function serverFor(
  servers: readonly EcosystemServer[],
  program: string,
  args: readonly string[],
): EcosystemServer {
  const name = basename(program).replace(/\.(exe|cmd)$/i, '');
  const asModule = /^python[0-9.]*$/.test(name) && args[0] === '-m' ? args[1] : undefined;
  const server = servers.find(({ commands }) => commands.includes(asModule ?? name));
  if (server) return server;
  const known = servers.flatMap(({ commands }) => commands).join(', ');
  throw new XError('USAGE', `x run does not know "${name}"`, {
    hint: `It knows ${known}; python -m pip too.`,
  });
}

async function gatewayFor(
  input: RunInput,
  data: DataFolder,
  servers: readonly EcosystemServer[],
): Promise<{ url: string; close: () => Promise<void> }> {
  const resident = await residentGateway(input.settings.folder);
  if (resident !== undefined) return { url: resident, close: () => Promise.resolve() };
  return await startGateway({ host: '127.0.0.1', port: 0, data, servers, want: nobodyToAsk });
}

async function place(
  settings: ClientSettings,
  folder: string,
): Promise<{ env: Record<string, string>; args: string[] }> {
  const here = (text: string): string => text.replaceAll('{dir}', folder);
  for (const { path, text } of settings.files) {
    const target = join(folder, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, here(text));
  }
  return {
    env: Object.fromEntries(Object.entries(settings.env).map(([key, value]) => [key, here(value)])),
    args: settings.args.map(here),
  };
}

async function runChild(
  program: string,
  args: string[],
  env: Record<string, string>,
): Promise<number> {
  return await new Promise((resolve, reject) => {
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: 'inherit' });
    const forward = (signal: NodeJS.Signals): void => {
      // A terminal's Ctrl-C reaches the child by itself.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    };
    const signals: NodeJS.Signals[] = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'];
    for (const signal of signals) process.on(signal, forward);
    const release = (): void =>
      signals.forEach((signal) => process.removeListener(signal, forward));
    child.on('error', (error) => {
      release();
      const missing = systemCodeOf(error) === 'ENOENT';
      reject(
        missing
          ? new XError('CLIENT_MISSING', `${program} is not installed here`, { cause: error })
          : new XError('IO_FAILED', `cannot start ${program}: ${error.message}`, { cause: error }),
      );
    });
    child.on('close', (code, signal) => {
      release();
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
}
