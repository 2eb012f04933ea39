import type { ContenderName, StrangerKind } from './contender.js';
import { equalContent, largeContent, mixedContent, type ContentFile } from './content.js';
import { killSourceWhenOut, restartInTheMiddle, restartTwo } from './disturb.js';
import type { LinkMbit } from './lan.js';
import type { TrialInput } from './trial.js';

const MIB = 1 << 20;

export interface Scenario {
  name: string;
  summary: string;
  files: (seed: string, totalBytes?: number) => ContentFile[];
  strangers?: readonly StrangerKind[];
  oneHost?: boolean;
  /** Host 0 is the source. */
  links: readonly LinkMbit[];
  /** Contenders that make sense here; the first ones run unless others are named. */
  contenders: readonly ContenderName[];
  byDefault: readonly ContenderName[];
  joinEverySeconds?: number;
  disturb?: TrialInput['disturb'];
}

const SWARM_LINKS: readonly LinkMbit[] = new Array<LinkMbit>(8).fill(100);
const ALL: readonly ContenderName[] = ['x', 'libtorrent', 'libtorrent-tuned', 'nginx', 'rsync'];
const X: readonly ContenderName[] = ['x'];
const PEERS: readonly ContenderName[] = ['x', 'libtorrent', 'libtorrent-tuned'];

const swarm = {
  files: mixedContent,
  links: SWARM_LINKS,
  contenders: ALL,
  byDefault: PEERS,
} as const;

export const SCENARIOS: readonly Scenario[] = [
  { ...swarm, name: 'swarm', summary: '1 source, 7 clients, 100 Mbit/s, 256 MiB' },
  {
    ...swarm,
    name: 'slow-client',
    summary: 'swarm, one client on 10 Mbit/s',
    links: [...SWARM_LINKS.slice(0, -1), 10],
  },
  {
    ...swarm,
    name: 'joining',
    summary: 'swarm, a client joins every 5 s',
    joinEverySeconds: 5,
  },
  {
    ...swarm,
    name: 'source-killed',
    summary: 'swarm, the source is killed once its clients together have everything',
    contenders: X,
    byDefault: X,
    disturb: killSourceWhenOut,
  },
  {
    ...swarm,
    name: 'restarts',
    summary: 'swarm, two of the seven clients are killed and started again',
    contenders: X,
    byDefault: X,
    disturb: restartTwo,
  },
  {
    ...swarm,
    name: 'hostile',
    summary: 'swarm, and two more peers: one sends garbage, one never answers',
    links: [...SWARM_LINKS, 100, 100],
    strangers: ['lying', 'silent'],
    contenders: X,
    byDefault: X,
  },
  {
    name: 'line',
    summary: '1 client, no siblings, 1 Gbit/s, 1 GiB',
    files: (seed, bytes) => mixedContent(seed, bytes ?? 1024 * MIB),
    links: [1000, 1000],
    contenders: ALL,
    byDefault: ALL,
  },
  {
    name: 'loopback',
    summary: '1 client, unshaped loopback, 1 GiB',
    oneHost: true,
    files: (seed, bytes) => mixedContent(seed, bytes ?? 1024 * MIB),
    links: [undefined, undefined],
    contenders: ['x', 'stream'],
    byDefault: ['x', 'stream'],
  },
  {
    name: 'small',
    summary: '20,000 files of 4 KB, 1 client, 1 Gbit/s',
    files: () => equalContent(20_000),
    links: [1000, 1000],
    contenders: ALL,
    byDefault: ['x', 'rsync'],
  },
  {
    name: 'large',
    summary: '1 client, 1 Gbit/s, 10 GiB',
    files: (seed, bytes) => largeContent(seed, bytes ?? 10_240 * MIB),
    links: [1000, 1000],
    contenders: X,
    byDefault: X,
  },
  {
    name: 'large-restart',
    summary: 'large, the client is killed in the middle and started again',
    files: (seed, bytes) => largeContent(seed, bytes ?? 10_240 * MIB),
    links: [1000, 1000],
    contenders: X,
    byDefault: X,
    disturb: restartInTheMiddle,
  },
  {
    name: 'huge-restart',
    summary: 'as large-restart, 4 GiB in one single file',
    files: (_seed, bytes) => equalContent(1, bytes ?? 4096 * MIB),
    links: [1000, 1000],
    contenders: X,
    byDefault: X,
    disturb: restartInTheMiddle,
  },
  {
    name: 'many',
    summary: '1 source, 31 clients, 25 Mbit/s, 64 MiB',
    files: (seed, bytes) => mixedContent(seed, bytes ?? 64 * MIB),
    links: new Array<LinkMbit>(32).fill(25),
    contenders: ALL,
    byDefault: PEERS,
  },
];

/** Seconds that one copy takes through one link; undefined where links are not shaped. */
export function limitSeconds(bytes: number, links: readonly LinkMbit[]): number | undefined {
  const mbit = links[0];
  return mbit === undefined ? undefined : (bytes * 8) / (mbit * 1e6);
}
