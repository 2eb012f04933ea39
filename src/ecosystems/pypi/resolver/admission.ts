import { isPinned, mentionsPreRelease, satisfies, type SpecifierSet } from '../specifier.js';
import { isPreRelease } from '../version.js';
import type { CandidateVersion } from './package-provider.js';

/**
 * Who may ask for pre-releases and yanked versions. `pip`: any requirement in force. `explicit`: the
 * user's own requirements alone; a transitive one that names a pre-release or pins a yanked version
 * does not opt in.
 */
export type AdmissionPolicy = 'pip' | 'explicit';

export interface AdmissionRequest {
  policy: AdmissionPolicy;
  allowPreReleases: boolean;
  candidates: readonly CandidateVersion[];
  /** The ranges in force for this package. */
  ranges: readonly SpecifierSet[];
  /** Those of them that the user wrote. */
  rootRanges: readonly SpecifierSet[];
}

/**
 * The candidates that may be chosen, as indices. Pre-releases: admitted where a range names one, or
 * where no final release is in range (packaging 26.2); under `explicit`, where the package has no
 * final release at all. Yanked versions: only where they are all that is in range and a range pins
 * one version (PEP 592, as pip reads it).
 */
export function admitted(request: AdmissionRequest): Set<number> {
  const { policy, candidates, ranges, rootRanges, allowPreReleases } = request;
  const inRange = [...candidates.keys()].filter((index) =>
    ranges.every((range) => allows(range, candidates, index)),
  );
  const optIn = policy === 'pip' ? ranges : rootRanges;
  const finals = inRange.filter((index) => !isPre(candidates, index));
  const hasFinals = policy === 'pip' ? finals.length > 0 : candidates.some(isFinal);
  const takesPre = allowPreReleases || optIn.some(mentionsPreRelease) || !hasFinals;
  const kept = takesPre ? inRange : finals;
  const fresh = kept.filter((index) => !candidates[index]?.isYanked);
  const takesYanked = fresh.length === 0 && optIn.some(isPinned);
  return new Set(takesYanked ? kept : fresh);
}

function isFinal({ version, isYanked }: CandidateVersion): boolean {
  return !isYanked && !isPreRelease(version);
}

function allows(
  range: SpecifierSet,
  candidates: readonly CandidateVersion[],
  index: number,
): boolean {
  const candidate = candidates[index];
  return candidate !== undefined && satisfies(range, candidate.version);
}

function isPre(candidates: readonly CandidateVersion[], index: number): boolean {
  const candidate = candidates[index];
  return candidate !== undefined && isPreRelease(candidate.version);
}
