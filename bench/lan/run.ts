/** `npm run bench:lan -- SCENARIO…`: X beside others on hosts in network namespaces. */
import { mkdtempSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { killHostProcesses, PYTHON, whyNoCommand } from './host-process.js';
import { takeLansDown, whyNoLan } from './lan.js';
import { parseOptions, USAGE, type Options } from './options.js';
import { runScenario, type ScenarioResult } from './run-scenario.js';
import { makeScratch, removeScratch } from './scratch.js';

/** X's own start script hands over to the Node that the project brings; the benchmark says so. */
function whyNoNode(): string | undefined {
  const major = Number(process.versions.node.split('.')[0]);
  return major >= 22
    ? undefined
    : `this is Node ${process.versions.node}; \`npm run bench:lan\` runs it on the one that x brings`;
}

async function runAll(options: Options): Promise<boolean> {
  const folder = makeScratch(options.temporary);
  const cleanUp = (): void => {
    killHostProcesses();
    takeLansDown();
    removeScratch(folder);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => {
      cleanUp();
      process.exit(1);
    });
  const say = (text: string): void =>
    void (options.json ? process.stderr : process.stdout).write(`${text}\n`);
  const profiles = options.profile
    ? mkdtempSync(join(options.temporary, 'x-profiles-'))
    : undefined;
  try {
    const results: ScenarioResult[] = [];
    for (const scenario of options.scenarios)
      results.push(await runScenario({ scenario, options, folder, profiles, say }));
    const machine = { processors: cpus().length, node: process.versions.node };
    if (options.json)
      process.stdout.write(`${JSON.stringify({ machine, scenarios: results }, null, 2)}\n`);
    if (profiles !== undefined) say(`\nprofiles: ${profiles}/source and ${profiles}/client`);
    return results.every(({ summaries }) => summaries.every(({ failed }) => failed === 0));
  } finally {
    cleanUp();
  }
}

function refuse(code: number, text: string): never {
  process.stderr.write(`${text}\n`);
  process.exit(code);
}

let options: Options;
try {
  options = parseOptions(process.argv.slice(2));
} catch (error) {
  refuse(2, `${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
}
const why = whyNoNode() ?? whyNoLan() ?? whyNoCommand(PYTHON);
if (why !== undefined) refuse(1, `bench/lan cannot run here: ${why}`);
try {
  process.exitCode = (await runAll(options)) ? 0 : 1;
} catch (error) {
  refuse(1, `bench/lan: ${error instanceof Error ? error.message : String(error)}`);
}
