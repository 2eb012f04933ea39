import { Errors } from '@oclif/core';

/** A host's name or address, an IPv6 address in brackets, and a port. */
const ENDPOINT = /^(?:\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+):(\d{1,5})$/;

/** Reads the value of a flag that names HOST:PORT; oclif says which flag it was. */
export function parseEndpoint(text: string): Promise<string> {
  const port = Number(ENDPOINT.exec(text)?.[1] ?? 0);
  if (port > 0 && port <= 65_535) return Promise.resolve(text);
  return refused(text, 'HOST:PORT, such as dht.example.org:6881 or [2001:db8::1]:6881');
}

/** Reads the value of a flag that names an index, a registry or a mirror. */
export function parseIndexUrl(text: string): Promise<string> {
  const url = URL.parse(text);
  const isIndex = url !== null && /^https?:$/.test(url.protocol) && url.hostname !== '';
  return isIndex ? Promise.resolve(text) : refused(text, 'the address of an index, https://…');
}

function refused(text: string, wanted: string): Promise<never> {
  return Promise.reject(new Errors.CLIError(`"${text.slice(0, 80)}" is not ${wanted}`));
}
