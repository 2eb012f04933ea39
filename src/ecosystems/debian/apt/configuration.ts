import type { AptFile } from '../../../ports/apt.js';

/** apt.conf's values by lower-case name (`acquire::check-valid-until`); the last one written wins. */
export type AptConfiguration = ReadonlyMap<string, string>;

/**
 * Reads apt.conf files: `Name "value";`, nested blocks in braces, comments. What cannot be read is
 * passed over: apt itself is the judge of its own files, and few of its values matter here.
 * @see apt.conf(5)
 */
export function parseAptConfiguration(files: readonly AptFile[]): AptConfiguration {
  const values = new Map<string, string>();
  for (const { text } of files) readFile(text, values);
  return values;
}

const TOKEN = /"((?:[^"\\]|\\.)*)"|([{};])|([^\s"{};]+)/g;

function readFile(text: string, values: Map<string, string>): void {
  const scopes: string[] = [];
  let words: string[] = [];
  for (const match of stripComments(text).matchAll(TOKEN)) {
    const [, quoted, mark, bare] = match;
    if (mark === undefined) words.push(quoted ?? bare ?? '');
    else if (mark === '{') {
      scopes.push(words[0] ?? '');
      words = [];
    } else {
      const [name, value] = words;
      if (name !== undefined && value !== undefined) {
        values.set([...scopes, name].join('::').toLowerCase(), value);
      }
      words = [];
      if (mark === '}') scopes.pop();
    }
  }
}

/** Drops `//…`, `/*…*\/` and lines that begin with `#`, but nothing inside quotes (`"http://…"`). */
function stripComments(text: string): string {
  return text.replace(/"(?:[^"\\\n]|\\.)*"|\/\/[^\n]*|\/\*[^]*?\*\/|^[ \t]*#[^\n]*/gm, (found) =>
    found.startsWith('"') ? found : '',
  );
}

/** A yes or no of apt.conf. */
export function flagOf(configuration: AptConfiguration, name: string, fallback: boolean): boolean {
  const value = configuration.get(name.toLowerCase())?.toLowerCase();
  if (value === undefined) return fallback;
  if (['no', 'false', 'without', 'off', 'disable', '0'].includes(value)) return false;
  if (['yes', 'true', 'with', 'on', 'enable', '1'].includes(value)) return true;
  return fallback;
}
