import { BOUNDS } from '../domain/bounds.js';
import type { EcosystemName } from '../domain/plan.js';
import type { AnnouncementBody } from './announcements.js';

/** A node saw a version, or that one was taken back: a hint to look upstream, and nothing else. */
export type Hint = Extract<AnnouncementBody, { type: 'version' | 'withdrawal' }>;

/**
 * What public indexes said of packages when this machine read them, so that what is new is noticed: of a
 * package that is read for the first time nothing is. What others told is not told again. No clock.
 */
export class SeenVersions {
  /** By package, the one read last kept longest; of each version whether it was taken back. */
  readonly #packages = new Map<string, ReadonlyMap<string, boolean>>();
  readonly #told = new Set<string>();

  /**
   * An index names these versions now, and whether each is taken back.
   * @returns what others may like to hear of.
   */
  note(ecosystem: EcosystemName, name: string, versions: ReadonlyMap<string, boolean>): Hint[] {
    const id = `${ecosystem} ${name}`;
    const before = this.#packages.get(id);
    this.#packages.delete(id);
    if (versions.size > BOUNDS.hintedVersions) return [];
    this.#packages.set(id, versions);
    forgetOldest(this.#packages, BOUNDS.hintedPackages);
    if (before === undefined) return [];
    const hint = (type: Hint['type'], version: string): Hint => ({
      type,
      ecosystem,
      name,
      version,
    });
    const fresh = [...versions].filter(([version, isBack]) => !isBack && !before.has(version));
    const gone = [...before].filter(
      ([version, wasBack]) => !wasBack && versions.get(version) !== false,
    );
    return [
      ...fresh.map(([version]) => hint('version', version)),
      ...gone.map(([version]) => hint('withdrawal', version)),
    ]
      .filter((one) => this.#isFirst(one))
      .slice(0, BOUNDS.hintsOfPage);
  }

  /** Whether what somebody says is worth a look: of a package that is asked for here, and not known yet. */
  heard(hint: Hint): boolean {
    const { type, ecosystem, name, version } = hint;
    const known = this.#packages.get(`${ecosystem} ${name}`);
    if (known === undefined) return false;
    const isNews = type === 'version' ? !known.has(version) : known.get(version) === false;
    return isNews && this.#isFirst(hint);
  }

  #isFirst({ type, ecosystem, name, version }: Hint): boolean {
    const key = [type, ecosystem, name, version].join(' ');
    if (this.#told.has(key)) return false;
    this.#told.add(key);
    forgetOldest(this.#told, BOUNDS.toldHints);
    return true;
  }
}

function forgetOldest(
  kept: { size: number; keys(): Iterator<string>; delete(key: string): boolean },
  most: number,
): void {
  const oldest = kept.size > most ? kept.keys().next().value : undefined;
  if (oldest !== undefined) kept.delete(oldest);
}
