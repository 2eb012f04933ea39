import { parse, TomlError } from 'smol-toml';
import { messageOf, XError } from '../../domain/errors.js';
import type { InputFile } from '../../ports/ecosystem.js';

export type Table = Record<string, unknown>;

/** @throws XError INPUT_MALFORMED with file:line:column. */
export function parseToml(file: InputFile): Table {
  try {
    return parse(file.text);
  } catch (thrown) {
    const place = thrown instanceof TomlError ? `:${thrown.line}:${thrown.column}` : '';
    const line = thrown instanceof TomlError ? file.text.split('\n')[thrown.line - 1] : undefined;
    const problem = (messageOf(thrown).split('\n')[0] ?? '').replace(
      /^Invalid TOML document: /,
      'not TOML: ',
    );
    const shown = line === undefined || line.trim() === '' ? '' : `: ${line.trim()}`;
    throw new XError('INPUT_MALFORMED', `${file.path}${place}: ${problem}${shown}`, {
      hint: 'Correct the file at that place; pip cannot read it either.',
      cause: thrown,
    });
  }
}

/** The place of a text in a file, as well as it can be found after parsing: `file:line:column`. */
export function placeOf(file: InputFile, text: string): string {
  const at = file.text.indexOf(text);
  if (at < 0) return `${file.path}:1:1`;
  const before = file.text.slice(0, at).split('\n');
  return `${file.path}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}

export function tableOf(value: unknown): Table {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Table)
    : {};
}
