import { XError } from '../../domain/errors.js';
import { formatTarget, type Target } from '../../domain/target.js';
import { evaluateMarker, type Marker, type MarkerEnvironment } from './marker.js';
import { satisfies, type SpecifierSet } from './specifier.js';
import { wheelTags } from './tags.js';
import { parseVersion, type Version } from './version.js';

export interface PythonVersion {
  implementation: 'cpython' | 'pypy';
  minor: number;
  /** Undefined where the target leaves it open. */
  patch: number | undefined;
  isFreeThreaded: boolean;
}

/** A target as Python sees it. */
export interface PythonTarget {
  id: string;
  /**
   * One environment; two where the target leaves the patch release open: its first and its last.
   * A dependency counts where it holds in either, so that what is planned fits every patch release.
   */
  environments: readonly MarkerEnvironment[];
  /** Preferred first, with its rank. */
  tags: ReadonlyMap<string, number>;
}

/** Stands for the last patch release that a minor version will see. */
const LAST_PATCH = 99;

/** The C library assumed where a Linux target names none: that of the oldest systems still served. */
const DEFAULT_GLIBC = '2.28';

/**
 * Reads what Python needs to know of a target.
 * @throws XError USAGE where it names no Python version.
 */
export function pythonTarget(target: Target): PythonTarget {
  const id = formatTarget(target);
  const match = /^(pypy)?3\.([0-9]+)(?:\.([0-9]+))?(t)?$/.exec(target.python ?? '');
  if (!match) {
    throw new XError('USAGE', `target ${id} names no Python version`, {
      hint: 'Add one, for example --python 3.12, or --target linux/amd64/glibc2.36,python=3.12.',
    });
  }
  const python: PythonVersion = {
    implementation: match[1] === undefined ? 'cpython' : 'pypy',
    minor: Number(match[2]),
    patch: match[3] === undefined ? undefined : Number(match[3]),
    isFreeThreaded: match[4] !== undefined,
  };
  const whole: Target =
    target.os === 'linux' && target.libc === undefined
      ? { ...target, libc: { family: 'glibc', version: DEFAULT_GLIBC } }
      : target;
  const patches = python.patch === undefined ? [0, LAST_PATCH] : [python.patch];
  return {
    id,
    environments: patches.map((patch) => environmentOf(whole, python, patch)),
    tags: new Map(wheelTags(whole, python).map((tag, rank) => [tag, rank])),
  };
}

/** Whether a Requires-Python admits the target's Python; undefined admits all. */
export function admitsPython(specifiers: SpecifierSet | undefined, target: PythonTarget): boolean {
  if (specifiers === undefined) return true;
  return target.environments.some((environment) =>
    satisfies(specifiers, parseVersion(environment.python_full_version) ?? NO_VERSION),
  );
}

/** Whether a marker holds in an environment of the target; undefined always does. */
export function holdsOn(target: PythonTarget, marker: Marker | undefined, extra = ''): boolean {
  return target.environments.some(
    (environment) => marker === undefined || evaluateMarker(marker, environment, extra),
  );
}

const NO_VERSION = parseVersion('0') as Version;

const OS_FACTS = {
  linux: { os_name: 'posix', platform_system: 'Linux', sys_platform: 'linux' },
  macos: { os_name: 'posix', platform_system: 'Darwin', sys_platform: 'darwin' },
  windows: { os_name: 'nt', platform_system: 'Windows', sys_platform: 'win32' },
} as const;

/** Debian's names of architectures as `platform.machine()` says them, where they differ. */
const MACHINES: Readonly<Record<Target['os'], Readonly<Record<string, string>>>> = {
  linux: {
    amd64: 'x86_64',
    arm64: 'aarch64',
    armhf: 'armv7l',
    i386: 'i686',
    ppc64el: 'ppc64le',
  },
  macos: { amd64: 'x86_64' },
  windows: { amd64: 'AMD64', arm64: 'ARM64', i386: 'x86' },
};

/** The architecture as Python names it on that system. */
export function machineOf(target: Target): string {
  return MACHINES[target.os][target.arch] ?? target.arch;
}

function environmentOf(target: Target, python: PythonVersion, patch: number): MarkerEnvironment {
  const full = `3.${python.minor}.${patch}`;
  const isPypy = python.implementation === 'pypy';
  return {
    ...OS_FACTS[target.os],
    implementation_name: python.implementation,
    implementation_version: isPypy ? '7.3.17' : full,
    platform_machine: machineOf(target),
    platform_python_implementation: isPypy ? 'PyPy' : 'CPython',
    // The kernel's release and build are not part of a target.
    platform_release: '',
    platform_version: '',
    python_full_version: full,
    python_version: `3.${python.minor}`,
  };
}
