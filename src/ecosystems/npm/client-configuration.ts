import { join } from 'node:path';
import type { ClientConfiguration, UseRequest } from '../../ports/ecosystem.js';
import { heldScopes } from './client-settings.js';

const REMARK = '# Written by x use npm; x use npm --undo brings back what was here.';

/**
 * The gateway in the user's own .npmrc, which npm, pnpm and Yarn 1 read, and in the .yarnrc.yml of
 * newer Yarns; and in pnpm's config.yaml that a lockfile is taken at its word. What else stands in them
 * stays: logins and settings of other kinds.
 */
export async function npmConfiguration(
  request: UseRequest,
  platform: NodeJS.Platform = process.platform,
): Promise<ClientConfiguration> {
  const { gateway, env, home, certificate, readFile } = request;
  const registry = `${gateway}/npm/`;
  const npmrc =
    env['NPM_CONFIG_USERCONFIG'] ?? env['npm_config_userconfig'] ?? join(home, '.npmrc');
  const yarnrc = join(home, '.yarnrc.yml');
  const pnpm = join(pnpmFolder(env, home, platform), 'config.yaml');
  const [npmText = '', yarnText = '', pnpmText = ''] = await Promise.all(
    [npmrc, yarnrc, pnpm].map((path) => readFile(path)),
  );
  const files = [
    { path: npmrc, text: withNpmSettings(npmText, npmSettings(request, registry, npmText)) },
    {
      path: yarnrc,
      text: withYamlSettings(yarnText, yarnSettings(gateway, registry, certificate)),
    },
    // From 11.3 on; else it asks the registry for what the lockfile has for other platforms.
    { path: pnpm, text: withYamlSettings(pnpmText, { trustLockfile: 'true' }) },
  ];
  const overriding = Object.keys(env).filter((name) =>
    /^(npm_config_.*registry|yarn_(npm_)?registry.*|pnpm_config_registry)$/i.test(name),
  );
  return {
    files,
    notes: [
      'npm, pnpm and yarn ask the gateway now, while it runs.',
      "A project's own .npmrc or .yarnrc.yml that names a registry wins over this; there, and for a yarn.lock of Yarn 1 with addresses in it, use `x run -- COMMAND`.",
      ...(overriding.length === 0
        ? []
        : [`The environment wins over this too; unset ${overriding.join(', ')}.`]),
      ...(/^npmScopes:/m.test(yarnText)
        ? [`${yarnrc}: its npmScopes stay and may lead elsewhere.`]
        : []),
    ],
  };
}

function npmSettings(
  { gateway, certificate, view }: UseRequest,
  registry: string,
  text: string,
): Record<string, string> {
  const host = new URL(gateway).hostname;
  const noproxy = /^\s*no-?proxy\s*=\s*(.*)$/m.exec(text)?.[1]?.trim() ?? '';
  return {
    registry,
    // A lockfile's addresses name the host where it was made.
    'replace-registry-host': 'always',
    // npm reads `noproxy`, pnpm `no-proxy`.
    noproxy: [...noproxy.split(',').filter((part) => part !== ''), host].join(','),
    ...(certificate === undefined ? {} : { cafile: certificate }),
    ...Object.fromEntries([...heldScopes(view)].map((scope) => [`${scope}:registry`, registry])),
  };
}

/** An .npmrc with these settings in place of its own; a key of npm's may be written with either spelling. */
function withNpmSettings(text: string, settings: Readonly<Record<string, string>>): string {
  const kept = text.split(/\r?\n/).filter((line) => {
    const key = /^\s*([^;#=\s[][^=]*?)\s*=/.exec(line)?.[1];
    if (key === undefined) return true;
    return settings[key] === undefined && !(key === 'no-proxy' || key === 'replace_registry_host');
  });
  const lines = Object.entries(settings).map(([key, value]) => `${key}=${value}`);
  // Keys after a [section] would belong to it, so what is new stands first.
  return [REMARK, ...lines, ...trimmed(kept), ''].join('\n');
}

function yarnSettings(
  gateway: string,
  registry: string,
  certificate: string | undefined,
): Record<string, string> {
  const { protocol, hostname } = new URL(gateway);
  const quoted = JSON.stringify(registry.replace(/\/$/, ''));
  return {
    npmRegistryServer: quoted,
    ...(protocol === 'http:' ? { unsafeHttpWhitelist: `[${JSON.stringify(hostname)}]` } : {}),
    ...(certificate === undefined ? {} : { httpsCaFilePath: JSON.stringify(certificate) }),
    // Would ask a host of its own, and wait for it.
    enableTelemetry: 'false',
  };
}

/**
 * Where pnpm keeps a user's settings.
 * @see https://pnpm.io/cli/config
 */
function pnpmFolder(env: UseRequest['env'], home: string, platform: NodeJS.Platform): string {
  const { XDG_CONFIG_HOME: xdg = '', LOCALAPPDATA: local = '' } = env;
  if (xdg !== '') return join(xdg, 'pnpm');
  if (platform === 'darwin') return join(home, 'Library', 'Preferences', 'pnpm');
  if (platform === 'win32' && local !== '') return join(local, 'pnpm', 'config');
  return join(home, '.config', 'pnpm');
}

/** A YAML file with these top-level keys in place of its own, whatever lines their values had. */
function withYamlSettings(text: string, settings: Readonly<Record<string, string>>): string {
  const kept: string[] = [];
  let isDropped = false;
  for (const line of text.split(/\r?\n/)) {
    const key = /^["']?([A-Za-z][A-Za-z0-9]*)["']?\s*:/.exec(line)?.[1];
    if (key !== undefined) isDropped = settings[key] !== undefined;
    // What is indented, or a list's item, belongs to the key above it.
    else if (/^[^\s#-]/.test(line)) isDropped = false;
    if (!isDropped) kept.push(line);
  }
  const lines = Object.entries(settings).map(([key, value]) => `${key}: ${value}`);
  return [REMARK, ...lines, ...trimmed(kept), ''].join('\n');
}

function trimmed(lines: readonly string[]): string[] {
  const end = lines.findLastIndex((line) => line.trim() !== '');
  return lines.slice(0, end + 1);
}
