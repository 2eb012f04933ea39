import semver from 'semver';
import type { JsonObject } from '../../../domain/plan.js';
import type { NpmFolder } from '../../../ports/npm-registry.js';
import { isObject, strings } from '../json.js';

/** The project that a lockfile is of: what its package.json files ask for. */
export interface LockedProject {
  /** The root package.json; undefined where it is not there. */
  manifest: JsonObject | undefined;
  /** The workspaces. */
  folders: NpmFolder[];
}

/** A yarn.lock as it was parsed, without its metadata. */
export type YarnTable = Record<string, Record<string, unknown>>;

/** Where the patterns of a lockfile lead: `name@range` to the key of the entry. */
export class Patterns {
  readonly #ids = new Map<string, string>();
  readonly #byName = new Map<string, { id: string; version: string }[]>();
  readonly #resolutions: [string, string][];

  constructor(resolutions: unknown) {
    this.#resolutions = Object.entries(strings(isObject(resolutions) ? resolutions : {}));
  }

  add(pattern: string, id: string, version: string): void {
    this.#ids.set(pattern, id);
    const { name } = partsOf(pattern);
    const known = this.#byName.get(name) ?? [];
    if (!known.some((one) => one.id === id)) known.push({ id, version });
    this.#byName.set(name, known);
  }

  /**
   * The entry that answers a dependency. A range that the lockfile lacks was replaced by the project's
   * `resolutions` or `catalog`: then it is the one locked under that name, or the best that fits.
   */
  find(name: string, specs: readonly string[]): string | undefined {
    for (const spec of specs) {
      const exact = this.#ids.get(`${name}@${spec}`);
      if (exact !== undefined) return exact;
    }
    for (const [pattern, spec] of this.#resolutions) {
      if (pattern !== name && !pattern.endsWith(`/${name}`) && !pattern.includes(`/${name}@`)) {
        if (partsOf(pattern).name !== name) continue;
      }
      const replaced = this.#ids.get(`${name}@${spec}`) ?? this.#ids.get(`${name}@npm:${spec}`);
      if (replaced !== undefined) return replaced;
    }
    const known = this.#byName.get(name) ?? [];
    if (known.length === 1) {
      const fits = specs.some((spec) => this.#mayBe(spec, known[0]?.version ?? ''));
      return fits || this.#resolutions.length > 0 ? known[0]?.id : undefined;
    }
    const fitting = known.filter(({ version }) => specs.some((spec) => this.#mayBe(spec, version)));
    fitting.sort((a, b) => semver.compare(b.version, a.version));
    return fitting[0]?.id;
  }

  #mayBe(spec: string, version: string): boolean {
    if (spec.startsWith('catalog:')) return true;
    return semver.satisfies(version, spec.replace(/^npm:/, ''), { loose: true });
  }
}

/** `@scope/name@range` in two. */
export function partsOf(pattern: string): { name: string; spec: string } {
  const at = pattern.indexOf('@', 1);
  return at < 0
    ? { name: pattern, spec: '' }
    : { name: pattern.slice(0, at), spec: pattern.slice(at + 1) };
}

/** A package.json's dependencies, each name once, as Yarn weighs them: optional over prod over dev. */
export function askedOf(
  manifest: JsonObject,
): { name: string; type: 'prod' | 'dev' | 'optional'; spec: string }[] {
  const asked = new Map<
    string,
    { name: string; type: 'prod' | 'dev' | 'optional'; spec: string }
  >();
  for (const [type, field] of [
    ['dev', 'devDependencies'],
    ['prod', 'dependencies'],
    ['optional', 'optionalDependencies'],
  ] as const) {
    for (const [name, spec] of Object.entries(strings(manifest[field])))
      asked.set(name, { name, type, spec });
  }
  return [...asked.values()];
}
