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
  /** DNS names that the gateway answers to, beside its addresses. */
  names: string[];
  /** Who may use the gateway: `private`, `any`, addresses, networks. */
  allow: string[];
  /** Requests a second that one other machine may make of the gateway; 0 for no limit. */
  rateLimit: number;
  /** Whether the gateway speaks HTTPS, with a certificate of its own unless one is given. */
  tls: boolean;
  tlsCertificate: string | undefined;
  tlsKey: string | undefined;
  /** The file for the gateway's access log, `-` for standard error. */
  accessLog: string | undefined;
  /** Static peers: HOST, HOST:PORT or multiaddrs. */
  peers: string[];
  /** Names of the network interfaces to use; none: all that are not virtual. */
  interfaces: string[];
  /** How fast others are given bytes, as `--up` is written; none: as fast as the line is. */
  up: string[];
  /** How fast bytes are fetched. */
  down: string[];
  /** Whose word on public indexes stands in where an official source is silent: DIDs. */
  trustIndexes: string[];
}

type Kind = 'text' | 'port' | 'count' | 'switch' | 'list';

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
  names: { kind: 'list', env: 'X_NAMES' },
  allow: { kind: 'list', env: 'X_ALLOW' },
  rateLimit: { kind: 'count', env: 'X_RATE_LIMIT' },
  tls: { kind: 'switch', env: 'X_TLS' },
  tlsCertificate: { kind: 'text', env: 'X_TLS_CERTIFICATE' },
  tlsKey: { kind: 'text', env: 'X_TLS_KEY' },
  accessLog: { kind: 'text', env: 'X_ACCESS_LOG' },
  peers: { kind: 'list', env: 'X_PEERS' },
  interfaces: { kind: 'list', env: 'X_INTERFACES' },
  up: { kind: 'list', env: 'X_UP' },
  down: { kind: 'list', env: 'X_DOWN' },
  trustIndexes: { kind: 'list', env: 'X_TRUST_INDEXES' },
};

export const DEFAULTS: Settings = {
  data: undefined,
  listen: 8471,
  port: 8470,
  bind: '127.0.0.1',
  mdns: true,
  names: [],
  allow: [],
  rateLimit: 0,
  tls: false,
  tlsCertificate: undefined,
  tlsKey: undefined,
  accessLog: undefined,
  peers: [],
  interfaces: [],
  up: [],
  down: [],
  trustIndexes: [],
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
    case 'port':
      return readNumber(value, 65_535, `${where}: must be a port from 0 to 65535`, problems);
    case 'count':
      return readNumber(value, 2 ** 53, `${where}: must be a whole number`, problems);
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

function readNumber(value: unknown, most: number, complaint: string, problems: string[]): number {
  const number = Number(value);
  if (Number.isInteger(number) && number >= 0 && number <= most) return number;
  problems.push(`${complaint}, not "${String(value)}"`);
  return 0;
}
