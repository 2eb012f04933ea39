import { Command, Flags } from '@oclif/core';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { mergeSettings, type Settings } from '../config/settings.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import { dataFolder, dataPaths } from '../platform/paths.js';
import { boundYoungSpace } from '../swarm/young-garbage.js';
import { coloured, hasColours } from './colour.js';
import { makeDataFolder } from './data-folder.js';
import { plainParagraph, plainText } from './plain-text.js';
import { createPrinter, type Printer } from './printer.js';
import { usageError, type UsedCommand } from './usage-error.js';

/** What every command of x has: the data folder, `--json`, `--quiet`, and one way to fail. */
export abstract class XCommand extends Command {
  static override baseFlags = {
    data: Flags.directory({
      summary: 'Data folder (also X_DATA).',
      helpGroup: 'GLOBAL',
      helpValue: 'DIR',
    }),
    json: Flags.boolean({
      summary: 'Print one JSON document, or one event a line.',
      helpGroup: 'GLOBAL',
    }),
    quiet: Flags.boolean({
      char: 'q',
      summary: 'No progress on standard error.',
      helpGroup: 'GLOBAL',
    }),
  };

  #printer: Printer | undefined;

  /** True for a command that stays or reports while it works: `--json` prints events, not a document. */
  protected get printsEvents(): boolean {
    return false;
  }

  /** True for a command that stays: it may take longer over a thing and less memory. */
  protected get isResident(): boolean {
    return false;
  }

  protected override async init(): Promise<void> {
    if (this.isResident) boundYoungSpace();
    await super.init();
  }

  /** Prints results, events and progress the way that `--json` and `--quiet` ask for. */
  protected printer(flags: { json?: boolean; quiet?: boolean }): Printer {
    this.#printer = createPrinter({
      json: flags.json === true,
      quiet: flags.quiet === true,
      events: this.printsEvents,
      stdout: process.stdout,
      stderr: process.stderr,
      env: process.env,
    });
    return this.#printer;
  }

  /** Defaults < file < environment < flags. */
  protected async settings(
    flags: Parameters<typeof mergeSettings>[0]['flags'],
  ): Promise<Settings & { folder: string }> {
    const { env } = process;
    if (flags.data === '') throw new XError('USAGE', '--data needs the name of a folder');
    const folder = dataFolder({
      env,
      home: homedir(),
      platform: process.platform,
      override: flags.data,
    });
    await makeDataFolder(folder);
    const path = dataPaths(folder).config;
    const text = await readIfThere(path);
    const file = text === undefined ? undefined : { path, text };
    return { ...mergeSettings({ file, env, flags }), folder };
  }

  protected override async catch(error: Error & { oclif?: { exit?: number } }): Promise<void> {
    const json = this.argv.slice(0, separatorIndex(this.argv)).includes('--json');
    const known = { ...XCommand.baseFlags, ...this.ctor.flags };
    process.exitCode = reportFailure(error, {
      // Standard output holds one document at most: after it, a failure is told on standard error.
      json: json && this.#printer?.documented !== true,
      events: this.printsEvents,
      command: { id: this.id, flags: Object.keys(known) },
    });
    // A library that does not listen to signals may hold the process open: the user wants out now.
    if (error instanceof XError && error.code === 'STOPPED') process.exit(process.exitCode);
  }
}

/**
 * Prints a failure, on one line and a hint, or as JSON, and returns the exit code it means.
 * Anything that is not an XError nor a usage error of oclif's is a defect, and is shown with its stack.
 */
export function reportFailure(
  error: unknown,
  mode: { json: boolean; events: boolean; command?: UsedCommand },
): number {
  if (isExit(error)) return error.oclif.exit;
  const failure = asXError(error, mode.command ?? { id: undefined, flags: [] });
  if (mode.json) {
    const body = { code: failure.code, message: failure.message, hint: failure.hint };
    const document = mode.events
      ? { at: new Date().toISOString(), event: 'error', ...body }
      : { error: body };
    process.stdout.write(`${JSON.stringify(document, null, mode.events ? 0 : 2)}\n`);
  } else {
    const label = coloured('x:', 'red', hasColours(process.stderr, process.env));
    process.stderr.write(`${label} ${plainParagraph(failure.message)}\n`);
    if (failure.hint !== undefined) process.stderr.write(`   ${plainParagraph(failure.hint)}\n`);
  }
  if (process.env['X_DEBUG'] !== undefined && error instanceof Error)
    process.stderr.write(`${plainText(stackOf(error))}\n`);
  return failure.exitCode;
}

function asXError(error: unknown, command: UsedCommand): XError {
  if (error instanceof XError) return error;
  const message = messageOf(error);
  if (isUsageError(error)) return usageError(error, command);
  const code = systemCodeOf(error);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new XError('DISK_FULL', `the disk is full: ${message}`, {
      hint: 'Free some space, then run the same command again: it continues.',
      cause: error,
    });
  }
  if (code !== undefined && /^E[A-Z]+$/.test(code)) {
    return new XError('IO_FAILED', message, { cause: error });
  }
  return new XError('IO_FAILED', `unexpected: ${message}`, {
    hint: 'This is a defect of x. X_DEBUG=1 shows where it happened.',
    cause: error,
  });
}

function stackOf(error: Error): string {
  const cause = error.cause instanceof Error ? `\ncaused by: ${stackOf(error.cause)}` : '';
  return `${error.stack ?? error.message}${cause}`;
}

function isExit(error: unknown): error is Error & { oclif: { exit: number } } {
  return error instanceof Error && 'code' in error && error.code === 'EEXIT' && 'oclif' in error;
}

function isUsageError(error: unknown): boolean {
  return error instanceof Error && 'oclif' in error;
}

function separatorIndex(argv: readonly string[]): number {
  const index = argv.indexOf('--');
  return index < 0 ? argv.length : index;
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (systemCodeOf(error) === 'ENOENT') return undefined;
    throw new XError('IO_FAILED', `${path} cannot be read: ${messageOf(error)}`, {
      hint: 'Check who may read the data folder, or choose another one with --data.',
      cause: error,
    });
  }
}
