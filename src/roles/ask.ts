import { createInterface } from 'node:readline/promises';
import type { TrustChoice } from '../operations/accept-metadata.js';

/** Asks on the terminal whether a source is to be trusted; undefined where there is no terminal to ask on. */
export const askOnTerminal: TrustChoice['ask'] =
  process.stdin.isTTY && process.stderr.isTTY
    ? async ({ source, bundle, from }) => {
        const prompt = createInterface({ input: process.stdin, output: process.stderr });
        try {
          const answer = await prompt.question(questionOf({ source, bundle, from }));
          return /^y(es)?$/i.test(answer.trim());
        } finally {
          prompt.close();
        }
      }
    : undefined;

/** The question, with what a peer chose escaped: nothing of it may move the cursor or hide the DID. */
export function questionOf(what: { source: string; bundle: string; from: string }): string {
  const { source, bundle, from } = what;
  return `First contact: bundle "${escaped(bundle)}" from ${escaped(from)} is signed by\n  ${escaped(source)}\nCompare that with what \`x key\` shows on the source. Trust it? [y/N] `;
}

/** Controls, and what turns the direction of writing, as `\u{…}`. */
function escaped(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
