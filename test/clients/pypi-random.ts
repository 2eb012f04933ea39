import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { wheelOf } from '../../fixtures/upstream/pypi-archives.js';
import { normalizeName } from '../../src/ecosystems/pypi/filename.js';
import {
  isProblem,
  parseRequirement,
  type Requirement,
} from '../../src/ecosystems/pypi/requirement.js';
import { parseSpecifiers, satisfies } from '../../src/ecosystems/pypi/specifier.js';
import { parseVersion, type Version } from '../../src/ecosystems/pypi/version.js';

/** One version of a made-up package. */
export interface MadeVersion {
  version: string;
  requires: string[];
  extras: string[];
  yanked: boolean;
  requiresPython: string | undefined;
}

/** An index that chance made, and what is asked of it. */
export interface MadeIndex {
  packages: Map<string, MadeVersion[]>;
  roots: string[];
  constraints: string[];
}

type Chance = () => number;

/** mulberry32: the same numbers for the same seed, on every machine. */
function chanceOf(seed: number): Chance {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const VERSIONS = ['1.0', '1.1', '1.1.1', '2.0', '2.1', '3.0', '3.1', '4.0'];
const ODD_VERSIONS = ['0.9.post1', '2.0rc1', '3.0.dev1', '4.1a1', '1!0.5', '2.1+local.1', '5.0b2'];

export function makeIndex(seed: number): MadeIndex {
  const chance = chanceOf(seed);
  const below = (bound: number): number => Math.floor(chance() * bound);
  const pick = <T>(list: readonly T[]): T => list[below(list.length)] as T;
  const names = Array.from({ length: 3 + below(10) }, (_, at) => `made-${'abcdefghijklm'[at]}`);
  const isTight = chance() < 0.35;
  const range = (): string => {
    const kind = chance();
    const version = pick(VERSIONS);
    if (kind < (isTight ? 0.15 : 0.45)) return '';
    if (kind < 0.5) return `>=${version}`;
    if (kind < 0.62) return `<${version}`;
    if (kind < 0.7) return `<=${version}`;
    if (kind < 0.76) return `==${pick([...VERSIONS, ...ODD_VERSIONS])}`;
    if (kind < 0.82) return `!=${version}`;
    if (kind < 0.88) return `~=${pick(['1.0', '2.0', '3.0'])}`;
    if (kind < 0.92) return `==${pick(['1', '2', '3'])}.*`;
    if (kind < 0.95) return `>=${pick(ODD_VERSIONS.filter((one) => !one.includes('+')))}`;
    return `>=${pick(['1.0', '1.1'])},<${pick(['3.0', '4.0'])}`;
  };
  const requirement = (others: readonly string[]): string => {
    const name = chance() < 0.01 ? 'made-nowhere' : pick(others);
    const extra = chance() < 0.12 ? '[more]' : '';
    const spelled = chance() < 0.1 ? name.replace('-', '_').toUpperCase() : name;
    const marker =
      chance() < 0.06 ? pick([' ; python_version < "3"', ' ; os_name == "posix"']) : '';
    return `${spelled}${extra}${range()}${marker}`;
  };
  const packages = new Map<string, MadeVersion[]>();
  names.forEach((name, position) => {
    const versions = new Set(Array.from({ length: 1 + below(5) }, () => pick(VERSIONS)));
    while (chance() < 0.25) versions.add(pick(ODD_VERSIONS));
    // Mostly downwards, so that there are answers; sometimes in a circle.
    const later = names.slice(position + 1);
    const made = [...versions].map((version): MadeVersion => {
      const others = (): readonly string[] =>
        chance() < 0.06 || later.length === 0 ? names : later;
      const requires = Array.from(
        { length: later.length === 0 ? below(2) * below(2) : below(4) },
        () => requirement(others()),
      );
      const hasExtra = chance() < 0.3;
      if (hasExtra) requires.push(`${requirement(others()).replace(/ ;.*/, '')} ; extra == "more"`);
      return {
        version,
        requires,
        extras: hasExtra ? ['more'] : [],
        yanked: chance() < 0.07,
        requiresPython: chance() < 0.05 ? pick(['>=3.99', '<3', '!=3.99.*']) : undefined,
      };
    });
    packages.set(name, made);
  });
  const roots = Array.from({ length: 1 + below(3) }, () => requirement(names));
  const constraints = chance() < 0.2 ? [`${pick(names)}${range() || '<4'}`] : [];
  return { packages, roots, constraints };
}

/**
 * An index that leads a resolver astray: one answer is hidden low among the versions, the newer ones ask
 * for versions of each other that do not go together. Every second one has its answer taken away.
 */
export function makeHardIndex(seed: number): MadeIndex {
  const chance = chanceOf(seed ^ 0x5eed);
  const below = (bound: number): number => Math.floor(chance() * bound);
  const names = Array.from({ length: 4 + below(6) }, (_, at) => `hard-${'abcdefghijklm'[at]}`);
  const counts = names.map(() => 3 + below(8));
  const answer = counts.map((count) => 1 + below(Math.ceil(count / 2)));
  const isHopeless = seed % 2 === 0;
  const taken = below(names.length - 1);
  const packages = new Map<string, MadeVersion[]>();
  names.forEach((name, position) => {
    const made = Array.from({ length: counts[position] ?? 0 }, (_, at): MadeVersion => {
      const version = at + 1;
      const isAnswer = version === answer[position];
      const others = names.flatMap((_name, other) =>
        other > position && chance() < 0.5 ? [other] : [],
      );
      const requires = others.map((other) => {
        const right = answer[other] ?? 1;
        const wrong = 1 + below(counts[other] ?? 1);
        const isRight = isAnswer || chance() < 0.2;
        const wanted = isRight ? right : wrong;
        const shapes = [`==${wanted}`, `<=${wanted}`, `>=${wanted}`, `~=${wanted}.0`];
        return `${names[other] ?? ''}${isAnswer && isRight ? `<=${right}` : shapes[below(4)]}`;
      });
      return {
        version: `${version}.0`,
        requires,
        extras: [],
        yanked: false,
        requiresPython: undefined,
      };
    });
    const isTaken = isHopeless && position === taken;
    packages.set(name, isTaken ? made.filter((_one, at) => at + 1 !== answer[position]) : made);
  });
  const last = names.length - 1;
  const roots = names.filter((_name, at) => at === 0 || chance() < 0.4);
  roots.push(`${names[last] ?? ''}<=${answer[last] ?? 1}`);
  return { packages, roots, constraints: [] };
}

/** Writes it as a folder of pages and wheels that `--index-url file://…` reads. */
export async function writeIndex(
  made: MadeIndex,
  folder: string,
): Promise<{ indexUrl: string; requirements: string }> {
  const files = join(folder, 'files');
  await mkdir(files, { recursive: true });
  for (const [name, versions] of made.packages) {
    const links: string[] = [];
    for (const { version, requires, extras, yanked, requiresPython } of versions) {
      const wheel = wheelOf({
        name,
        version,
        requires,
        extras,
        ...(requiresPython === undefined ? {} : { requiresPython }),
      });
      await writeFile(join(files, wheel.filename), wheel.bytes);
      const attributes = [
        `href="../../files/${encodeURIComponent(wheel.filename)}"`,
        ...(yanked ? ['data-yanked="withdrawn"'] : []),
        ...(requiresPython === undefined
          ? []
          : [`data-requires-python="${requiresPython.replace('<', '&lt;').replace('>', '&gt;')}"`]),
      ];
      links.push(`<a ${attributes.join(' ')}>${wheel.filename}</a>`);
    }
    await mkdir(join(folder, 'simple', name), { recursive: true });
    await writeFile(
      join(folder, 'simple', name, 'index.html'),
      `<!DOCTYPE html><html><body>${links.join('\n')}</body></html>`,
    );
  }
  const lines = [...made.roots];
  if (made.constraints.length > 0) {
    await writeFile(join(folder, 'constraints.txt'), made.constraints.join('\n'));
  }
  await writeFile(join(folder, 'requirements.txt'), lines.join('\n'));
  return {
    indexUrl: pathToFileURL(join(folder, 'simple')).href,
    requirements: join(folder, 'requirements.txt'),
  };
}

/** What is wrong with an answer, found by walking the index and knowing nothing of how it was reached. */
export function faultsOf(made: MadeIndex, answer: ReadonlyMap<string, string>): string[] {
  const faults: string[] = [];
  const needed = new Set<string>();
  const seen = new Set<string>();
  const pending: { text: string; extra: string; by: string }[] = made.roots.map((text) => ({
    text,
    extra: '',
    by: 'the user',
  }));
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const requirement = parseRequirement(next.text);
    if (isProblem(requirement)) throw new Error(next.text);
    if (!holds(requirement, next.extra)) continue;
    const version = parseVersion(answer.get(requirement.name) ?? '');
    needed.add(requirement.name);
    if (!isIn(requirement, version)) {
      faults.push(`${next.by} needs ${next.text}, there is ${version?.text}`);
      continue;
    }
    const chosen = made.packages
      .get(requirement.name)
      ?.find((one) => parseVersion(one.version)?.text === version?.text);
    faults.push(...misfits(chosen, next.text));
    for (const extra of ['', ...requirement.extras]) {
      const key = `${requirement.name}[${extra}]`;
      if (seen.has(key)) continue;
      seen.add(key);
      for (const text of chosen?.requires ?? []) pending.push({ text, extra, by: key });
    }
  }
  faults.push(...brokenLimits(made, answer));
  const idle = [...answer.keys()].filter((name) => !needed.has(normalizeName(name)));
  faults.push(...idle.map((name) => `nothing needs ${name}`));
  return faults;
}

function isIn({ specifiers }: Requirement, version: Version | undefined): boolean {
  return version !== undefined && satisfies(specifiers, version);
}

function misfits(chosen: MadeVersion | undefined, text: string): string[] {
  if (chosen === undefined) return [`what is chosen for ${text} is not in the index`];
  const python = parseSpecifiers(chosen.requiresPython ?? '') ?? [];
  const own = parseVersion('3.11.7');
  return own !== undefined && satisfies(python, own) ? [] : [`${text}: Python`];
}

function brokenLimits(made: MadeIndex, answer: ReadonlyMap<string, string>): string[] {
  return made.constraints.flatMap((text) => {
    const limit = parseRequirement(text);
    if (isProblem(limit)) throw new Error(text);
    const version = parseVersion(answer.get(limit.name) ?? '');
    const isKept = version === undefined || satisfies(limit.specifiers, version);
    return isKept ? [] : [`${text} is not kept: ${version.text}`];
  });
}

/** The few markers that are made up. */
function holds({ text }: Requirement, extra: string): boolean {
  if (text.includes('python_version < "3"')) return false;
  return !text.includes('extra == "more"') || extra === 'more';
}
