import { tmpdir } from 'node:os';
import { parseArgs } from 'node:util';
import type { ContenderName } from './contender.js';
import { CONTENDERS } from './contenders.js';
import { SCENARIOS, type Scenario } from './scenarios.js';

const NAMES = CONTENDERS.map(({ name }) => name);

export const USAGE = `npm run bench:lan -- SCENARIO… [--runs N] [--with LIST] [--json] [--profile]

${SCENARIOS.map(({ name, summary }) => `  ${name.padEnd(15)}${summary}`).join('\n')}

--runs N     runs of each contender; the tables give medians (default 1)
--with LIST  of ${NAMES.join(', ')}; default: those that the scenario is about
--profile    write CPU profiles of X's source and first client, and say where
--mib N      so much content, instead of the scenario's own amount
--seed TEXT  other sizes and other bytes
--slower N   links N times as slow: the same hosts where the machine is not what limits
--tmp DIR    where all files lie while it runs (default: ${tmpdir()})
--json       one JSON document on standard output, the story on standard error

It needs Linux, root, iproute2, python3; libtorrent (python3-libtorrent), nginx, curl and rsync where
they are compared with.`;

export interface Options {
  scenarios: Scenario[];
  runs: number;
  contenders: readonly ContenderName[] | undefined;
  profile: boolean;
  /** Instead of the scenario's own amount. */
  totalBytes: number | undefined;
  seed: string;
  temporary: string;
  json: boolean;
}

/** @throws Error saying what is wrong with them. */
export function parseOptions(args: readonly string[]): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      runs: { type: 'string', default: '1' },
      with: { type: 'string' },
      seed: { type: 'string', default: 'x' },
      mib: { type: 'string' },
      slower: { type: 'string', default: '1' },
      tmp: { type: 'string', default: tmpdir() },
      profile: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  });
  if (positionals.length === 0) throw new Error('which scenario?');
  const mib = values.mib === undefined ? undefined : count(values.mib, '--mib');
  return {
    scenarios: positionals.map(scenarioOf).map(slowedBy(count(values.slower, '--slower'))),
    runs: count(values.runs, '--runs'),
    contenders: values.with?.split(',').map(contenderOf),
    profile: values.profile,
    totalBytes: mib === undefined ? undefined : mib * 2 ** 20,
    seed: values.seed,
    temporary: values.tmp,
    json: values.json,
  };
}

function count(text: string, flag: string): number {
  if (!/^[1-9][0-9]{0,5}$/.test(text)) throw new Error(`${flag} is a number from 1 on: ${text}`);
  return Number(text);
}

function scenarioOf(name: string): Scenario {
  const found = SCENARIOS.find((one) => one.name === name);
  if (found === undefined) throw new Error(`no scenario "${name}"`);
  return found;
}

function slowedBy(factor: number): (scenario: Scenario) => Scenario {
  return (scenario) => ({
    ...scenario,
    links: scenario.links.map((mbit) => mbit && mbit / factor),
  });
}

function contenderOf(text: string): ContenderName {
  const found = NAMES.find((name) => name === text);
  if (found === undefined) throw new Error(`no contender "${text}"`);
  return found;
}
