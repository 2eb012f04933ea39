import { access, readdir, readFile } from 'node:fs/promises';
import { delimiter, dirname, join } from 'node:path';
import { existsSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { messageOf, systemCodeOf, XError } from '../domain/errors.js';
import type {
  IndexCredentials,
  PypiFormatControl,
  PypiIndex,
  PypiSettings,
} from '../ports/pypi-settings.js';
import { parseNetrc } from './netrc.js';
import { PypiCredentials } from './pypi-credentials.js';
import { parseKeyring } from './python-keyring.js';

/** pip's own default where nothing is configured. */
const DEFAULT_INDEX = 'https://pypi.org/simple';

type Env = Readonly<Record<string, string | undefined>>;

export interface PipConfigurationRequest {
  env: Env;
  home: string;
  /** The text of a file, undefined where there is none; the default reads the disk. */
  readText?: (path: string) => Promise<string | undefined>;
  /** `--index-url` of the command line: replaces pip's, and is pinned. */
  indexUrl?: string | undefined;
  /** `--public-index` of the command line: indexes whose packages may be named in public. */
  publicIndexes?: readonly string[];
}

/** What pip is configured to, split into where packages come from and how they are fetched. */
export interface PipConfiguration {
  settings: PypiSettings;
  /** Headers for an address, from the index addresses, netrc and keyring; for UpstreamOptions. */
  credentialsFor: (url: string) => Record<string, string> | undefined;
  /** The same, for those who must know whether there are any, and for addresses that inputs name. */
  credentials: IndexCredentials;
  /** `cert`: a file of certificate authorities. */
  certFile: string | undefined;
  /** `proxy`. */
  proxy: string | undefined;
  /** `trusted-host`: hosts that pip takes without TLS checks. */
  trustedHosts: string[];
  /** `cache-dir`: where pip keeps what it fetched. */
  cacheFolder: string;
}

/**
 * Reads pip's configuration where pip does: files global, user, of the environment's prefix and
 * PIP_CONFIG_FILE, sections `global`, `download` and `install`, and PIP_* on top. Empty values count as unset.
 * @throws XError INPUT_UNREADABLE, INPUT_MALFORMED.
 * @see https://pip.pypa.io/en/stable/topics/configuration/
 */
export async function readPipConfiguration(
  request: PipConfigurationRequest,
): Promise<PipConfiguration> {
  const readText = request.readText ?? readTextFile;
  const values = new Map<string, string>();
  for (const path of configFiles(request)) {
    const text = await readText(path);
    if (text !== undefined) applyFile(text, path, values);
  }
  for (const [name, value] of Object.entries(request.env)) {
    if (!/^PIP_[A-Z0-9_]+$/.test(name) || value === undefined || value.trim() === '') continue;
    values.set(name.slice(4).toLowerCase().replaceAll('_', '-'), value);
  }
  const credentials = new PypiCredentials(
    parseNetrc((await readText(netrcPath(request))) ?? ''),
    parseKeyring((await readText(keyringPath(request))) ?? ''),
  );
  const constraints = await readConstraints(values.get('constraint') ?? '', readText);
  return configurationOf(values, credentials, constraints, request);
}

/** `constraint`: files of this machine, apart by white space. */
async function readConstraints(
  setting: string,
  readText: (path: string) => Promise<string | undefined>,
): Promise<PypiSettings['constraints']> {
  const files: { path: string; text: string }[] = [];
  for (const place of setting.split(/\s+/).filter((one) => one !== '')) {
    if (/^https?:/i.test(place)) {
      throw new XError('INPUT_MALFORMED', `pip's configuration: constraint ${place} is no file`, {
        hint: 'Name it with -c in the requirements file, which may name an address.',
      });
    }
    const path = place.startsWith('file:') ? fileURLToPath(place) : place;
    const text = await readText(path);
    if (text === undefined) {
      throw new XError('INPUT_NOT_FOUND', `pip's configuration: constraint ${path} is not there`);
    }
    files.push({ path, text });
  }
  return files;
}

async function readTextFile(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCodeOf(thrown) ?? '')) return undefined;
    throw new XError('INPUT_UNREADABLE', `${path}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

function netrcPath({ env, home }: PipConfigurationRequest): string {
  return env['NETRC'] ?? join(home, '.netrc');
}

/** Where Python's keyring keeps its plain text file. */
function keyringPath({ env, home }: PipConfigurationRequest): string {
  const data = env['XDG_DATA_HOME'] ?? join(home, '.local', 'share');
  return join(data, 'python_keyring', 'keyring_pass.cfg');
}

/** In rising order of weight. */
function configFiles({ env, home }: PipConfigurationRequest): string[] {
  const own = env['PIP_CONFIG_FILE'];
  // As in pip: the null device switches every file off.
  if (own === '/dev/null' || own?.toLowerCase() === 'nul') return [];
  const xdg = (env['XDG_CONFIG_DIRS'] ?? '/etc/xdg').split(delimiter).filter((dir) => dir !== '');
  const userConfig = env['XDG_CONFIG_HOME'] ?? join(home, '.config');
  const prefix = env['VIRTUAL_ENV'] ?? env['CONDA_PREFIX'] ?? prefixOfPython(env);
  return [
    ...xdg.toReversed().map((dir) => join(dir, 'pip', 'pip.conf')),
    '/etc/pip.conf',
    join(home, '.pip', 'pip.conf'),
    join(userConfig, 'pip', 'pip.conf'),
    ...(prefix === undefined ? [] : [join(prefix, 'pip.conf')]),
    ...(own === undefined || own === '' ? [] : [own]),
  ];
}

/** The folder above `bin` of the first python3 on the path. */
function prefixOfPython(env: Env): string | undefined {
  const folders = (env['PATH'] ?? '').split(delimiter).filter((dir) => dir !== '');
  const found = folders.find((folder) => existsSync(join(folder, 'python3')));
  return found === undefined ? undefined : dirname(found);
}

/** Python's configparser, as far as pip.conf uses it: sections, `key = value`, indented continuations. */
function applyFile(text: string, path: string, values: Map<string, string>): void {
  const bySection = new Map<string, Map<string, string>>();
  let section: Map<string, string> | undefined;
  let key: string | undefined;
  for (const [index, line] of text.split(/\r\n|\r|\n/).entries()) {
    if (/^\s*(?:[#;].*)?$/.test(line)) continue;
    const header = /^\[([^\]]+)\]\s*$/.exec(line)?.[1];
    const pair = /^([^\s=:][^=:]*?)\s*[=:]\s*(.*)$/.exec(line);
    if (header !== undefined) {
      section = bySection.get(header) ?? new Map();
      bySection.set(header, section);
      key = undefined;
    } else if (/^\s/.test(line) && section !== undefined && key !== undefined) {
      section.set(key, `${section.get(key) ?? ''}\n${line.trim()}`);
    } else if (pair !== null && section !== undefined) {
      key = (pair[1] ?? '').toLowerCase().replaceAll('_', '-');
      section.set(key, (pair[2] ?? '').trim());
    } else throw new XError('INPUT_MALFORMED', `${path}:${index + 1}:1: not a setting: ${line}`);
  }
  for (const name of ['global', 'download', 'install']) {
    for (const [setting, value] of bySection.get(name) ?? []) {
      if (value.trim() !== '') values.set(setting, value);
    }
  }
}

function configurationOf(
  values: ReadonlyMap<string, string>,
  credentials: PypiCredentials,
  constraints: PypiSettings['constraints'],
  request: PipConfigurationRequest,
): PipConfiguration {
  const list = (key: string): string[] =>
    (values.get(key) ?? '').split(/\s+/).filter((one) => one !== '');
  const isOn = (key: string): boolean =>
    /^(?:1|true|yes|on|y|t)$/i.test(values.get(key)?.trim() ?? '');
  const publicIndexes = new Set((request.publicIndexes ?? []).map(trimmed).concat(DEFAULT_INDEX));
  const index = (text: string, isFlag: boolean): PypiIndex => {
    const address = addressOf(text);
    if (address.username !== '' || address.password !== '') credentials.remember(text);
    address.username = '';
    address.password = '';
    const url = trimmed(address.href);
    const hasCredentials = credentials.addIndex(url);
    return {
      url,
      isPinned: hasCredentials || isFlag,
      isPublic: publicIndexes.has(url) && !hasCredentials,
    };
  };
  const main = request.indexUrl ?? values.get('index-url')?.trim() ?? DEFAULT_INDEX;
  return {
    settings: {
      indexes: [
        index(main, request.indexUrl !== undefined),
        ...list('extra-index-url').map((url) => index(url, false)),
      ],
      findLinks: list('find-links').map(linkOf),
      noIndex: isOn('no-index'),
      onlyBinary: formatControl(values.get('only-binary')),
      noBinary: formatControl(values.get('no-binary')),
      preReleases: isOn('pre'),
      preferBinary: isOn('prefer-binary'),
      requireHashes: isOn('require-hashes'),
      constraints,
    },
    credentialsFor: (url) => credentials.headers(url),
    credentials,
    // As pip's HTTP library reads them.
    certFile:
      values.get('cert') ?? request.env['REQUESTS_CA_BUNDLE'] ?? request.env['CURL_CA_BUNDLE'],
    proxy: values.get('proxy'),
    trustedHosts: list('trusted-host'),
    cacheFolder: values.get('cache-dir')?.trim() ?? defaultCache(request),
  };
}

/** @see https://pip.pypa.io/en/stable/topics/caching/ */
function defaultCache({ env, home }: PipConfigurationRequest): string {
  if (process.platform === 'darwin') return join(home, 'Library', 'Caches', 'pip');
  if (process.platform === 'win32') {
    return join(env['LOCALAPPDATA'] ?? join(home, 'AppData', 'Local'), 'pip', 'Cache');
  }
  return join(env['XDG_CACHE_HOME'] || join(home, '.cache'), 'pip');
}

function addressOf(text: string): URL {
  if (URL.canParse(text)) return new URL(text);
  // A path counts as a local index, as in pip.
  if (text.startsWith('/')) return pathToFileURL(text);
  throw new XError('INPUT_MALFORMED', `pip's configuration: not an index address: ${text}`);
}

function trimmed(url: string): string {
  return url.replace(/\/+$/, '');
}

function linkOf(text: string): string {
  return /^[a-z][a-z0-9+.-]+:\/\//i.test(text) ? text : pathToFileURL(text).href;
}

function formatControl(text: string | undefined): PypiFormatControl {
  const words = (text ?? '').split(/[\s,]+/).filter((word) => word !== '');
  const normal = (name: string): string => name.replace(/[-_.]+/g, '-').toLowerCase();
  const none = words.lastIndexOf(':none:');
  const kept = words.slice(none + 1);
  return {
    all: kept.includes(':all:'),
    names: new Set(kept.filter((word) => word !== ':all:').map(normal)),
  };
}

/**
 * The file names in a folder of this machine that `--find-links` names.
 * @throws XError INPUT_NOT_FOUND.
 */
export async function listFolder(folderUrl: string): Promise<string[]> {
  try {
    const entries = await readdir(fileURLToPath(folderUrl), { withFileTypes: true });
    return entries.filter((entry) => !entry.isDirectory()).map(({ name }) => name);
  } catch (thrown) {
    throw new XError('INPUT_NOT_FOUND', `find-links ${folderUrl}: ${messageOf(thrown)}`, {
      hint: "Check find-links in pip's configuration and in the requirements file.",
      cause: thrown,
    });
  }
}

/** Whether a file address of this machine names anything. */
export async function isThere(fileUrl: string): Promise<boolean> {
  try {
    await access(fileURLToPath(fileUrl));
    return true;
  } catch {
    // Not there, or not for this user: whoever looks further says so.
    return false;
  }
}
