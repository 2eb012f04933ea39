import type { AdmissionPolicy } from './resolver/admission.js';

/**
 * Which index answers for a name that several have. `pinned`: one alone, unless both show a file that
 * is the same; `first`: one alone in any case; `pip`: all of them, the best file wins, as pip does.
 */
export const INDEX_STRATEGIES = ['pinned', 'first', 'pip'] as const;
export type IndexStrategy = (typeof INDEX_STRATEGIES)[number];

/** What the command line chooses for Python. */
export interface PypiChoices {
  policy: AdmissionPolicy;
  indexStrategy: IndexStrategy;
  /** Whether several targets prefer one version for all. */
  oneVersion: boolean;
  /** Extras and groups of pyproject.toml and pylock.toml that are read; undefined: all. */
  extras: readonly string[] | undefined;
  groups: readonly string[] | undefined;
}

export const DEFAULT_CHOICES: PypiChoices = {
  policy: 'pip',
  indexStrategy: 'pinned',
  oneVersion: true,
  extras: undefined,
  groups: undefined,
};
