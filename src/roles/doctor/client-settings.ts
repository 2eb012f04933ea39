import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { ok, warning, type Finding } from './check.js';
import { outputOf } from './clients.js';

/** How a native client says where it would ask, with all its files and variables counted. */
const ASKED: readonly { command: string; ecosystem: string; args: string[]; read: Reading }[] = [
  { command: 'pip', ecosystem: 'pypi', args: ['config', 'list'], read: pipIndex },
  { command: 'npm', ecosystem: 'npm', args: ['config', 'get', 'registry'], read: firstAddress },
];

type Reading = (text: string) => string | undefined;

/** Where pip and npm ask when nobody runs them with `x run`. */
export async function checkClientSettings(
  folder: string,
  gateway: string | undefined,
): Promise<Finding[]> {
  const found = await Promise.all(
    ASKED.map(async ({ command, ecosystem, args, read }) => {
      const text = await outputOf(command, args);
      if (text === undefined) return [];
      const isUsed = existsSync(join(folder, 'use', `${ecosystem}.json`));
      return [settingFinding({ command, address: read(text), isUsed, gateway })];
    }),
  );
  return found.flat();
}

/** Pure: what a client's own address means beside the gateway's. */
export function settingFinding({
  command,
  address,
  isUsed,
  gateway,
}: {
  command: string;
  /** Undefined: its maker's default. */
  address: string | undefined;
  /** Whether `x use` is in force for it. */
  isUsed: boolean;
  gateway: string | undefined;
}): Finding {
  const asks = address ?? 'the public index';
  if (gateway !== undefined && address?.startsWith(`${gateway}/`) === true)
    return ok('settings', `${command} asks the gateway by itself`);
  if (!isUsed || gateway === undefined)
    return ok('settings', `${command} by itself asks ${asks}; x run -- ${command} … the gateway`);
  return warning(
    'settings',
    `${command} asks ${asks} here, though x use ${command} is in force`,
    `x use ${command} writes the gateway's address anew; else a file nearer by or a variable wins: x run -- ${command} … does not mind.`,
  );
}

/** Of `pip config list`, a line a setting: a variable wins over files, and later files over earlier ones. */
export function pipIndex(text: string): string | undefined {
  let found: string | undefined;
  let rank = 0;
  for (const line of text.split('\n')) {
    const [, section = '', address] = /^(\S+)\.index-url='(.*)'$/.exec(line.trim()) ?? [];
    const own = RANKS.indexOf(section) + 1;
    if (address === undefined || own < rank || own === 0) continue;
    [found, rank] = [address, own];
  }
  return found;
}

const RANKS = ['global', 'install', ':env:'];

function firstAddress(text: string): string | undefined {
  return /https?:\/\/\S+/.exec(text)?.[0];
}
