import type { Settings } from '../../config/settings.js';
import { messageOf, XError } from '../../domain/errors.js';
import { HIGHEST_SIGNING_TIME } from '../../operations/trusted-now.js';
import { systemClock } from '../../platform/clock.js';
import { systemRandom } from '../../platform/random.js';
import { isInvitation, parseInvitation } from '../../trust/invitation.js';
import { openData, type DataFolder } from '../open-data.js';
import { OwnMemberships } from '../members-files.js';
import { MembersGate } from '../members-gate.js';
import { damagedKeys, openIdentity } from '../open-keys.js';
import { overviewOf, type Overview } from '../overview.js';
import type { Colour, MarkedLine } from '../colour.js';
import { formatPeerAddress, tableRows, type Printer } from '../printer.js';
import { failed, ok, warning, type Finding } from './check.js';
import { checkClients, checkUse } from './clients.js';
import { checkClientSettings } from './client-settings.js';
import { checkBlobs, checkBundles, checkCatalog, checkMarked } from './content.js';
import { checkAge, checkClock, checkDisk, checkPermissions } from './machine.js';
import { checkGateway, checkMaster, checkMulticast, checkPort } from './network.js';

export interface DoctorInput {
  settings: Settings & { folder: string };
  printer: Printer;
  /** Every blob is read again, not a sample. */
  all: boolean;
  /** What is safe to mend is mended. */
  fix: boolean;
  /** A master to ask. */
  master: string | undefined;
}

/** `x doctor`: looks at everything that can be wrong here, and says what to do. @returns the exit code. */
export async function runDoctor(input: DoctorInput): Promise<number> {
  const { settings, printer } = input;
  const { folder } = settings;
  const findings: Finding[] = [checkDisk(folder), ...checkPermissions(folder, input.fix)];
  findings.push(...(await checkKeys(folder)));
  try {
    const overview = await overviewOf(folder);
    findings.push(runs(overview, folder));
    const data = await openData(folder);
    try {
      findings.push(...(await checkHeld(input, data)));
      findings.push(...(await checkNetwork(input, overview, data)));
    } finally {
      await data.close();
    }
    findings.push(await checkClients(), ...checkUse(folder, overview.gateway));
    findings.push(...(await checkClientSettings(folder, overview.gateway)));
  } catch (error) {
    if (!(error instanceof XError)) throw error;
    findings.push(failed('data folder', messageOf(error), error.hint ?? 'See the message.'));
  }
  printer.done();
  const wrong = findings.filter(({ state }) => state === 'failed').length;
  const doubtful = findings.filter(({ state }) => state === 'warning').length;
  printer.document({ findings }, [
    ...findingLines(findings),
    wrong + doubtful === 0
      ? 'all is well'
      : `${wrong} ${wrong === 1 ? 'thing is' : 'things are'} wrong, ${doubtful} worth a look`,
  ]);
  return wrong === 0 ? 0 : 1;
}

function runs({ resident }: Overview, folder: string): Finding {
  if (resident === undefined) return ok('process', `none runs on ${folder}`);
  return ok('process', `x ${resident.role}, process ${resident.pid}, since ${resident.startedAt}`);
}

/** @returns nothing where all is well: other checks say more. */
async function checkKeys(folder: string): Promise<Finding[]> {
  const damaged = await damagedKeys(folder);
  return damaged.map(({ message, hint }) => failed('keys', message, hint ?? 'Restore it.'));
}

async function checkHeld({ all, printer }: DoctorInput, data: DataFolder): Promise<Finding[]> {
  const deps = { catalog: data.catalog, store: data.store, random: systemRandom };
  const now = systemClock.now();
  const progress = (bytes: number, total: number): void =>
    printer.live({ event: 'progress', bytes, total }, [
      `reading what is held: ${total === 0 ? 100 : Math.floor((bytes * 100) / total)}%`,
    ]);
  return [
    checkClock(now, data.catalog.getValue(HIGHEST_SIGNING_TIME)),
    checkCatalog(deps),
    ...checkBundles(deps),
    ...data.catalog.bundles().map((bundle) => checkAge(bundle, now)),
    ...checkMarked(data.marked),
    await checkBlobs(deps, all, progress),
  ];
}

async function checkNetwork(
  input: DoctorInput,
  { resident, gateway, peers }: Overview,
  data: DataFolder,
): Promise<Finding[]> {
  const { settings } = input;
  const findings: Finding[] = [];
  if (gateway !== undefined) findings.push(await checkGateway(gateway));
  if (resident === undefined) {
    findings.push(await checkPort(settings.listen, 'source and siblings'));
    findings.push(await checkPort(settings.port, 'the gateway'));
  }
  findings.push(...(await checkMulticast()));
  const masters = peers.filter(({ isMaster }) => isMaster);
  if (input.master !== undefined) findings.push(await askMaster(input, data, input.master));
  else if (masters.length > 0)
    findings.push(
      ok(
        'master',
        `connected: ${masters.map(({ address }) => formatPeerAddress(address)).join(', ')}`,
      ),
    );
  else if (resident?.role === 'client') {
    findings.push(
      warning(
        'master',
        'none is connected',
        'x doctor --master HOST says why; what is held is served all the same.',
      ),
    );
  }
  return findings;
}

async function askMaster(
  { settings }: DoctorInput,
  data: DataFolder,
  master: string,
): Promise<Finding> {
  const invited = isInvitation(master) ? parseInvitation(master) : undefined;
  const address = invited === undefined ? master : `${invited.host}:${invited.port}`;
  const trusted = new Set([
    ...data.catalog.pinnedSources().map(({ did }) => did),
    ...data.catalog.bundles().map(({ source }) => source),
    ...(invited === undefined ? [] : [invited.did]),
  ]);
  const { startSwarm } = await import('../start-swarm.js');
  const identity = await openIdentity(settings.folder);
  const own = await OwnMemberships.open(settings.folder);
  const warn = (): void => undefined;
  const { swarm } = await startSwarm({
    settings: { ...settings, listen: 0, mdns: false },
    data,
    identity,
    gate: new MembersGate({ catalog: data.catalog, identity, own, book: undefined, warn }),
    warn,
  });
  try {
    return await checkMaster(address, () => swarm.listBundles(address), trusted);
  } finally {
    await swarm.stop();
  }
}

const MARKS = { ok: 'ok', warning: 'look', failed: 'WRONG', fixed: 'fixed' } as const;

const COLOURS: Readonly<Record<Finding['state'], Colour>> = {
  ok: 'green',
  warning: 'yellow',
  failed: 'red',
  fixed: 'green',
};

/** Each finding's lines, its hint below them. @param room columns of the terminal; by default of this one. */
export function findingLines(findings: readonly Finding[], room?: number): (string | MarkedLine)[] {
  const rows = tableRows(
    findings.map(({ state, check, text }) => [MARKS[state], check, text]),
    room,
  );
  return findings.flatMap(({ state, hint }, at) => {
    const [first = '', ...more] = rows[at] ?? [];
    const mark = { text: first, colour: COLOURS[state], length: MARKS[state].length };
    return [mark, ...more, ...(hint === undefined ? [] : [`         ${hint}`])];
  });
}
