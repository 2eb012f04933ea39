import { createInterface } from 'node:readline/promises';
import type { Did } from '../domain/bundle.js';

/** Asks on the terminal whether a source is to be trusted; undefined where there is no terminal to ask on. */
export const askOnTerminal: ((did: Did) => Promise<boolean>) | undefined =
  process.stdin.isTTY && process.stderr.isTTY
    ? async (did) => {
        const prompt = createInterface({ input: process.stdin, output: process.stderr });
        try {
          const answer = await prompt.question(
            `First contact. The source's key is\n  ${did}\nCompare it with \`x key\` on the source. Trust it? [y/N] `,
          );
          return /^y(es)?$/i.test(answer.trim());
        } finally {
          prompt.close();
        }
      }
    : undefined;
