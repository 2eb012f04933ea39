import { styleText } from 'node:util';

export type Colour = 'red' | 'yellow' | 'green' | 'bold';

/** A line whose first characters are shown in a colour, where the terminal has any. */
export interface MarkedLine {
  text: string;
  colour: Colour;
  /** How many characters of it. */
  length: number;
}

/**
 * Whether a stream is shown in colours: a terminal that knows them, unless NO_COLOR is there and not
 * empty.
 * @see https://no-color.org
 */
export function hasColours(
  stream: { isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  return stream.isTTY === true && (env['NO_COLOR'] ?? '') === '' && env['TERM'] !== 'dumb';
}

export function coloured(text: string, colour: Colour, isOn: boolean): string {
  return isOn ? styleText(colour, text, { validateStream: false }) : text;
}
