import { BOUNDS } from '../../domain/bounds.js';
import { messageOf, XError } from '../../domain/errors.js';
import type { JsonObject, JsonValue } from '../../domain/plan.js';
import type { InputFile } from '../../ports/ecosystem.js';

/**
 * Parses a file that must hold a JSON object.
 * @throws XError INPUT_MALFORMED with file:line:column and the text there.
 */
export function parseJsonFile(file: InputFile): JsonObject {
  const text = file.text.replace(/^\uFEFF/, '');
  refuseDeep(file.path, text);
  let json: JsonValue;
  try {
    json = JSON.parse(text) as JsonValue;
  } catch (cause) {
    const { line, column } = placeOf(messageOf(cause), text);
    const shown = (text.split('\n')[line - 1] ?? '').trim().slice(0, 80);
    const reason = messageOf(cause).replace(/,? (in JSON )?at position.*$|, ".*$/s, '');
    throw new XError(
      'INPUT_MALFORMED',
      `${file.path}:${line}:${column}: not JSON: ${reason}${shown === '' ? '' : `: ${shown}`}`,
      { hint: 'Correct the file at that place; npm cannot read it either.', cause },
    );
  }
  if (isObject(json)) return json;
  throw new XError('INPUT_MALFORMED', `${file.path}:1:1: not a JSON object`, {
    hint: 'A package.json or lockfile is an object: { … }.',
  });
}

/** @throws XError LIMIT_EXCEEDED for what is nested deeper than any reader can follow. */
function refuseDeep(path: string, text: string): void {
  let depth = 0;
  // Strings are stepped over: brackets in them nest nothing.
  for (const [token] of text.matchAll(/"(?:[^"\\]|\\.)*"|[{}[\]]/gs)) {
    if (token === '{' || token === '[') depth += 1;
    else if (token === '}' || token === ']') depth -= 1;
    if (depth > BOUNDS.jsonNesting) {
      throw new XError('LIMIT_EXCEEDED', `${path}: nested more than ${BOUNDS.jsonNesting} deep`, {
        hint: 'No package.json or lockfile of npm is: write it again with "npm install --package-lock-only".',
      });
    }
  }
}

/** Line and column, from 1, that a JSON.parse error points at; the end of the text where it names none. */
function placeOf(message: string, text: string): { line: number; column: number } {
  const position = /at position (\d+)/.exec(message)?.[1];
  const token = /Unexpected token .*?, "?(?:\.\.\.)?/.test(message);
  const offset = position === undefined ? (token ? 0 : text.length) : Number(position);
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The string members of an object: what a dependency table may hold. */
export function strings(value: JsonValue | undefined): Record<string, string> {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}

/** A list of strings; a single string counts as a list of one. */
export function list(value: JsonValue | undefined): string[] {
  if (typeof value === 'string') return [value];
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}
