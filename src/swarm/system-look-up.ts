import { lookup } from 'node:dns/promises';

/** The addresses of a name, as this machine resolves it. */
export async function systemLookUp(host: string): Promise<string[]> {
  return (await lookup(host, { all: true })).map(({ address }) => address);
}
