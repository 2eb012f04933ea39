import { normalizeName } from './filename.js';
import type { AdmissionPolicy } from './resolver/admission.js';

/**
 * Which index answers for a name that several have. `pinned`: one alone, unless both show a file that
 * is the same; `first`: one alone in any case; `pip`: all of them, the best file wins, as pip does.
 */
export const INDEX_STRATEGIES = ['pinned', 'first', 'pip'] as const;
export type IndexStrategy = (typeof INDEX_STRATEGIES)[number];

/** Extras and groups of pyproject.toml and pylock.toml that are read; undefined: all. */
export interface NamedParts {
  extras?: readonly string[] | undefined;
  groups?: readonly string[] | undefined;
}

/** What the command line chooses for Python. */
export interface PypiChoices extends NamedParts {
  policy: AdmissionPolicy;
  indexStrategy: IndexStrategy;
  /** Whether several targets prefer one version for all. */
  oneVersion: boolean;
}

export const DEFAULT_CHOICES: PypiChoices = {
  policy: 'pip',
  indexStrategy: 'pinned',
  oneVersion: true,
};

/** The chosen of the names that are there, normalised; `:all:` and `:none:` as in pip's lists. */
export function chosenNames(
  offered: readonly string[],
  chosen: readonly string[] | undefined,
): Set<string> {
  const names = new Set<string>();
  for (const word of (chosen ?? [':all:']).map((one) => one.trim())) {
    if (word === ':none:') names.clear();
    else if (word === ':all:') for (const one of offered) names.add(normalizeName(one));
    else if (word !== '') names.add(normalizeName(word));
  }
  return names;
}
