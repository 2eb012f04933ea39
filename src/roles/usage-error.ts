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
  const text = lines.slice(0, 2).join('\n');
  for (const [pattern, say] of SENTENCES) {
    const [, first = '', second = ''] = pattern.exec(text) ?? [];
    if (first !== '') return say(first, second);
  }
  return lines[0] ?? '';
}

/** oclif's sentences, and what is said in their place. */
const SENTENCES: readonly (readonly [RegExp, (first: string, second: string) => string])[] = [
  [/^Missing [0-9]+ required args?:\n(\S+)/, (name) => `${name.toUpperCase()} is missing`],
  [/^Unexpected arguments?: (.*)/, (argument) => `unexpected argument "${argument}"`],
  [
    /^Parsing (--\S+)\n(.*)/,
    (flag, why) => `${flag}: ${why.charAt(0).toLowerCase()}${why.slice(1)}`,
  ],
  [/^Missing required flags? (\S+)/, (flag) => `--${flag} is missing`],
  [
    /^All of the following must be provided when using (--\S+): (.*)/,
    (flag, other) => `${flag} needs ${other}`,
  ],
  [
    /^One of the following must be provided when using (--\S+): (.*)/,
    (flag, other) => `${flag} needs ${other}`,
  ],
  [
    /^--([^\s=]+)=false cannot also be provided when using (--\S+)/,
    (flag, other) => `--no-${flag} and ${other} exclude each other`,
  ],
  [
    /^(--[^\s=]+)(?:=.*)? cannot also be provided when using (--\S+)/,
    (flag, other) => `${flag} and ${other} exclude each other`,
  ],
  [/^Flag (--?\S+) expects a value/, (flag) => `${flag} needs a value`],
];

/** The texts that one of oclif's errors lists under a field. */
function namesIn(error: unknown, field: string): string[] {
  if (typeof error !== 'object' || error === null) return [];
  const list = (error as Record<string, unknown>)[field];
  return Array.isArray(list) ? list.filter((name): name is string => typeof name === 'string') : [];
}
