import { join } from 'node:path';
import { parse, stringify } from 'smol-toml';
import { messageOf, XError } from '../../domain/errors.js';
import type { ClientConfiguration, UseRequest } from '../../ports/ecosystem.js';

const REMARK = '# Written by x use pip; x use pip --undo brings back what was here.';

/** What says where packages come from, in every section of pip's configuration. */
const PLACES = ['index-url', 'extra-index-url', 'find-links', 'no-index', 'pypi-url', 'proxy'];

/**
 * The gateway in the user's own configuration of pip and of uv. What says nothing of where packages
 * come from stays.
 * @throws XError INPUT_MALFORMED where uv's file is no TOML.
 * @see https://pip.pypa.io/en/stable/topics/configuration/
 */
export async function pypiConfiguration(
  request: UseRequest,
  platform: NodeJS.Platform = process.platform,
): Promise<ClientConfiguration> {
  const { env, home, readFile } = request;
  const folder = configurationFolder(env, home, platform);
  const library = join(home, 'Library', 'Application Support', 'pip', 'pip.conf');
  const isInLibrary = platform === 'darwin' && (await readFile(library)) !== undefined;
  const pip = isInLibrary
    ? library
    : join(folder, 'pip', platform === 'win32' ? 'pip.ini' : 'pip.conf');
  const uv = join(folder, 'uv', 'uv.toml');
  const [pipText = '', uvText = ''] = await Promise.all([readFile(pip), readFile(uv)]);
  const overriding = Object.keys(env).filter((name) =>
    /^(PIP_(INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|CONFIG_FILE|PROXY)|UV_(DEFAULT_INDEX|INDEX|INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|CONFIG_FILE|NO_CONFIG))$/.test(
      name,
    ),
  );
  return {
    files: [
      { path: pip, text: withPipSettings(pipText, pipSettings(request)) },
      { path: uv, text: uvConfiguration(uvText, request, uv) },
    ],
    notes: [
      'pip and uv ask the gateway now, while it runs.',
      "A virtual environment's own pip.conf, and --index-url in a requirements file, win over this; there, use `x run -- pip …`.",
      ...(overriding.length === 0
        ? []
        : [`The environment wins over this too; unset ${overriding.join(', ')}.`]),
    ],
  };
}

/** Where pip and uv both keep a user's settings. */
function configurationFolder(
  env: UseRequest['env'],
  home: string,
  platform: NodeJS.Platform,
): string {
  if (platform === 'win32') return env['APPDATA'] ?? join(home, 'AppData', 'Roaming');
  const xdg = env['XDG_CONFIG_HOME'];
  return xdg === undefined || xdg === '' ? join(home, '.config') : xdg;
}

function pipSettings({ gateway, certificate }: UseRequest): Record<string, string> {
  const { hostname, protocol } = new URL(gateway);
  return {
    'index-url': `${gateway}/pypi/simple/`,
    // Empty values are no values, but hide those of the machine's own configuration.
    'extra-index-url': '',
    'find-links': '',
    'no-index': '',
    'disable-pip-version-check': 'true',
    ...(isTrustNeeded(protocol, hostname) ? { 'trusted-host': hostname } : {}),
    ...(certificate === undefined ? {} : { cert: certificate }),
  };
}

/** pip and uv take plain HTTP from this machine itself as it is. */
function isTrustNeeded(protocol: string, hostname: string): boolean {
  return protocol === 'http:' && !/^(?:localhost|127\.[0-9.]+|\[::1\])$/.test(hostname);
}

/** pip's file, read as Python's configparser does, with the settings in its one `[global]`. */
function withPipSettings(text: string, settings: Readonly<Record<string, string>>): string {
  const lines = Object.entries(settings).map(([key, value]) => `${key} = ${value}`.trimEnd());
  const kept: string[] = [];
  let section = '';
  let isDropped = false;
  let isPlaced = false;
  for (const line of text.split(/\r?\n/)) {
    const header = /^\[([^\]]+)\]/.exec(line)?.[1];
    const key = /^([^\s#;[=:][^=:]*?)\s*[=:]/.exec(line)?.[1];
    if (header !== undefined) {
      section = header;
      isDropped = false;
      kept.push(line);
      if (section === 'global' && !isPlaced) kept.push(REMARK, ...lines);
      isPlaced ||= section === 'global';
      continue;
    }
    if (key !== undefined) {
      const name = key.toLowerCase().replaceAll('_', '-').replace(/^--/, '');
      isDropped = PLACES.includes(name) || (section === 'global' && settings[name] !== undefined);
      // What is indented goes on with the value above it.
    } else if (/^\S/.test(line)) isDropped = false;
    if (!isDropped) kept.push(line);
  }
  if (!isPlaced) kept.unshift('[global]', REMARK, ...lines, '');
  const end = kept.findLastIndex((line) => line.trim() !== '');
  return [...kept.slice(0, end + 1), ''].join('\n');
}

/** @throws XError INPUT_MALFORMED. @see https://docs.astral.sh/uv/reference/settings/ */
function uvConfiguration(text: string, { gateway, certificate }: UseRequest, path: string): string {
  let settings: Record<string, unknown>;
  try {
    settings = parse(text);
  } catch (cause) {
    throw new XError('INPUT_MALFORMED', `${path} is no TOML: ${messageOf(cause)}`, {
      hint: 'Mend it, or move it away; uv cannot read it either.',
      cause,
    });
  }
  const { protocol, hostname, host } = new URL(gateway);
  const pip = settings['pip'];
  for (const table of [settings, pip]) {
    if (typeof table !== 'object' || table === null) continue;
    for (const key of [...PLACES, 'default-index', 'index']) Reflect.deleteProperty(table, key);
  }
  const written = {
    ...settings,
    index: [{ url: `${gateway}/pypi/simple/`, default: true }],
    ...(isTrustNeeded(protocol, hostname) ? { 'allow-insecure-host': [host] } : {}),
  };
  const remark =
    certificate === undefined ? REMARK : `${REMARK}\n# Set SSL_CERT_FILE=${certificate} for uv.`;
  return `${remark}\n${stringify(written)}`;
}
