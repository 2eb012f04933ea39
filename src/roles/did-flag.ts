import { Errors } from '@oclif/core';
import { isDid } from '../trust/did.js';

/** Reads the value of a flag that names a DID; oclif says which flag it was. */
export function parseDid(text: string): Promise<string> {
  if (isDid(text)) return Promise.resolve(text);
  const what = `"${text.slice(0, 80)}" is no DID: one looks like did:key:z6Mk…, and x key prints it`;
  return Promise.reject(new Errors.CLIError(what));
}
