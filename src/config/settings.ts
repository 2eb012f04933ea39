import { parse as parseToml, TomlError } from 'smol-toml';
import { XError } from '../domain/errors.js';

/** Everything that can be set outside a single command. */
export interface Settings {
  /** The data folder; undefined: the platform's default. */
  data: string | undefined;
  /** libp2p's TCP port. */
  listen: number;
  /** The gateway's port. */
  port: number;
  /** The address that the gateway binds. */
  bind: string;
  /** Whether siblings are looked for by mDNS. */
  mdns: boolean;
  /** Static peers: HOST, HOST:PORT or multiaddrs. */
  peers: string[];
  /** Names of the network interfaces to use; none: all that are not virtual. */
  interfaces: string[];
}

type Kind = 'text' | 'port' | 'switch' | 'list';

interface Field {
  kind: Kind;
  env: string;
}

/** The one schema: defaults < file < environment < flags. */
const SCHEMA: Record<keyof Settings, Field> = {
  data: { kind: 'text', env: 'X_DATA' },
  listen: { kind: 'port', env: 'X_LISTEN' },
  port: { kind: 'port', env: 'X_PORT' },
  bind: { kind: 'text', env: 'X_BIND' },
  mdns: { kind: 'switch', env: 'X_MDNS' },
  peers: { kind: 'list', env: 'X_PEERS' },
  interfaces: { kind: 'list', env: 'X_INTERFACES' },
};

export const DEFAULTS: Settings = {
  data: undefined,
  listen: 8471,
  port: 8470,
  bind: '127.0.0.1',
  mdns: true,
  peers: [],
  interfaces: [],
};

export interface SettingsSources {
  /** The configuration file's text, where there is one. */
  file?: { path: string; text: string } | undefined;
  env: Readonly<Record<string, string | undefined>>;
  /** Flags that were given; undefined values are skipped. */
  flags: Partial<{ [key in keyof Settings]: Settings[key] | undefined }>;
}

/**
 * Lays the sources over the defaults.
 * @throws XError USAGE naming every bad field at once, with where it stands.
 */
export function mergeSettings(sources: SettingsSources): Settings {
  const problems: string[] = [];
  const merged: Record<string, unknown> = { ...DEFAULTS };
  const fromFile = sources.file ? parseFile(sources.file, problems) : {};
  for (const key of Object.keys(fromFile)) {
    if (!(key in SCHEMA)) problems.push(`${sources.file?.path}: unknown setting "${key}"`);
  }
  for (const [key, { kind, env }] of Object.entries(SCHEMA)) {
    const flag = sources.flags[key as keyof Settings];
    const inFile = fromFile[key];
    const inEnv = sources.env[env];
    if (inFile !== undefined)
      merged[key] = read(kind, inFile, `${sources.file?.path}: ${key}`, problems);
    if (inEnv !== undefined && inEnv !== '') merged[key] = read(kind, inEnv, env, problems);
    if (flag !== undefined) merged[key] = flag;
  }
  if (problems.length > 0) {
    throw new XError('USAGE', problems.join('\n'), {
      hint: `Settings: ${Object.entries(SCHEMA)
        .map(([key, { env }]) => `${key} (${env})`)
        .join(', ')}.`,
    });
  }
  return merged as unknown as Settings;
}

function parseFile(
  file: { path: string; text: string },
  problems: string[],
): Record<string, unknown> {
  try {
    return parseToml(file.text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    problems.push(
      `${file.path}:${error.line}:${error.column}: ${error.message.split('\n')[0]?.replace('Invalid TOML document: ', 'not TOML: ')}`,
    );
    return {};
  }
}

function read(kind: Kind, value: unknown, where: string, problems: string[]): unknown {
  switch (kind) {
    case 'text':
      if (typeof value === 'string') return value;
      problems.push(`${where}: must be text`);
      return undefined;
    case 'port': {
      const port = Number(value);
      if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
      problems.push(`${where}: must be a port from 0 to 65535, not "${String(value)}"`);
      return 0;
    }
    case 'switch':
      if (value === true || value === 'true' || value === '1' || value === 'on') return true;
      if (value === false || value === 'false' || value === '0' || value === 'off') return false;
      problems.push(`${where}: must be true or false, not "${String(value)}"`);
      return false;
    case 'list': {
      const list: unknown =
        typeof value === 'string' ? value.split(/[\s,]+/).filter(Boolean) : value;
      if (Array.isArray(list) && list.every((item) => typeof item === 'string')) return list;
      problems.push(`${where}: must be a list of texts`);
      return [];
    }
  }
}
