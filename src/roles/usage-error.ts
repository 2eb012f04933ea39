import { messageOf, XError } from '../domain/errors.js';
import { nearest } from '../domain/nearest.js';

/** A command as far as its help goes. */
export interface UsedCommand {
  /** `source`; undefined where none was found. */
  id: string | undefined;
  /** The long names of its flags. */
  flags: readonly string[];
}

/** Says what oclif's parser found wrong with a command line in this project's one line and a hint. */
export function usageError(error: unknown, { id, flags }: UsedCommand): XError {
  const help = id === undefined ? 'See `x --help`.' : `See \`x ${id} --help\`.`;
  const unknown = namesIn(error, 'flags')[0];
  if (unknown !== undefined) {
    const negated = flags.map((flag) => `no-${flag}`);
    const near = nearest(unknown.replace(/^-+/, ''), [...flags, ...negated], 1)[0];
    const hint = near === undefined ? help : `Did you mean --${near}? ${help}`;
    return new XError('USAGE', `unknown flag ${unknown}`, { hint, cause: error });
  }
  return new XError('USAGE', sentenceOf(error), { hint: help, cause: error });
}

function sentenceOf(error: unknown): string {
  const lines = messageOf(error)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && line !== 'See more help with --help');
  if (/^The following errors? occurred:$/.test(lines[0] ?? '')) lines.shift();
  const first = lines[0] ?? '';
  const second = lines[1] ?? '';
  const argument = /^Missing [0-9]+ required args?:$/.test(first) ? /^(\S+)/.exec(second) : null;
  if (argument) return `${(argument[1] ?? '').toUpperCase()} is missing`;
  const unexpected = /^Unexpected arguments?: (.*)$/.exec(first);
  if (unexpected) return `unexpected argument "${unexpected[1] ?? ''}"`;
  const parsing = /^Parsing (--\S+)$/.exec(first);
  if (parsing) return `${parsing[1] ?? ''}: ${second.charAt(0).toLowerCase()}${second.slice(1)}`;
  const missing = /^Missing required flags? (\S+)$/.exec(first);
  if (missing) return `--${missing[1] ?? ''} is missing`;
  const needs = /^All of the following must be provided when using (--\S+): (.*)$/.exec(first);
  if (needs) return `${needs[1] ?? ''} needs ${needs[2] ?? ''}`;
  const both = /^(--[^\s=]+)(?:=.*)? cannot also be provided when using (--\S+)$/.exec(first);
  if (both) return `${both[1] ?? ''} and ${both[2] ?? ''} exclude each other`;
  const value = /^Flag (--?\S+) expects a value$/.exec(first);
  if (value) return `${value[1] ?? ''} needs a value`;
  return first;
}

/** The texts that one of oclif's errors lists under a field. */
function namesIn(error: unknown, field: string): string[] {
  if (typeof error !== 'object' || error === null) return [];
  const list = (error as Record<string, unknown>)[field];
  return Array.isArray(list) ? list.filter((name): name is string => typeof name === 'string') : [];
}
