import { Config, flush, run } from '@oclif/core';
import { nearest } from '../domain/nearest.js';
import { reportFailure } from './command.js';

/** Runs the command line: oclif's run, with this project's way of failing. */
export async function start(args: string[], url: string): Promise<void> {
  try {
    await run(args, url);
    await flush();
  } catch (error) {
    const mistyped = args[0];
    if (
      mistyped !== undefined &&
      error instanceof Error &&
      /^command .* not found/.test(error.message)
    ) {
      await refuseUnknown(mistyped, url);
      return;
    }
    process.exitCode = reportFailure(error, { json: args.includes('--json'), events: false });
  }
}

async function refuseUnknown(mistyped: string, url: string): Promise<void> {
  const config = await Config.load(url);
  const known = config.commandIDs;
  const near = nearest(mistyped, known, 1)[0];
  process.stderr.write(`x: no command "${mistyped}"\n`);
  process.stderr.write(
    near === undefined
      ? `   Commands: ${[...known].sort().join(', ')}.\n`
      : `   Did you mean \`x ${near}\`?\n`,
  );
  process.exitCode = 2;
}
