import type { Target } from '../../domain/target.js';
import type { WheelTag } from './filename.js';
import { machineOf, type PythonVersion } from './python-target.js';

/**
 * The wheel tags that a target's pip accepts, most preferred first, in pip's order.
 * @see PEP 425, PEP 600 (manylinux), PEP 656 (musllinux), PEP 803 (abi3t)
 */
export function wheelTags(target: Target, python: PythonVersion): WheelTag[] {
  const platforms = platformsOf(target);
  const interpreter = `${python.implementation === 'pypy' ? 'pp' : 'cp'}3${python.minor}`;
  const tags: WheelTag[] = [];
  const add = (interpreters: string[], abi: string): void => {
    for (const name of interpreters) {
      for (const platform of platforms) tags.push(`${name}-${abi}-${platform}`);
    }
  };
  add([interpreter], abiOf(python));
  const stableAbi = python.isFreeThreaded ? 'abi3t' : 'abi3';
  const hasStableAbi = python.implementation === 'cpython';
  if (hasStableAbi) add([interpreter], stableAbi);
  add([interpreter], 'none');
  if (hasStableAbi) {
    add(
      minorsBelow(python.minor, 2).map((minor) => `cp3${minor}`),
      stableAbi,
    );
  }
  const generic = [
    `py3${python.minor}`,
    'py3',
    ...minorsBelow(python.minor, 0).map((minor) => `py3${minor}`),
  ];
  add(generic, 'none');
  tags.push(`${interpreter}-none-any`, ...generic.map((name) => `${name}-none-any`));
  return tags;
}

function minorsBelow(minor: number, last: number): number[] {
  return Array.from({ length: Math.max(minor - last, 0) }, (_, i) => minor - 1 - i);
}

function abiOf({ implementation, minor, isFreeThreaded }: PythonVersion): string {
  if (implementation === 'pypy') return `pypy3${minor}_pp73`;
  if (isFreeThreaded) return `cp3${minor}t`;
  return minor < 8 ? `cp3${minor}m` : `cp3${minor}`;
}

function platformsOf(target: Target): string[] {
  if (target.os === 'windows') return [windowsPlatform(target.arch)];
  if (target.os === 'macos') return macPlatforms(target.osVersion ?? '11', machineOf(target));
  const machine = machineOf(target);
  const [major = 2, minor = 0] = (target.libc?.version ?? '').split('.').map(Number);
  const tagged =
    target.libc?.family === 'musl'
      ? muslPlatforms(major, minor, machine)
      : glibcPlatforms(major, minor, machine);
  return [...tagged, `linux_${machine}`];
}

function windowsPlatform(arch: string): string {
  return arch === 'i386' ? 'win32' : `win_${arch}`;
}

const LEGACY_MANYLINUX: Readonly<Record<number, string>> = {
  17: 'manylinux2014',
  12: 'manylinux2010',
  5: 'manylinux1',
};

/** Down to glibc 2.5 on Intel, 2.17 elsewhere, with the old names after those they stand for. */
function glibcPlatforms(major: number, minor: number, machine: string): string[] {
  if (major !== 2) return [];
  const oldest = machine === 'x86_64' || machine === 'i686' ? 5 : 17;
  const platforms: string[] = [];
  for (let glibc = minor; glibc >= oldest; glibc--) {
    platforms.push(`manylinux_2_${glibc}_${machine}`);
    const legacy = LEGACY_MANYLINUX[glibc];
    if (legacy !== undefined) platforms.push(`${legacy}_${machine}`);
  }
  return platforms;
}

function muslPlatforms(major: number, minor: number, machine: string): string[] {
  return Array.from({ length: minor + 1 }, (_, i) => `musllinux_${major}_${minor - i}_${machine}`);
}

/** The last of the macOS 10 numbering that tags use: 11 under its compatibility name. */
const LAST_TEN = 16;

function macPlatforms(osVersion: string, machine: string): string[] {
  const [major = 11, minor = 0] = osVersion.split('.').map(Number);
  const isArm = machine === 'arm64';
  const intel = ['x86_64', 'intel', 'fat64', 'fat32', 'universal2', 'universal'];
  const formats = isArm ? ['arm64', 'universal2'] : intel;
  const platforms: string[] = [];
  for (let release = major; release >= 11; release--) {
    platforms.push(...formats.map((format) => `macosx_${release}_0_${format}`));
  }
  const firstTen = major >= 11 ? LAST_TEN : minor;
  for (let ten = firstTen; ten >= 4; ten--) {
    const tenFormats = isArm ? ['universal2'] : intel;
    platforms.push(...tenFormats.map((format) => `macosx_10_${ten}_${format}`));
  }
  return platforms;
}
