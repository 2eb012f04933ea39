import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BOUNDS } from '../domain/bounds.js';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type { AptFile, AptHost } from '../ports/apt.js';

/**
 * Reads how a machine's apt is set: its sources, configuration, preferences and keyrings. Files that
 * are not there count as empty, as for apt.
 * @param root the machine's root folder.
 * @throws XError INPUT_UNREADABLE, LIMIT_EXCEEDED.
 * @see sources.list(5), apt.conf(5), apt_preferences(5), apt-key(8)
 */
export async function readAptHost(root = '/'): Promise<AptHost> {
  const etc = join(root, 'etc/apt');
  const one = async (path: string): Promise<AptFile[]> => {
    const text = await readText(path);
    return text === undefined ? [] : [{ path, text }];
  };
  const parts = async (folder: string, isPart: (name: string) => boolean): Promise<AptFile[]> =>
    (await Promise.all((await list(folder, isPart)).map((name) => one(join(folder, name))))).flat();
  const isConfiguration = (name: string) =>
    /^[A-Za-z0-9_.-]+$/.test(name) && hasNoSuffix(name, 'conf');
  const isPreference = (name: string) =>
    /^[A-Za-z0-9_.-]+$/.test(name) && hasNoSuffix(name, 'pref');
  const [architecture, ...foreignArchitectures] = (
    (await readText(join(root, 'var/lib/dpkg/arch'))) ?? ''
  )
    .split('\n')
    .filter((name) => name !== '');
  const trusted = join(etc, 'trusted.gpg.d');
  return {
    sources: [
      ...(await one(join(etc, 'sources.list'))),
      ...(await parts(join(etc, 'sources.list.d'), (name) =>
        /^[A-Za-z0-9_.-]+\.(list|sources)$/.test(name),
      )),
    ],
    configuration: [
      ...(await parts(join(etc, 'apt.conf.d'), isConfiguration)),
      ...(await one(join(etc, 'apt.conf'))),
    ],
    preferences: [
      ...(await one(join(etc, 'preferences'))),
      ...(await parts(join(etc, 'preferences.d'), isPreference)),
    ],
    architecture,
    foreignArchitectures,
    trustedKeyrings: [
      ...((await isFile(join(etc, 'trusted.gpg'))) ? [join(etc, 'trusted.gpg')] : []),
      ...(await list(trusted, (name) => /\.(gpg|asc)$/.test(name))).map((name) =>
        join(trusted, name),
      ),
    ],
    async readKeyring(path) {
      return required(
        await readBytes(
          join(root, path.startsWith(root) ? path.slice(root.length) : path),
          BOUNDS.keyringBytes,
        ),
        path,
      );
    },
    async readStatus() {
      const path = join(root, 'var/lib/dpkg/status');
      return Buffer.from(required(await readBytes(path, BOUNDS.statusFileBytes), path)).toString(
        'latin1',
      );
    },
  };
}

/** apt reads parts that end in the suffix, or have none. */
function hasNoSuffix(name: string, allowed: string): boolean {
  return !name.includes('.') || name.endsWith(`.${allowed}`);
}

/** Names in a folder, sorted bytewise as apt does; none where the folder is not there. */
async function list(folder: string, isWanted: (name: string) => boolean): Promise<string[]> {
  try {
    const names = await readdir(folder);
    return names
      .filter(isWanted)
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      .slice(0, BOUNDS.inputFiles);
  } catch (error) {
    if (isMissing(error)) return [];
    throw unreadable(folder, error);
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    if (isMissing(error)) return false;
    throw unreadable(path, error);
  }
}

async function readText(path: string): Promise<string | undefined> {
  const bytes = await readBytes(path, BOUNDS.inputFileBytes);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('utf8');
}

async function readBytes(path: string, maxBytes: number): Promise<Uint8Array | undefined> {
  try {
    if ((await stat(path)).size > maxBytes) {
      throw new XError('LIMIT_EXCEEDED', `${path} is larger than ${maxBytes} bytes`);
    }
    return await readFile(path);
  } catch (error) {
    if (error instanceof XError) throw error;
    if (isMissing(error)) return undefined;
    throw unreadable(path, error);
  }
}

function isMissing(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(systemCodeOf(error) ?? '');
}

function unreadable(path: string, error: unknown): XError {
  return new XError('INPUT_UNREADABLE', `cannot read ${path}: ${messageOf(error)}`, {
    hint: 'apt reads this file too; give this user the right to.',
    cause: error,
  });
}

function required(bytes: Uint8Array | undefined, path: string): Uint8Array {
  if (bytes !== undefined) return bytes;
  throw new XError('INPUT_NOT_FOUND', `there is no file ${path}`, {
    hint: 'Install the package that has it, or name another with --debian-keyring.',
  });
}
