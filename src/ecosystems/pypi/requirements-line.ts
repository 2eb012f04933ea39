import type { MalformedLines } from '../../domain/malformed.js';
import { isPurlLine, purlOfLine, type PurlLine } from '../../domain/purl.js';

/** One logical line of a requirements file: continuations joined, comments off, variables filled in. */
export interface LogicalLine {
  /** Of its first physical line, from 1. */
  line: number;
  text: string;
  /** Without its variables filled in: what messages may show. */
  written: string;
}

/** A word of a line, quotes taken off. */
export interface Word {
  text: string;
  /** In the logical line, from 0. */
  offset: number;
}

/**
 * Splits a requirements file as pip does: backslash continuations, comments after white space, and
 * `${NAME}` from the environment (an unset one stays as it is). purl lines are comments to pip, or
 * taken out before it would see them.
 */
export function splitLines(
  text: string,
  file: string,
  env: Readonly<Record<string, string | undefined>>,
  malformed: MalformedLines,
): { lines: LogicalLine[]; purls: PurlLine[] } {
  const lines: LogicalLine[] = [];
  const purls: PurlLine[] = [];
  let pending: { line: number; parts: string[] } | undefined;
  const finish = (line: number, joined: string): void => {
    const bare = withoutComment(joined);
    if (bare !== '') lines.push({ line, text: expandVariables(bare, env), written: bare });
    pending = undefined;
  };
  const physical = text.replace(/^\ufeff/, '').split(/\r\n|\r|\n/);
  physical.forEach((raw, index) => {
    const line = index + 1;
    if (pending === undefined && isPurlLine(raw)) {
      const purl = malformed.attempt(() => purlOfLine(raw, file, line));
      if (purl !== undefined) purls.push(purl);
      return;
    }
    const isComment = /^\s*#/.test(raw);
    if (raw.endsWith('\\') && !isComment) {
      pending ??= { line, parts: [] };
      pending.parts.push(raw.slice(0, -1));
      return;
    }
    // pip lets a comment end a continued line.
    const last = isComment ? ` ${raw}` : raw;
    finish(pending?.line ?? line, [...(pending?.parts ?? []), last].join(''));
  });
  if (pending !== undefined) {
    const { line, parts } = pending;
    finish(line, parts.join(''));
  }
  return { lines, purls };
}

/** A `#` starts a comment at the line's start or after white space, so URL fragments survive. */
function withoutComment(line: string): string {
  // Looked for mark by mark: a pattern would take white space without end again for each place.
  for (let at = line.indexOf('#'); at >= 0; at = line.indexOf('#', at + 1)) {
    if (at === 0 || /\s/.test(line.charAt(at - 1))) return line.slice(0, at).trim();
  }
  return line.trim();
}

/** As pip: `${NAME}`, where it is set. */
export function expandVariables(
  line: string,
  env: Readonly<Record<string, string | undefined>>,
): string {
  return line.replace(/\$\{([A-Z0-9_]+)\}/g, (whole, name: string) => env[name] ?? whole);
}

/** Splits a line into words, as a shell would where quotes are simple. */
export function wordsOf(text: string): Word[] {
  const words: Word[] = [];
  for (const match of text.matchAll(/(?:"[^"]*"|'[^']*'|[^\s"'])+/g)) {
    const unquoted = match[0].replace(/"([^"]*)"|'([^']*)'/g, '$1$2');
    words.push({ text: unquoted, offset: match.index });
  }
  return words;
}
