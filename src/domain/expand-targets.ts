import { formatTarget, parseTarget, type Target } from './target.js';

/** What the command line says about targets: whole ones, and lists that multiply. */
export interface TargetFlags {
  targets: readonly string[];
  pythons: readonly string[];
  nodes: readonly string[];
  platforms: readonly string[];
  libcs: readonly string[];
}

/** Where a foreign platform's own C library is not said: what manylinux_2_28 and Debian 12 have in common. */
const DEFAULT_GLIBC = 'glibc2.28';

/**
 * The targets of a run: the ones written whole, and the product of the lists, in which what is not
 * listed is the host's. Nothing given: the host alone. Each once.
 * @throws XError USAGE.
 */
export function expandTargets(host: Target, flags: TargetFlags): Target[] {
  const whole = flags.targets.map(parseTarget);
  const lists = [flags.pythons, flags.nodes, flags.platforms, flags.libcs];
  const multiplied = lists.some((list) => list.length > 0) ? multiply(host, flags) : [];
  const all = [...whole, ...multiplied];
  if (all.length === 0) return [host];
  return [...new Map(all.map((target) => [formatTarget(target), target])).values()];
}

function multiply(host: Target, flags: TargetFlags): Target[] {
  const orHost = <T>(list: readonly T[], own: T | undefined): (T | undefined)[] =>
    list.length > 0 ? [...list] : [own];
  const targets: Target[] = [];
  for (const platform of orHost(flags.platforms, undefined)) {
    const base = platform === undefined ? withoutVersions(host) : parseTarget(platform);
    const sameAsHost = base.os === host.os && base.arch === host.arch;
    const ownLibc = base.libc ?? (sameAsHost ? host.libc : undefined);
    const libcs =
      base.os !== 'linux'
        ? [undefined]
        : orHost(
            flags.libcs,
            ownLibc === undefined ? DEFAULT_GLIBC : ownLibc.family + ownLibc.version,
          );
    for (const libc of libcs) {
      for (const python of orHost(flags.pythons, host.python)) {
        for (const node of orHost(flags.nodes, host.node)) {
          const parts = [
            [
              `${base.os}${base.osVersion ?? ''}`,
              base.arch,
              ...(libc === undefined ? [] : [libc]),
            ].join('/'),
            ...(python === undefined ? [] : [`python=${python}`]),
            ...(node === undefined ? [] : [`node=${node}`]),
            ...(base.os === 'linux' &&
            host.debian !== undefined &&
            libc?.startsWith('musl') !== true
              ? [`debian=${host.debian}`]
              : []),
          ];
          targets.push(parseTarget(parts.join(',')));
        }
      }
    }
  }
  return targets;
}

function withoutVersions(host: Target): Target {
  const { os, arch, osVersion, libc } = host;
  return {
    os,
    arch,
    ...(osVersion === undefined ? {} : { osVersion }),
    ...(libc === undefined ? {} : { libc }),
  };
}
