import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Settings } from '../config/settings.js';
import { XError } from '../domain/errors.js';
import { nearest } from '../domain/nearest.js';
import type { ClientConfiguration, EcosystemServer } from '../ports/ecosystem.js';
import { ConfigurationJournal } from './configuration-journal.js';
import { createServers } from './ecosystem-servers.js';
import { dataPaths } from '../platform/paths.js';
import { createHeldView, nobodyToAsk } from './held-view.js';
import { openData } from './open-data.js';
import type { Printer } from './printer.js';
import { residentGateway } from './resident.js';

export interface UseInput {
  settings: Settings & { folder: string };
  printer: Printer;
  /** pip, npm, apt… */
  command: string;
  undo: boolean;
}

/**
 * `x use`: the gateway in a native client's own configuration, for every run of it. What the files
 * were before is kept, and `--undo` brings it back.
 */
export async function runUse(input: UseInput): Promise<void> {
  const { printer, settings, command } = input;
  const server = serverOf(command);
  const path = join(settings.folder, 'use', `${server.name}.json`);
  const journal = await ConfigurationJournal.open(path);
  if (input.undo) return await undo(input, journal, path);
  const { files, notes } = await configurationOf(input, server, journal);
  for (const { path: changed, copy } of await journal.apply(files)) {
    const message = `${changed} was changed since the last x use ${command}; what it was is in ${copy}`;
    printer.report({ event: 'warning', message });
  }
  const paths = files.map((file) => file.path);
  printer.document({ files: paths, notes, undo: `x use ${command} --undo` }, [
    `${command} uses the gateway: ${paths.join(', ')}`,
    ...notes.map((note) => `  ${note}`),
    `Take it back with: x use ${command} --undo`,
  ]);
}

async function undo(
  { printer, command }: UseInput,
  journal: ConfigurationJournal,
  path: string,
): Promise<void> {
  if (journal.isEmpty) {
    throw new XError('USAGE', `x use ${command} is not in force here`, {
      hint: `Nothing of it is noted in ${path}; another user or --data may have it.`,
    });
  }
  const { restored, left, kept } = await journal.undo();
  for (const file of left) {
    const copy = kept.find((one) => one.path === file)?.copy;
    const before = copy === undefined ? '' : `; what it was before is in ${copy}`;
    const message = `${file} was changed since x use ${command}, so it is left as it is; take the gateway out of it by hand${before}`;
    printer.report({ event: 'warning', message });
  }
  const said = restored.length === 0 ? 'nothing was left to bring back' : restored.join(', ');
  printer.document({ restored, left, kept }, [`${command} is as it was: ${said}`]);
}

type UsableServer = Pick<EcosystemServer, 'name'> & Required<Pick<EcosystemServer, 'use'>>;

function serverOf(command: string): UsableServer {
  const usable = createServers().filter((server) => server.use !== undefined);
  // pip3.12 is pip.
  const name = command.replace(/^(pip|python)[0-9.]+$/, '$1');
  const server = usable.find(({ commands }) => commands.includes(name));
  if (server?.use !== undefined) return { name: server.name, use: server.use.bind(server) };
  const known = usable.flatMap(({ commands }) => commands);
  const near = nearest(name, known, 1)[0];
  throw new XError('USAGE', `x use does not know "${command}"`, {
    hint: `${near === undefined ? '' : `Did you mean \`x use ${near}\`? `}It knows ${known.join(', ')}.`,
  });
}

/** As the resident client chose it: a given one, or the one that this machine made. */
function certificateOf({ tlsCertificate, folder }: UseInput['settings']): string | undefined {
  const path = tlsCertificate ?? join(dataPaths(folder).keys, 'gateway.crt');
  return existsSync(path) ? resolve(path) : undefined;
}

async function configurationOf(
  { settings, printer }: UseInput,
  server: UsableServer,
  journal: ConfigurationJournal,
): Promise<ClientConfiguration> {
  const data = await openData(settings.folder, (message) =>
    printer.report({ event: 'warning', message }),
  );
  try {
    const gateway = (await residentGateway(settings.folder)) ?? `http://127.0.0.1:${settings.port}`;
    return await server.use({
      gateway,
      certificate: gateway.startsWith('https:') ? certificateOf(settings) : undefined,
      env: process.env,
      bundles: data.catalog.bundles(),
      view: createHeldView(data.catalog, data.store, nobodyToAsk),
      home: homedir(),
      readFile: (path) => journal.original(path),
    });
  } finally {
    await data.close();
  }
}
