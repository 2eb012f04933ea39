import { Config, flush, run } from '@oclif/core';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import { nearest } from '../domain/nearest.js';
import { keepFreedMemory } from '../platform/freed-memory.js';
import { reportFailure } from './command.js';

/** Runs the command line: oclif's run, with this project's way of failing. */
export async function start(args: string[], url: string): Promise<void> {
  keepFreedMemory();
  outliveOutput();
  try {
    await run(args, url);
    if (process.stdout.writable) await flush();
  } catch (error) {
    const mistyped = args[0];
    if (
      mistyped !== undefined &&
      error instanceof Error &&
      /^command .* not found/.test(error.message)
    ) {
      const failure = await unknownCommand(mistyped, args, url);
      process.exitCode = reportFailure(failure, { json: args.includes('--json'), events: false });
      return;
    }
    process.exitCode = reportFailure(error, { json: args.includes('--json'), events: false });
  }
}

/**
 * Who reads standard output may leave before x does (`x ls | head -1`), and the disk that it goes to
 * may fill up: that ends no source or client. oclif's own listener would.
 */
function outliveOutput(): void {
  let isTold = false;
  process.stdout.removeAllListeners('error').on('error', (error) => {
    if (systemCodeOf(error) === 'EPIPE' || isTold) return;
    isTold = true;
    const failure = new XError('IO_FAILED', `cannot write what x prints: ${messageOf(error)}`, {
      hint: 'What was printed is not whole. Free some space, or print it elsewhere.',
    });
    process.exitCode = reportFailure(failure, { json: false, events: false });
  });
  // There is nowhere left to say it.
  process.stderr.on('error', () => undefined);
}

async function unknownCommand(
  mistyped: string,
  args: readonly string[],
  url: string,
): Promise<XError> {
  const { commandIDs } = await Config.load(url);
  if (commandIDs.includes(mistyped)) {
    const surplus = args.slice(1).find((arg) => !arg.startsWith('-')) ?? '';
    return new XError('USAGE', `unexpected argument "${surplus}"`, {
      hint: `See \`x ${mistyped} --help\`.`,
    });
  }
  const near = nearest(mistyped, commandIDs, 1)[0];
  return new XError('USAGE', `there is no command "${mistyped}"`, {
    hint:
      near === undefined
        ? `Commands: ${[...commandIDs].sort().join(', ')}.`
        : `Did you mean \`x ${near}\`?`,
  });
}
