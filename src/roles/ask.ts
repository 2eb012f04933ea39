import { createInterface } from 'node:readline/promises';
import type { TrustChoice } from '../operations/accept-metadata.js';

/** Asks on the terminal whether a source is to be trusted; undefined where there is no terminal to ask on. */
export const askOnTerminal: TrustChoice['ask'] =
  process.stdin.isTTY && process.stderr.isTTY
    ? async ({ source, bundle, from }) => {
        const prompt = createInterface({ input: process.stdin, output: process.stderr });
        try {
          const answer = await prompt.question(
            `First contact: bundle "${bundle}" from ${from} is signed by\n  ${source}\nCompare that with what \`x key\` shows on the source. Trust it? [y/N] `,
          );
          return /^y(es)?$/i.test(answer.trim());
        } finally {
          prompt.close();
        }
      }
    : undefined;
