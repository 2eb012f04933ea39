import type { MadeIndex, MadeVersion } from '../../test/clients/pypi-random.js';

function version(text: string, ...requires: string[]): MadeVersion {
  return { version: text, requires, extras: [], yanked: false, requiresPython: undefined };
}

function countDown(count: number, of: (at: number) => MadeVersion): MadeVersion[] {
  return Array.from({ length: count }, (_, at) => of(count - at));
}

function named(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, at) => `${prefix}-${String(at).padStart(2, '0')}`);
}

/** Two hundred releases, each pinned to one of its helper; only the oldest helpers allow what is asked for. */
function lockstep(isHopeless: boolean): MadeIndex {
  const packages = new Map<string, MadeVersion[]>();
  packages.set(
    'cloud',
    countDown(200, (at) => version(`1.${at}`, `cloud-core==1.${at}`)),
  );
  const net = (at: number): string => (at < 4 && !isHopeless ? 'net' : 'net<2');
  packages.set(
    'cloud-core',
    countDown(200, (at) => version(`1.${at}`, net(at))),
  );
  packages.set('net', [version('2.0'), version('1.0')]);
  return { packages, roots: ['cloud', 'net>=2'], constraints: [] };
}

/** Siblings of which every release but the first wants another release of the same package than the last one does. */
function lateConflict(isHopeless: boolean): MadeIndex {
  const packages = new Map<string, MadeVersion[]>();
  const siblings = named('sibling', 12);
  for (const name of siblings) {
    const ofVersion = (at: number): MadeVersion =>
      version(`${at}.0`, at === 1 && !isHopeless ? 'core' : 'core>=2');
    packages.set(name, countDown(30, ofVersion));
  }
  packages.set('core', [version('3.0'), version('2.0'), version('1.0')]);
  packages.set('zealot', [version('1.0', 'core<2')]);
  return { packages, roots: [...siblings, 'zealot'], constraints: [] };
}

/** A chain in which each release wants the same release of the next, and the end has the oldest alone. */
function chain(isHopeless: boolean): MadeIndex {
  const packages = new Map<string, MadeVersion[]>();
  const links = named('link', 30);
  links.forEach((name, position) => {
    const next = links[position + 1];
    const needs = (at: number): string[] => (next === undefined ? [] : [`${next}==${at}.*`]);
    const isLast = next === undefined;
    const made = countDown(10, (at) => version(`${at}.0`, ...needs(at)));
    packages.set(name, isLast ? [version(isHopeless ? '0.1' : '1.0')] : made);
  });
  return { packages, roots: [links[0] ?? ''], constraints: [] };
}

/** Every release of each package wants a release of the next that it does not have with all others. */
function crossed(): MadeIndex {
  const packages = new Map<string, MadeVersion[]>();
  const names = named('cross', 10);
  names.forEach((name, position) => {
    const others = names.filter((_, other) => other > position);
    packages.set(
      name,
      countDown(12, (at) =>
        version(
          `${at}.0`,
          ...others.map((other) => (at % 2 === 0 ? `${other}<${at}` : `${other}>=${at}`)),
        ),
      ),
    );
  });
  return { packages, roots: names, constraints: [] };
}

/** Made-up indexes on which resolvers that forget what they learned go on for minutes. */
export const PATHOLOGICAL: Readonly<Record<string, MadeIndex>> = {
  'two hundred releases in lockstep': lockstep(false),
  'two hundred releases in lockstep, no answer': lockstep(true),
  'twelve siblings and a late conflict': lateConflict(false),
  'twelve siblings and a late conflict, no answer': lateConflict(true),
  'a chain of thirty': chain(false),
  'a chain of thirty, no answer': chain(true),
  'ten packages, each against the next': crossed(),
};
