import { BOUNDS } from './bounds.js';
import { XError } from './errors.js';

/**
 * Gathers what is malformed in an input, so that its author meets all of it at once and not one line
 * a run. Any other failure passes through.
 */
export class MalformedLines {
  readonly #problems: XError[] = [];

  /** Reads one thing; undefined where it is malformed, which is kept for the end. */
  attempt<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.add(error);
      return undefined;
    }
  }

  /** Keeps a malformed line; anything else is thrown on. */
  add(error: unknown): void {
    if (!(error instanceof XError) || error.code !== 'INPUT_MALFORMED') throw error;
    this.#problems.push(error);
  }

  /** @throws XError INPUT_MALFORMED, one line of its message for each problem, where there are any. */
  throwIfAny(): void {
    const [first, ...others] = this.#problems;
    if (first === undefined) return;
    if (others.length === 0) throw first;
    const lines = inFileOrder(this.#problems.flatMap(({ message }) => message.split('\n')));
    const shown = lines.slice(0, BOUNDS.shownProblems);
    if (lines.length > shown.length) shown.push(`and ${lines.length - shown.length} more`);
    const hints = new Set(this.#problems.flatMap(({ hint }) => hint ?? []));
    throw new XError('INPUT_MALFORMED', shown.join('\n'), {
      hint: hints.size === 0 ? undefined : [...hints].slice(0, BOUNDS.shownHints).join('\n'),
    });
  }
}

/** Each file's problems together, in the order of its lines. */
function inFileOrder(messages: readonly string[]): string[] {
  const byFile = Map.groupBy(messages, (message) => /^(.*?):[0-9]+/.exec(message)?.[1] ?? message);
  const lineOf = (message: string): number => Number(/:([0-9]+)/.exec(message)?.[1] ?? 0);
  return [...byFile.values()].flatMap((lines) => lines.sort((a, b) => lineOf(a) - lineOf(b)));
}
