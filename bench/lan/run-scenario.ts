import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Contender, Content } from './contender.js';
import { CONTENDERS } from './contenders.js';
import { totalBytes, writeContent } from './content.js';
import type { Options } from './options.js';
import {
  clientLines,
  summarise,
  summaryTable,
  trialLine,
  unlikeLines,
  type Summary,
} from './report.js';
import { limitSeconds, type Scenario } from './scenarios.js';
import { whyNoRoom } from './scratch.js';
import type { TrialResult } from './trial-result.js';
import { runTrial, type TrialInput } from './trial.js';

export interface ScenarioResult {
  scenario: string;
  summary: string;
  files: number;
  contentBytes: number;
  /** Seconds that one copy takes through one link. */
  limitSeconds: number | undefined;
  summaries: Summary[];
  runs: TrialResult[];
}

export interface RunScenarioInput {
  scenario: Scenario;
  options: Options;
  /** Everything but profiles lies in it. */
  folder: string;
  /** Where Node writes CPU profiles; undefined: none are wanted. */
  profiles: string | undefined;
  say: (text: string) => void;
}

/** Every contender, run after run, each with all hosts fresh. */
export async function runScenario(input: RunScenarioInput): Promise<ScenarioResult> {
  const { scenario, options, folder, say } = input;
  const contenders = chosen(input);
  const files = scenario.files(options.seed, options.totalBytes);
  const bytes = totalBytes(files);
  const limit = limitSeconds(bytes, scenario.links);
  // A copy a host, and what the contenders make of it beforehand.
  const noRoom = whyNoRoom(folder, bytes * (scenario.links.length + contenders.length));
  if (noRoom !== undefined) throw new Error(noRoom);
  say(`\n${scenario.name}: ${scenario.summary}`);
  say(
    `  ${files.length} files, ${bytes} bytes${limit === undefined ? '' : `, limit ${limit.toFixed(2)} s`}`,
  );
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
      const result = await runTrial(trialOf(input, contender, content, limit));
      runs.push(result);
      say(`  run ${run}, ${contender.name}: ${trialLine(result, limit)}`);
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
  for (const one of summaries) for (const line of unlikeLines(one, scenario)) say(line);
  for (const used of [content.plain, content.prepared])
    rmSync(used, { recursive: true, force: true });
  return {
    ...{ scenario: scenario.name, summary: scenario.summary },
    ...{ files: files.length, contentBytes: bytes, limitSeconds: limit, summaries, runs },
  };
}

function chosen({ scenario, options, say }: RunScenarioInput): Contender[] {
  const names = options.contenders ?? scenario.byDefault;
  const known = CONTENDERS.filter(({ name }) => names.includes(name));
  for (const { name } of known) {
    if (!scenario.contenders.includes(name))
      throw new Error(`${name} does not do what ${scenario.name} asks for`);
  }
  return known.filter((contender) => {
    const why = contender.whyNot();
    if (why !== undefined) say(`left out: ${contender.name}: ${why}`);
    return why === undefined;
  });
}

function trialOf(
  { scenario, folder, profiles }: RunScenarioInput,
  contender: Contender,
  content: Content,
  limit: number | undefined,
): TrialInput {
  const { links, strangers, oneHost, disturb, joinEverySeconds } = scenario;
  return {
    ...{ contender, content, links, folder },
    deadlineMs: deadlineOf(scenario, limit),
    ...(strangers && { strangers }),
    ...(oneHost && { oneHost }),
    ...(disturb && { disturb }),
    ...(joinEverySeconds && { joinEverySeconds }),
    ...(profiles !== undefined && { nodeFlags: (host) => profileFlags(profiles, host) }),
  };
}

/** The slowest way there is, one copy after the other to everybody through the slowest link, and then some. */
function deadlineOf({ links }: Scenario, limit = 60): number {
  const slowest = Math.min(...links.map((mbit) => mbit ?? 1000));
  const slow = limit * ((links[0] ?? 1000) / slowest);
  return 60_000 + 1000 * Math.max(slow * 2, limit * links.length * 1.5);
}

/** Of the source and of one client; more would slow the machine that they all share. */
function profileFlags(profiles: string, host: number): string[] {
  if (host > 1) return [];
  return ['--cpu-prof', `--cpu-prof-dir=${join(profiles, host === 0 ? 'source' : 'client')}`];
}
