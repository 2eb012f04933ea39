import { XError } from './errors.js';

export type TargetOs = 'linux' | 'macos' | 'windows';

/** The environment that packages will be installed in. Its canonical string is its id. */
export interface Target {
  os: TargetOs;
  /** Debian's spelling where it has one: amd64, arm64, armhf, i386, ppc64el, s390x, riscv64. */
  arch: string;
  /** macOS only: `14` or `14.2`. */
  osVersion?: string;
  /** Linux only: `glibc` or `musl` and its version. */
  libc?: { family: 'glibc' | 'musl'; version: string };
  /** `3.12`, `3.12.4`, `pypy3.10`, `3.13t` (free-threaded). */
  python?: string;
  /** `22` or `22.22.2`. */
  node?: string;
  /** A Debian or Ubuntu release by codename: `bookworm`. */
  debian?: string;
}

const OS_NAMES: readonly TargetOs[] = ['linux', 'macos', 'windows'];

/** Other people's names of an architecture, mapped to Debian's. */
const ARCH_ALIASES: Readonly<Record<string, string>> = {
  x86_64: 'amd64',
  x64: 'amd64',
  aarch64: 'arm64',
  armv7l: 'armhf',
  arm: 'armhf',
  i686: 'i386',
  ia32: 'i386',
  x86: 'i386',
  ppc64le: 'ppc64el',
};

/** Debian's name of an architecture, whoever's name is given. */
export function canonicalArch(arch: string): string {
  return ARCH_ALIASES[arch] ?? arch;
}

/** The canonical string: `linux/amd64/glibc2.36,python=3.12,node=22,debian=bookworm`. */
export function formatTarget(target: Target): string {
  const platform = [
    target.os + (target.osVersion ?? ''),
    target.arch,
    ...(target.libc === undefined ? [] : [target.libc.family + target.libc.version]),
  ].join('/');
  const parts = [platform];
  if (target.python !== undefined) parts.push(`python=${target.python}`);
  if (target.node !== undefined) parts.push(`node=${target.node}`);
  if (target.debian !== undefined) parts.push(`debian=${target.debian}`);
  return parts.join(',');
}

/**
 * Parses a target as users write it.
 * @throws XError USAGE naming every part that is wrong.
 */
export function parseTarget(text: string): Target {
  const [platform = '', ...fields] = text.trim().split(',');
  const problems: string[] = [];
  const target = parsePlatform(platform, problems);
  for (const field of fields) parseField(field, target, problems);
  if (problems.length > 0) {
    throw new XError('USAGE', `target "${text}": ${problems.join('; ')}`, {
      hint: 'A target is written like linux/amd64/glibc2.36,python=3.12,node=22,debian=bookworm.',
    });
  }
  return target;
}

function parsePlatform(platform: string, problems: string[]): Target {
  const [osText = '', archText, libcText, ...surplus] = platform.split('/');
  const osMatch = /^([a-z]+?)([0-9][0-9.]*)?$/.exec(osText);
  const os = OS_NAMES.find((name) => name === osMatch?.[1]);
  const target: Target = { os: os ?? 'linux', arch: canonicalArch(archText ?? '') };
  if (os === undefined) problems.push(`unknown system "${osText}" (linux, macos or windows)`);
  if (!/^[a-z0-9_-]+$/.test(archText ?? '')) problems.push(`no architecture in "${platform}"`);
  if (osMatch?.[2] !== undefined) {
    if (os === 'macos') target.osVersion = osMatch[2];
    else problems.push(`only macos takes a version, not "${osText}"`);
  }
  if (libcText !== undefined) {
    const libc = /^(glibc|musl)([0-9]+\.[0-9]+)$/.exec(libcText);
    if (libc && os === 'linux') {
      target.libc = { family: libc[1] as 'glibc' | 'musl', version: libc[2] ?? '' };
    } else problems.push(`unknown C library "${libcText}" (glibc2.36 or musl1.2, on linux)`);
  }
  if (surplus.length > 0) problems.push(`too many parts in "${platform}"`);
  return target;
}

function parseField(field: string, target: Target, problems: string[]): void {
  const match = /^(python|node|debian)=(.+)$/.exec(field);
  const value = match?.[2] ?? '';
  if (match?.[1] === 'python' && /^(pypy)?3\.[0-9]+(\.[0-9]+)?t?$/.test(value))
    target.python = value;
  else if (match?.[1] === 'node' && /^[0-9]+(\.[0-9]+){0,2}$/.test(value)) target.node = value;
  else if (match?.[1] === 'debian' && /^[a-z][a-z0-9-]*$/.test(value)) target.debian = value;
  else problems.push(`cannot read "${field}" (python=3.12, node=22 or debian=bookworm)`);
}
