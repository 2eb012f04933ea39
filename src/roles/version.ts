import { readFileSync } from 'node:fs';

/** This x's version, as its package.json says it. */
export const VERSION: string = (
  JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  }
).version;
