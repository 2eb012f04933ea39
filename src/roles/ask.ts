import { createInterface } from 'node:readline/promises';
import type { TrustChoice } from '../operations/accept-metadata.js';
import type { RequesterTrust } from '../operations/find-recipient.js';

const hasTerminal = process.stdin.isTTY && process.stderr.isTTY;

/** Asks on the terminal whether a source is to be trusted; undefined where there is no terminal to ask on. */
export const askOnTerminal: TrustChoice['ask'] = hasTerminal
  ? (what) => isYes(questionOf(what))
  : undefined;

/** The same of a machine whose request is to be answered. */
export const askRequester: RequesterTrust['ask'] = hasTerminal
  ? ({ requester, from }) =>
      isYes(
        `First request of this machine: ${escaped(from)} is signed by\n  ${escaped(requester)}\nCompare that with what \`x key\` shows on it. Answer it? [y/N] `,
      )
  : undefined;

/** A question on the terminal; anything but a yes is a no. */
export async function isYes(question: string): Promise<boolean> {
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(question)).trim());
  } finally {
    prompt.close();
  }
}

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
