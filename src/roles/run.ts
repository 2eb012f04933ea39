import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { constants, tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { Settings } from '../config/settings.js';
import { systemCodeOf, XError } from '../domain/errors.js';
import { nearest } from '../domain/nearest.js';
import { systemClock } from '../platform/clock.js';
import type { EcosystemName } from '../domain/plan.js';
import type { EcosystemServer, HeldView } from '../ports/ecosystem.js';
import { nodeOnPath } from '../platform/node-on-path.js';
import { createServers } from './ecosystem-servers.js';
import { readInput, withCarriedInputs } from './carried-inputs.js';
import { createHeldView, nobodyToAsk } from './held-view.js';
import { Misses, noting } from './misses.js';
import { openData, type DataFolder } from './open-data.js';
import { placeSettings } from './place-settings.js';
import type { Printer } from './printer.js';
import { sayRewritten } from './say-rewritten.js';
import { startGateway } from './start-gateway.js';
import { residentGateway, residentMisses } from './resident.js';
import { conflictLine } from './settled-view.js';

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
    const { url, missesSince, mark, close } = await gatewayFor(input, data, servers, server);
    try {
      const view = createHeldView(data.catalog, data.store, nobodyToAsk);
      const bundles = data.catalog.bundles();
      if (bundles.length === 0) {
        throw new XError('BUNDLE_NOT_FOUND', `no bundle is held in ${input.settings.folder}`, {
          hint: await whereElse(input.settings.port, program),
        });
      }
      const settings = await server.settings({
        command: basename(program),
        gateway: url,
        bundles,
        view,
        projectFile: (name) => nearestFile(process.cwd(), name),
        node: nodeOnPath,
        env: process.env,
      });
      const placed = await placeSettings(settings, folder, view);
      const warn = (message: string): void => input.printer.report({ event: 'warning', message });
      const { catalog } = data;
      const cwd = process.cwd();
      const own = await withCarriedInputs({
        ...{ args, cwd, gateway: url, catalog, view, folder, warn },
        say: (text) => input.printer.report({ event: 'step', text }),
        rewrite: server.rewriteInput,
      });
      const code = await runChild(program, [...placed.args, ...own], placed.env);
      if (code !== 0) {
        const held = new Set(view.names(server.name));
        const unheld = (server.askedNames?.(args) ?? []).filter((name) => !held.has(name));
        const at = systemClock.now().toISOString();
        for (const name of unheld) await catalog.addWish({ ecosystem: server.name, name, at });
        const never = server.neverCarried?.(args);
        if (never !== undefined) process.stderr.write(`x: ${never}\n`);
        sayVersions(server.askedVersions?.(args) ?? [], view, server.name);
        sayMissing([...new Set([...(await missesSince(mark)), ...unheld])], held);
        const [manifest] = server.projectFiles ?? [];
        if (manifest !== undefined) {
          const say = (text: string): boolean => process.stderr.write(text);
          await sayRewritten({ path: join(cwd, manifest), catalog, say });
        }
      }
      return code;
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
  // pip3.12 is pip, as python3.12 is python.
  const command = asModule ?? name.replace(/^(pip|python)[0-9.]+$/, '$1');
  const server = servers.find(({ commands }) => commands.includes(command));
  if (server) return server;
  const known = servers.flatMap(({ commands }) => commands);
  const near = nearest(name, known, 1)[0];
  throw new XError('USAGE', `x run does not know "${name}"`, {
    hint: `${near === undefined ? '' : `Did you mean \`x run -- ${near}\`? `}It knows ${known.join(', ')}; python -m pip too.`,
  });
}

/** A service's client has a data folder of its own, which its users need not be able to read. */
async function whereElse(port: number, program: string): Promise<string> {
  const url = `http://127.0.0.1:${port}`;
  const bring =
    'Bring one with `x client --master HOST` or `x import PATH`, or name its folder with --data.';
  if (!(await answersAt(url))) return bring;
  return `A gateway answers at ${url}, of another data folder: \`x use ${basename(program)}\` makes it this user’s own. ${bring}`;
}

async function answersAt(url: string): Promise<boolean> {
  try {
    const reply = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(HEALTH_MS) });
    return reply.ok;
  } catch {
    // Nobody, or somebody who speaks something else.
    return false;
  }
}

const HEALTH_MS = 2000;

interface RunGateway {
  url: string;
  mark: number;
  /** What was asked for in vain since a mark. */
  missesSince: (mark: number) => Promise<string[]>;
  close: () => Promise<void>;
}

async function gatewayFor(
  input: RunInput,
  data: DataFolder,
  servers: readonly EcosystemServer[],
  server: EcosystemServer,
): Promise<RunGateway> {
  const { folder } = input.settings;
  const resident = await residentGateway(folder);
  if (resident !== undefined) {
    const missesSince = async (mark: number) => (await residentMisses(folder, mark)).names;
    // What was noted before is not asked for, only how much it was.
    const { mark } = await residentMisses(folder, Number.MAX_SAFE_INTEGER);
    return { url: resident, mark, missesSince, close: () => Promise.resolve() };
  }
  const misses = new Misses();
  const warn = (message: string): void => input.printer.report({ event: 'warning', message });
  const gateway = await startGateway({
    host: '127.0.0.1',
    port: await portFor(server, input.settings.port),
    data,
    servers: noting(servers, misses),
    want: nobodyToAsk,
    onPortTaken: warn,
    onFailure: warn,
    onConflict: (conflict) => warn(conflictLine(conflict)),
  });
  return { ...gateway, mark: 0, missesSince: (mark) => Promise.resolve(misses.since(mark)) };
}

/** A free one; the gateway's usual one where files of the project, rewritten for it, look for it there. */
async function portFor(server: EcosystemServer, usual: number): Promise<number> {
  for (const name of server.projectFiles ?? []) {
    const text = await nearestFile(process.cwd(), name);
    if (text?.includes(`//127.0.0.1:${usual}/`) === true) return usual;
  }
  return 0;
}

/** Of what was asked for in one version, and is here in others. */
function sayVersions(
  asked: readonly { name: string; version: string }[],
  view: Pick<HeldView, 'entriesByName'>,
  ecosystem: EcosystemName,
): void {
  for (const { name, version } of asked.slice(0, SHOWN_NAMES)) {
    const entries = view.entriesByName(ecosystem, name);
    const versions = new Set(entries.flatMap((entry) => entry.version ?? []));
    if (versions.size === 0 || versions.has(version)) continue;
    const [shown, more] = [[...versions].slice(-SHOWN_NAMES), versions.size - SHOWN_NAMES];
    process.stderr.write(
      `x: ${name} is here in ${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}; ` +
        `${name}@${version} was asked for\n`,
    );
  }
}

/** What the native client, now failed, asked for in vain: it may not have said so, nor what to do. */
function sayMissing(names: readonly string[], held: ReadonlySet<string>): void {
  if (names.length === 0) return;
  for (const name of names.slice(0, SHOWN_NAMES)) {
    const near = nearest(name, held, NEAR_NAMES);
    if (near.length > 0) process.stderr.write(`x: no ${name} here; there is ${near.join(', ')}\n`);
  }
  const shown = names.slice(0, SHOWN_NAMES).join(', ');
  const more = names.length > SHOWN_NAMES ? ` and ${names.length - SHOWN_NAMES} more` : '';
  process.stderr.write(
    `x: in no bundle on this machine: ${shown}${more}\n` +
      '   To bring what is missing here, add it to a requirements file on the connected machine and run there: x source -r FILE\n',
  );
}

const SHOWN_NAMES = 10;
const NEAR_NAMES = 3;

/** A file in a folder or the nearest above that has it; undefined where none can be read as an input. */
async function nearestFile(from: string, name: string): Promise<string | undefined> {
  for (let folder = from; ; folder = dirname(folder)) {
    const bytes = await readInput(join(folder, name));
    if (bytes !== undefined) return bytes.toString('utf8');
    if (dirname(folder) === folder) return undefined;
  }
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
          ? new XError('CLIENT_MISSING', `${program} is not installed here`, {
              hint: 'Install it, or give its path; x doctor lists the clients that are here.',
              cause: error,
            })
          : new XError('IO_FAILED', `cannot start ${program}: ${error.message}`, {
              hint: 'Is it a program that you may execute? ls -l says so.',
              cause: error,
            }),
      );
    });
    child.on('close', (code, signal) => {
      release();
      resolve(signal === null ? (code ?? 1) : 128 + constants.signals[signal]);
    });
  });
}
