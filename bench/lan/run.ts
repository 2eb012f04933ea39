/** `npm run bench:lan -- SCENARIO…`: X beside others on hosts in network namespaces. Needs root. */
import { mkdirSync, rmSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Contender, ContenderName, Content } from './contender.js';
import { libtorrentContender, tunedLibtorrentContender } from './contender-libtorrent.js';
import { nginxContender } from './contender-nginx.js';
import { rsyncContender } from './contender-rsync.js';
import { streamContender } from './contender-stream.js';
import { xContender } from './contender-x.js';
import { totalBytes, writeContent } from './content.js';
import { killHostProcesses, PYTHON, whyNoCommand } from './host-process.js';
import { takeLansDown, whyNoLan } from './lan.js';
import { clientLines, summarise, summaryTable, type Summary } from './report.js';
import { limitSeconds, SCENARIOS, type Scenario } from './scenarios.js';
import { runTrial, type TrialResult } from './trial.js';

const CONTENDERS: readonly Contender[] = [
  ...[xContender, libtorrentContender, tunedLibtorrentContender],
  ...[nginxContender, rsyncContender, streamContender],
];

const USAGE = `bench/lan SCENARIO… [--runs N] [--with LIST] [--json] [--profile] [--seed TEXT]

${SCENARIOS.map(({ name, summary }) => `  ${name.padEnd(14)}${summary}`).join('\n')}

--runs N     runs of each contender; the tables give medians (default 1)
--with LIST  of x, libtorrent, libtorrent-tuned, nginx, rsync, stream; default: what the scenario needs
--profile    write CPU profiles of X's source and first client, and say where
--mib N      as much content, instead of the scenario's own amount
--tmp DIR    where the files lie (default: this machine's temporary folder)
--json       one JSON document on standard output`;

interface Options {
  runs: number;
  contenders: ContenderName[] | undefined;
  profile: boolean;
  /** Instead of the scenario's own amount, where that can be chosen. */
  totalBytes: number | undefined;
  seed: string;
  say: (text: string) => void;
}

interface ScenarioResult {
  scenario: string;
  contentBytes: number;
  limitSeconds: number | undefined;
  summaries: Summary[];
  runs: TrialResult[];
}

async function runScenario(
  scenario: Scenario,
  folder: string,
  options: Options,
): Promise<ScenarioResult> {
  const { say } = options;
  const contenders = chosen(scenario, options);
  const files = scenario.files(options.seed, options.totalBytes);
  const bytes = totalBytes(files);
  const limit = limitSeconds(bytes, scenario.links);
  say(`\n${scenario.name}: ${scenario.summary}`);
  say(`  ${files.length} files, ${bytes} bytes, limit ${limit?.toFixed(2) ?? 'none'} s`);
  const content: Content = {
    ...{ seed: options.seed, files, bytes },
    ...{ plain: join(folder, 'content'), prepared: join(folder, 'prepared') },
  };
  mkdirSync(content.prepared, { recursive: true });
  if (contenders.some(({ needsPlain }) => needsPlain))
    await writeContent(content.plain, options.seed, files);
  for (const contender of contenders) await contender.prepare(content);
  const runs: TrialResult[] = [];
  for (let run = 1; run <= options.runs; run += 1) {
    for (const contender of contenders) {
      const result = await runTrial({
        ...{ contender, content, links: scenario.links, folder },
        deadlineMs: deadlineOf(scenario, limit),
        ...(options.profile && {
          nodeFlags: (host: number) => profileFlags(folder, host),
        }),
        ...(scenario.strangers && { strangers: scenario.strangers }),
        ...(scenario.oneHost && { oneHost: scenario.oneHost }),
        ...(scenario.disturb && { disturb: scenario.disturb }),
        ...(scenario.joinEverySeconds && { joinEverySeconds: scenario.joinEverySeconds }),
      });
      runs.push(result);
      say(`  run ${run}, ${contender.name}: ${told(result, limit)}`);
      for (const line of clientLines(result)) say(`  ${line}`);
    }
  }
  const summaries = contenders.map(({ name }) =>
    summarise(
      name,
      runs.filter((result) => result.contender === name),
      scenario.links,
    ),
  );
  say(`\n${summaryTable(summaries)}`);
  rmSync(content.plain, { recursive: true, force: true });
  rmSync(content.prepared, { recursive: true, force: true });
  return {
    scenario: scenario.name,
    contentBytes: bytes,
    limitSeconds: limit,
    summaries,
    runs,
  };
}

function chosen(scenario: Scenario, { contenders, say }: Options): Contender[] {
  const names = contenders ?? scenario.byDefault;
  return CONTENDERS.filter(({ name }) => names.includes(name)).filter((contender) => {
    const why = contender.whyNot();
    if (why !== undefined) say(`left out: ${contender.name}: ${why}`);
    return why === undefined;
  });
}

/** The slowest way there is, one copy after the other to everybody through the slowest link, and then some. */
function deadlineOf({ links }: Scenario, limit: number | undefined): number {
  const slowest = Math.min(...links.map((mbit) => mbit ?? 1000));
  const slow = (limit ?? 60) * ((links[0] ?? 1000) / slowest);
  return 60_000 + 1000 * Math.max(slow * 2, (limit ?? 60) * links.length * 1.5);
}

function profileFlags(folder: string, host: number): string[] {
  if (host > 1) return [];
  return [
    '--cpu-prof',
    `--cpu-prof-dir=${join(folder, host === 0 ? 'profile-source' : 'profile-client')}`,
  ];
}

function told(result: TrialResult, limit: number | undefined): string {
  const { seconds, copies, idleShare } = result;
  const ratio =
    limit === undefined || seconds === undefined
      ? ''
      : ` = ${(seconds / limit).toFixed(2)} x limit`;
  const time = seconds === undefined ? 'NOT FINISHED' : `${seconds.toFixed(2)} s${ratio}`;
  return `${time}, ${copies.toFixed(2)} copies left the source, machine ${(idleShare * 100).toFixed(0)} % idle`;
}

/** X's own start script hands over to the Node that the project brings; the benchmark says so. */
function whyNoNode(): string | undefined {
  const major = Number(process.versions.node.split('.')[0]);
  return major >= 22
    ? undefined
    : `this is Node ${process.versions.node}; \`npm run bench:lan\` runs it on the one that x brings`;
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      runs: { type: 'string', default: '1' },
      with: { type: 'string' },
      seed: { type: 'string', default: 'x' },
      mib: { type: 'string' },
      tmp: { type: 'string', default: tmpdir() },
      profile: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  const scenarios = positionals.map((name) => SCENARIOS.find((one) => one.name === name));
  if (scenarios.length === 0 || scenarios.includes(undefined)) {
    process.stderr.write(`${USAGE}\n`);
    return 2;
  }
  const why = whyNoNode() ?? whyNoLan() ?? whyNoCommand(PYTHON);
  if (why !== undefined) {
    process.stderr.write(`bench/lan cannot run here: ${why}\n`);
    return 1;
  }
  const folder = await mkdtemp(join(values.tmp, 'x-bench-'));
  const cleanUp = (): void => {
    killHostProcesses();
    takeLansDown();
    if (!values.profile) rmSync(folder, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      cleanUp();
      process.exit(1);
    });
  const options: Options = {
    runs: Number(values.runs),
    contenders: values.with?.split(',') as ContenderName[] | undefined,
    profile: values.profile,
    totalBytes: values.mib === undefined ? undefined : Number(values.mib) * 2 ** 20,
    seed: values.seed,
    say: (text) => void (values.json ? process.stderr : process.stdout).write(`${text}\n`),
  };
  try {
    const results: ScenarioResult[] = [];
    for (const scenario of scenarios)
      if (scenario) results.push(await runScenario(scenario, folder, options));
    if (values.json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`);
    if (values.profile) options.say(`\nprofiles: ${folder}/profile-*`);
    return results.every(({ summaries }) => summaries.every(({ failed }) => failed === 0)) ? 0 : 1;
  } finally {
    cleanUp();
  }
}

process.exitCode = await main();
