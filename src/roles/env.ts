import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Settings } from '../config/settings.js';
import { XError } from '../domain/errors.js';
import { nearest } from '../domain/nearest.js';
import type { ClientSettings, EcosystemServer } from '../ports/ecosystem.js';
import { createServers } from './ecosystem-servers.js';
import { createHeldView, nobodyToAsk } from './held-view.js';
import { openData, type DataFolder } from './open-data.js';
import { placeSettings } from './place-settings.js';
import type { Printer } from './printer.js';
import { residentGateway } from './resident.js';

export interface EnvInput {
  settings: Settings & { folder: string };
  printer: Printer;
  /** Native commands: pip, npm, apt-get… */
  commands: string[];
  /** Another gateway than this data folder's. */
  gateway: string | undefined;
  format: 'sh' | 'docker';
}

/** The commands whose settings are variables alone, or nearly. */
const USUAL = ['pip', 'uv', 'npm', 'pnpm', 'yarn'];

/** `x env`: the variables that point native clients at the gateway, for scripts and Dockerfiles. */
export async function runEnv(input: EnvInput): Promise<void> {
  const { printer, settings } = input;
  const gateway = await gatewayOf(input);
  const data = await openData(settings.folder);
  try {
    const env: Record<string, string> = {};
    const notes: string[] = [];
    for (const command of input.commands.length === 0 ? USUAL : input.commands) {
      const server = serverFor(command);
      // A container has neither this machine's variables nor its home.
      const own = input.format === 'docker' ? {} : process.env;
      const found = await settingsOf(server, command, gateway, data, own);
      Object.assign(env, await placedOrPlain(input, command, found, data));
      if (found.args.length > 0) notes.push(`${command} also needs: ${found.args.join(' ')}`);
    }
    const names = Object.keys(env);
    const unfit = names.filter((name) => !/^[A-Za-z_][A-Za-z0-9_]*$/.test(name));
    for (const name of unfit)
      notes.push(`${name} cannot be set here; for it there is x run and x use npm`);
    const rows = Object.entries(env).filter(([name]) => !unfit.includes(name));
    printer.document({ gateway, env }, [
      ...notes.map((note) => `# ${note}`),
      ...(input.format === 'sh'
        ? rows.map(([name, value]) => `export ${name}=${quoted(value)}`)
        : rows.map(
            ([name, value]) => `ENV ${name}=${JSON.stringify(value).replaceAll('$', '\\$')}`,
          )),
    ]);
  } finally {
    await data.close();
  }
}

async function gatewayOf({ settings, gateway, format }: EnvInput): Promise<string> {
  if (gateway !== undefined) {
    if (!/^https?:\/\/[^/\s?#]+\/?$/.test(gateway)) {
      throw new XError('USAGE', `--gateway "${gateway}" is no address of a gateway`, {
        hint: 'Write it like http://depot.lan:8470.',
      });
    }
    return gateway.replace(/\/$/, '');
  }
  if (format === 'docker') {
    throw new XError('USAGE', 'a container needs --gateway', {
      hint: 'Its own loopback is not this machine: name the address that it reaches, http://depot.lan:8470.',
    });
  }
  return (await residentGateway(settings.folder)) ?? `http://127.0.0.1:${settings.port}`;
}

function serverFor(command: string): EcosystemServer {
  const servers = createServers();
  const server = servers.find(({ commands }) => commands.includes(command));
  if (server !== undefined) return server;
  const known = servers.flatMap(({ commands }) => commands);
  const near = nearest(command, known, 1)[0];
  throw new XError('USAGE', `x env does not know "${command}"`, {
    hint: `${near === undefined ? '' : `Did you mean \`x env ${near}\`? `}It knows ${known.join(', ')}.`,
  });
}

async function settingsOf(
  server: EcosystemServer,
  command: string,
  gateway: string,
  data: DataFolder,
  env: NodeJS.ProcessEnv,
): Promise<ClientSettings> {
  return await server.settings({
    command,
    gateway,
    bundles: data.catalog.bundles(),
    view: createHeldView(data.catalog, data.store, nobodyToAsk),
    env,
  });
}

/** In a container there is no folder of this machine: what names one is left out. */
async function placedOrPlain(
  { settings, format }: EnvInput,
  command: string,
  found: ClientSettings,
  data: DataFolder,
): Promise<Record<string, string>> {
  if (format === 'docker') {
    if (found.needsFolder === true) {
      throw new XError('USAGE', `${command} cannot be pointed at a gateway by variables alone`, {
        hint: `Have x in the image, and say \`x run -- ${command} …\` there.`,
      });
    }
    return Object.fromEntries(
      Object.entries(found.env).filter(([, value]) => !value.includes('{dir}')),
    );
  }
  const folder = join(settings.folder, 'env', command);
  await rm(folder, { recursive: true, force: true });
  const view = createHeldView(data.catalog, data.store, nobodyToAsk);
  return (await placeSettings(found, folder, view)).env;
}

/** For a POSIX shell. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
