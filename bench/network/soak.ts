// Twelve real nodes of the public swarm, each in a process and a network namespace of its own, under
// churn: `npm run bench:soak [minutes]`, as root. Prints what each holds in memory and handles over time.
import { fork, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { sha256 } from '../../src/domain/digest.js';
import type { NodeKind } from '../../src/domain/network-node.js';
import { Lan, whyNoNamespaces } from '../../test/swarm/namespaces.js';
import { noise } from '../../test/swarm/nodes.js';
import { seededRandom } from '../../test/simulation/virtual-time.js';

export interface SoakArtifact {
  sha256: string;
  lengthBytes: number;
}

export interface SoakNodeOptions {
  number: number;
  seed: number;
  ip: string;
  kind: NodeKind;
  folder: string;
  /** The path of a list of SoakArtifact. */
  catalogue: string;
  /** Numbers in it. */
  holds: number[];
  peers: string[];
  /** Between two fetches, in the mean. */
  pauseMs: number;
  /** So many of what it fetched. */
  keeps: number;
  reportMs: number;
}

/** After garbage is collected. */
export interface SoakReport {
  rss: number;
  heapUsed: number;
  external: number;
  handles: number;
  files: number;
  connections: number;
  known: number;
  records: number;
  published: number;
  brought: number;
  missed: number;
}

const NODES = 12;
/** The first ones stay from the beginning to the end; it is they whose memory is looked at. */
const STEADY = 4;
const ARTIFACTS = 120;
const HELD_BY_EACH = 20;
const MIB = 1 << 20;
const CHILD = fileURLToPath(new URL('soak-node.js', import.meta.url));

interface Place {
  number: number;
  namespace: string;
  options: SoakNodeOptions;
  child: ChildProcess | undefined;
  reports: SoakReport[];
  lives: number;
}

await main(Number(process.argv[2] ?? 15));

async function main(minutes: number): Promise<void> {
  const why = whyNoNamespaces();
  if (why !== undefined) throw new Error(why);
  const random = seededRandom(9);
  const folder = await mkdtemp(join(tmpdir(), 'x-soak-'));
  const lan = new Lan();
  const places: Place[] = [];
  try {
    const catalogue = join(folder, 'catalogue.json');
    const artifacts = Array.from({ length: ARTIFACTS }, (_, seed): SoakArtifact => {
      const lengthBytes = 5_000 + random.integer(1_200_000);
      return { lengthBytes, sha256: sha256(noise(lengthBytes, seed + 1)) };
    });
    await writeFile(catalogue, JSON.stringify(artifacts));
    for (let number = 1; number <= NODES; number++) {
      const namespace = lan.host();
      lan.plug(namespace, 'eth0', [`10.77.0.${number}/24`]);
      places.push({
        number,
        namespace,
        child: undefined,
        reports: [],
        lives: 0,
        options: {
          number,
          seed: number,
          ip: `10.77.0.${number}`,
          kind: number <= 3 ? 'heavy' : 'light',
          folder: join(folder, String(number)),
          catalogue,
          holds: Array.from({ length: HELD_BY_EACH }, (_, i) => (number * 10 + i) % ARTIFACTS),
          peers: number === 1 ? [] : ['10.77.0.1:8471'],
          pauseMs: 8_000,
          keeps: 10,
          reportMs: 30_000,
        },
      });
    }
    for (const place of places) {
      start(place);
      // One after the other: a start costs more than a minute of being there.
      await wait(3_000);
    }
    await churn(places, performance.now() + minutes * 60_000, random);
    print(places, minutes);
  } finally {
    for (const { child } of places) child?.kill('SIGKILL');
    await wait(500);
    await lan.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function start(place: Place): void {
  place.lives += 1;
  const options = { ...place.options, seed: place.number * 1_000 + place.lives };
  const child = fork(CHILD, [JSON.stringify(options)], {
    execPath: 'ip',
    execArgv: ['netns', 'exec', place.namespace, process.execPath, '--expose-gc'],
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  });
  child.on('message', (message) => {
    const report = message as SoakReport;
    place.reports.push(report);
    if (place.number <= STEADY) tell(place.number, report);
  });
  child.on('exit', (code) => {
    if (place.child !== child) return;
    place.child = undefined;
    if (place.number <= STEADY) process.stdout.write(`node ${place.number} ended: ${code}\n`);
  });
  place.child = child;
}

/** Every quarter of a minute one goes, half of them without a word, and comes back a little later. */
async function churn(
  places: readonly Place[],
  untilMs: number,
  random: ReturnType<typeof seededRandom>,
): Promise<void> {
  while (performance.now() < untilMs) {
    await wait(Math.min(15_000, Math.max(0, untilMs - performance.now())));
    const place = places[STEADY + random.integer(NODES - STEADY)];
    if (place === undefined) continue;
    if (place.child === undefined) start(place);
    else if (random.integer(2) === 0) place.child.kill('SIGKILL');
    else place.child.send('stop');
  }
}

function tell(number: number, report: SoakReport): void {
  const { rss, heapUsed, external, handles, files, connections, known, records } = report;
  const parts = [
    `node ${number}`,
    `rss ${(rss / MIB).toFixed(0)}`,
    `heap ${(heapUsed / MIB).toFixed(1)}`,
    `external ${(external / MIB).toFixed(1)} MiB`,
    `${handles} handles, ${files} files, ${connections} connections`,
    `${known} known, ${records} records, ${report.published} published`,
    `${report.brought} brought, ${report.missed} missed`,
    `load ${(loadavg()[0] ?? 0).toFixed(1)}`,
  ];
  process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${parts.join('; ')}\n`);
}

function print(places: readonly Place[], minutes: number): void {
  const lives = places.reduce((sum, place) => sum + place.lives, 0);
  process.stdout.write(
    `\n${NODES} nodes, ${minutes} minutes, ${lives} lives\n\n| node | RSS MiB, each quarter of the time | heap MiB | handles | open files | connections | brought / missed |\n|---|---|---|---|---|---|---|\n`,
  );
  for (const { number, reports } of places.slice(0, STEADY)) {
    const mean = (of: (report: SoakReport) => number, digits = 0): string =>
      [0, 1, 2, 3]
        .map((quarter) => {
          const from = Math.floor((quarter * reports.length) / 4);
          const some = reports.slice(from, Math.floor(((quarter + 1) * reports.length) / 4));
          const sum = some.reduce((total, report) => total + of(report), 0);
          return some.length === 0 ? '–' : (sum / some.length).toFixed(digits);
        })
        .join(' ');
    const last = reports.at(-1);
    process.stdout.write(
      `| ${number} | ${mean(({ rss }) => rss / MIB)} | ${mean(({ heapUsed }) => heapUsed / MIB, 1)} | ${mean(({ handles }) => handles)} | ${mean(({ files }) => files)} | ${mean(({ connections }) => connections)} | ${last?.brought ?? 0} / ${last?.missed ?? 0} |\n`,
    );
  }
}
