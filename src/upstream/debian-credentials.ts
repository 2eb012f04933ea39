import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, systemCodeOf } from '../domain/errors.js';
import { parseNetrc, type NetrcEntry } from './netrc.js';

/** Logins for apt's repositories; kept in memory, sent to nobody else. */
export interface AptCredentials {
  /** The header for an address, or undefined. */
  authorizationFor(url: string): string | undefined;
  /** Files that this user may not read; apt passes over them as well. */
  warnings: string[];
}

/**
 * Reads auth.conf and auth.conf.d/*.conf, and takes the logins that stand in the sources' addresses.
 * @param addresses of the sources, which count before the files.
 * @param root the machine's root folder.
 * @see apt_auth.conf(5)
 */
export async function readAptCredentials(
  addresses: readonly string[],
  root = '/',
): Promise<AptCredentials> {
  const etc = join(root, 'etc/apt');
  const warnings: string[] = [];
  const attempt = async <T>(path: string, read: () => Promise<T>, none: T): Promise<T> => {
    try {
      return await read();
    } catch (error) {
      if (systemCodeOf(error) !== 'ENOENT')
        warnings.push(`apt's logins in ${path} are not used: ${messageOf(error)}`);
      return none;
    }
  };
  const folder = join(etc, 'auth.conf.d');
  const names = await attempt(folder, () => readdir(folder), []);
  const parts = names.filter((name) => /^[A-Za-z0-9_.-]+\.conf$/.test(name)).sort();
  const entries: NetrcEntry[] = [];
  const paths = [join(etc, 'auth.conf'), ...parts.map((name) => join(folder, name))];
  for (const path of paths.slice(0, BOUNDS.inputFiles)) {
    entries.push(...parseNetrc(await attempt(path, () => readFile(path, 'utf8'), '')));
  }
  const own = addresses.flatMap(ownLogin);
  return {
    warnings,
    authorizationFor(url) {
      if (!URL.canParse(url)) return undefined;
      const address = new URL(url);
      const known = own.find(({ prefix }) => address.href.startsWith(prefix));
      if (known !== undefined) return basic(known.login, known.password);
      const entry = entries.find(
        ({ machine }) => machine !== undefined && answers(machine, address),
      );
      return entry && basic(entry.login, entry.password);
    },
  };
}

function ownLogin(text: string): { prefix: string; login: string; password: string }[] {
  if (!URL.canParse(text)) return [];
  const url = new URL(text);
  const { username, password } = url;
  if (username === '' && password === '') return [];
  url.username = '';
  url.password = '';
  const prefix = url.href.endsWith('/') ? url.href : `${url.href}/`;
  return [{ prefix, login: decoded(username), password: decoded(password) }];
}

/** `[protocol://]host[:port][/path]`: without a protocol for https alone, without a port for all. */
function answers(machine: string, address: URL): boolean {
  const match = /^(?:([a-z0-9+.-]+):\/\/)?([^/:]+)(?::([0-9]+))?(\/.*)?$/i.exec(machine);
  if (!match) return false;
  const [, protocol = 'https', host = '', port, path = '/'] = match;
  const actualPort = address.port || (address.protocol === 'https:' ? '443' : '80');
  return (
    address.protocol === `${protocol.toLowerCase()}:` &&
    address.hostname === host.toLowerCase() &&
    (port === undefined || port === actualPort) &&
    address.pathname.startsWith(path)
  );
}

function basic(login: string, password: string): string {
  return `Basic ${Buffer.from(`${login}:${password}`).toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    // A lone percent sign: meant as it stands.
    return text;
  }
}
