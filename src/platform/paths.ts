import { isAbsolute, join, resolve } from 'node:path';

export interface PathsRequest {
  env: Readonly<Record<string, string | undefined>>;
  home: string;
  platform: NodeJS.Platform;
  /** What `--data` says; stronger than all else. */
  override?: string | undefined;
}

/**
 * The data folder: `--data`, else `X_DATA`, else the platform's place for a user's data.
 * @see https://specifications.freedesktop.org/basedir-spec/latest/
 */
export function dataFolder({ env, home, platform, override }: PathsRequest): string {
  const chosen = override ?? set(env['X_DATA']);
  if (chosen !== undefined) return resolve(chosen);
  if (platform === 'darwin') return join(home, 'Library', 'Application Support', 'x');
  if (platform === 'win32') {
    return join(set(env['LOCALAPPDATA']) ?? join(home, 'AppData', 'Local'), 'x');
  }
  // The specification has relative paths ignored.
  const xdg = set(env['XDG_DATA_HOME']);
  const base = xdg !== undefined && isAbsolute(xdg) ? xdg : join(home, '.local', 'share');
  return join(base, 'x');
}

/** What lies in a data folder beside the store's own files. */
export interface DataPaths {
  /** The machine's Ed25519 key and a source's OpenPGP key. */
  keys: string;
  config: string;
  /** Cached upstream indexes. */
  upstream: string;
  /** A folder for each `x run`, removed after it. */
  runs: string;
}

export function dataPaths(folder: string): DataPaths {
  return {
    keys: join(folder, 'keys'),
    config: join(folder, 'config.toml'),
    upstream: join(folder, 'upstream'),
    runs: join(folder, 'runs'),
  };
}

function set(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}
