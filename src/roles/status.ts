import type { Settings } from '../config/settings.js';
import { ALL_BUNDLES } from '../domain/membership.js';
import { systemClock } from '../platform/clock.js';
import { overviewOf, type Overview } from './overview.js';
import { formatBytes, formatPeerAddress, formatSeconds, table, type Printer } from './printer.js';
import { stopSignal } from './until-stopped.js';

export interface StatusInput {
  settings: Settings & { folder: string };
  printer: Printer;
  /** Again and again, until told to stop. */
  watch: boolean;
}

/** How often a watched table is drawn anew. */
const WATCH_EVERY_MS = 1_000;
/** The characters at a DID's end tell it from others. */
const DID_END = 8;

/** `x status`: what runs here, how far each bundle is, what is missing. */
export async function runStatus(input: StatusInput): Promise<void> {
  const { folder } = input.settings;
  await show(input, 'status', async () => {
    const overview = await overviewOf(folder);
    return { value: overview, lines: statusLines(overview, folder) };
  });
}

/** Shows a table once, or again and again until told to stop. */
export async function show(
  { printer, watch }: StatusInput,
  event: string,
  look: () => Promise<{ value: object; lines: string[] }>,
): Promise<void> {
  if (!watch) {
    const { value, lines } = await look();
    printer.document(value, lines);
    return;
  }
  const stop = stopSignal();
  try {
    while (!stop.signal.aborted) {
      const { value, lines } = await look();
      printer.screen({ event, ...value }, lines);
      await systemClock.sleep(WATCH_EVERY_MS, stop.signal).catch(() => undefined);
    }
    printer.done();
  } finally {
    stop.release();
  }
}

export function statusLines(overview: Overview, folder: string): string[] {
  const { bundles, peers, disk, marked, wishes, conflicts } = overview;
  const free = disk.freeBytes === undefined ? '' : `, ${formatBytes(disk.freeBytes)} free`;
  return [
    whoLives(overview, folder),
    ...(bundles.length === 0
      ? ['no bundle is here: `x client --master HOST` or `x import PATH` brings one']
      : table([
          ['bundle', 'version', 'held', 'size', 'signed', 'source'],
          ...bundleRows(overview),
        ])),
    `disk: ${formatBytes(disk.heldBytes)} in ${disk.blobs} files${free}`,
    ...(marked.files === 0
      ? []
      : [`marked elsewhere: ${formatBytes(marked.bytes)} in ${marked.files} files (x scan)`]),
    ...overview.memberships.map((one) => membershipLine(one, overview.at)),
    ...(overview.resident === undefined
      ? []
      : [`peers: ${peers.length}${count(peers.length, 'x peers')}`]),
    ...(conflicts.length === 0
      ? []
      : [`sources disagree about ${conflicts.length} files, such as ${conflicts[0]?.path ?? ''}`]),
    ...(wishes === 0 ? [] : [`asked for in vain: ${wishes}${count(wishes, 'x wishes')}`]),
  ];
}

function membershipLine(
  { source, bundles, notAfter }: Overview['memberships'][number],
  at: string,
): string {
  const what = bundles.includes(ALL_BUNDLES) ? 'all its bundles' : bundles.join(', ');
  const until = notAfter.slice(0, 16).replace('T', ' ');
  const over = Date.parse(notAfter) <= Date.parse(at);
  const end = over ? `ended ${until}: ask for a new invitation (x invite there)` : `until ${until}`;
  return `member of …${source.slice(-DID_END)} for ${what}, ${end}`;
}

function count(number: number, command: string): string {
  return number === 0 ? '' : ` (${command})`;
}

function whoLives({ resident, gateway, at }: Overview, folder: string): string {
  if (resident === undefined) return `nothing runs on ${folder}; this is what lies there`;
  const since = Math.max(0, Math.round((Date.parse(at) - Date.parse(resident.startedAt)) / 1000));
  const serves = gateway === undefined ? '' : `, serving pip, npm and apt at ${gateway}`;
  return `x ${resident.role}, process ${resident.pid}, for ${formatSeconds(since)}${serves}`;
}

function bundleRows({ bundles }: Overview): string[][] {
  return bundles.map((bundle) => [
    bundle.name,
    String(bundle.version),
    percent(bundle.heldBytes, bundle.bytes),
    formatBytes(bundle.bytes),
    bundle.signedAt.slice(0, 16).replace('T', ' '),
    `…${bundle.source.slice(-DID_END)}`,
  ]);
}

export function peerLines({ resident, peers, bundles }: Overview, folder: string): string[] {
  if (resident === undefined)
    return [`nothing runs on ${folder}, so nobody is connected; start \`x client --master HOST\``];
  if (peers.length === 0) return ['nobody is connected now'];
  const names = new Map(bundles.map(({ id, name }) => [id, name]));
  const rows = [...peers]
    .sort((a, b) => Number(b.isMaster) - Number(a.isMaster) || b.bytesIn - a.bytesIn)
    .map((peer) => [
      formatPeerAddress(peer.address),
      `…${peer.did.slice(-DID_END)}`,
      peer.isMaster ? 'master' : 'sibling',
      formatBytes(peer.bytesIn),
      formatBytes(peer.bytesOut),
      names.get(peer.bundleId) ?? '',
    ]);
  return table([['address', 'key', 'is', 'received', 'sent', 'bundle'], ...rows]);
}

/** Only what is whole is a hundred. */
export function percent(held: number, bytes: number): string {
  return held >= bytes ? '100%' : `${Math.min(99, Math.floor((held * 100) / bytes))}%`;
}
