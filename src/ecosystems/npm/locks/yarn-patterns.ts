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
  readonly #resolutions: Resolution[];

  /** @param resolutions of the package.json, in the words of Yarn 1 or of the newer ones. */
  constructor(resolutions: unknown, words: 'classic' | 'berry') {
    const table = strings(isObject(resolutions) ? resolutions : {});
    this.#resolutions = Object.entries(table).map(([pattern, spec]) =>
      resolutionOf(pattern, spec, words),
    );
  }

  add(pattern: string, id: string, version: string): void {
    this.#ids.set(pattern, id);
    const { name } = partsOf(pattern);
    const known = this.#byName.get(name) ?? [];
    if (!known.some((one) => one.id === id)) known.push({ id, version });
    this.#byName.set(name, known);
  }

  /**
   * The entries that answer a dependency: one, or two where only its place in the whole tree would tell
   * whether the project's `resolutions` replace it. They come before what the range itself would lead to.
   * @param from who asks; undefined for the project.
   */
  find(name: string, specs: readonly string[], from?: Asking): string[] {
    const found = new Set<string>();
    for (const resolution of this.#resolutions) {
      const replaces = replacing(resolution, name, specs, from);
      const id = replaces === 'no' ? undefined : this.#replacement(name, resolution.spec);
      if (id === undefined) continue;
      found.add(id);
      if (replaces === 'yes') return [...found];
    }
    const own = this.unreplaced(name, specs);
    if (own !== undefined) found.add(own);
    return [...found];
  }

  #replacement(name: string, spec: string): string | undefined {
    const wanted = [`${name}@${spec}`, `${name}@npm:${spec}`];
    for (const pattern of wanted) {
      const id = this.#ids.get(pattern);
      if (id !== undefined) return id;
    }
    // What is relative to the project is bound to it.
    const bound = [...this.#ids].find(([pattern]) =>
      wanted.some((one) => pattern.startsWith(`${one}::`)),
    );
    return bound?.[1];
  }

  /**
   * A range that the lockfile lacks was replaced by a `catalog`, or a resolution that is written in a way
   * not known here: then it is the one locked under that name, or the best that fits.
   */
  unreplaced(name: string, specs: readonly string[]): string | undefined {
    for (const spec of specs) {
      const exact = this.#ids.get(`${name}@${spec}`);
      if (exact !== undefined) return exact;
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

/** Who needs something. */
export interface Asking {
  name: string;
  version: string;
}

/** One line of `resolutions`: what stands in for a package, below certain others or anywhere. */
interface Resolution {
  /** The package right above it; undefined where it is replaced anywhere. */
  parent: string | undefined;
  /** Whether what stands further above counts too: Yarn 1's patterns are of whole paths. */
  isOfPath: boolean;
  name: string;
  /** The range that is replaced, where only one is. */
  range: string | undefined;
  spec: string;
}

/** `a/**\/b`, `@scope/a/b`, `a@1.0.0/b@npm:^2`. */
function resolutionOf(pattern: string, spec: string, words: 'classic' | 'berry'): Resolution {
  const parts = pattern.match(/(?:@[^/]+\/)?[^/]+/g) ?? [pattern];
  const { name, spec: range } = partsOf(parts.at(-1) ?? pattern);
  const above = parts.slice(0, -1);
  const isAnywhere = above.every((part) => part === '**');
  const isWithin = above.length === 2 && above[0] === '**' && above[1]?.includes('*') === false;
  return {
    parent: isAnywhere ? undefined : above.at(-1),
    isOfPath: words === 'classic' && !isAnywhere && !isWithin,
    name,
    range: range === '' ? undefined : range,
    spec,
  };
}

function replacing(
  { parent, isOfPath, name: replaced, range }: Resolution,
  name: string,
  specs: readonly string[],
  from: Asking | undefined,
): 'yes' | 'no' | 'perhaps' {
  if (replaced !== name) return 'no';
  if (range !== undefined && !specs.some((spec) => isSameSpec(spec, range))) return 'no';
  if (parent === undefined) return 'yes';
  if (!parent.includes('*')) {
    const { name: above, spec: version } = partsOf(parent);
    if (above !== from?.name) return 'no';
    if (version !== '' && !isSameSpec(version, from.version)) return 'no';
  }
  return isOfPath ? 'perhaps' : 'yes';
}

function isSameSpec(one: string, other: string): boolean {
  return one.replace(/^npm:/, '') === other.replace(/^npm:/, '');
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
