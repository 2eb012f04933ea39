import type { PypiIndex } from '../../ports/pypi-settings.js';
import type { IndexStrategy } from './choices.js';
import type { OfferedFile } from './indexes.js';

/** What one index says of a name. */
export interface IndexAnswer {
  index: PypiIndex;
  files: readonly OfferedFile[];
}

/** Whose files of a name count, in the order of the answers, and whose are left out. */
export interface Answering {
  files: OfferedFile[];
  /** Where they come from. */
  from: readonly PypiIndex[];
  leftOut: readonly IndexAnswer[];
}

/**
 * Which index answers for a name.
 *
 * pip takes the best file of all its indexes, so that whoever can publish on one of them can put a
 * higher version under a private name of another (dependency confusion). Therefore, unless `pip` is
 * chosen, one index answers: those with credentials or named by flag first, then the extra ones in
 * their order, then the main one, and public ones after all others. With `pinned`, an index that shows
 * a file which is the same as one of the answering index's, by name and digest, offers the same
 * project, a mirror for example, and counts too - except beside one with credentials. Indexes that are
 * folders of this machine have one owner, and count as one.
 */
export function answering(answers: readonly IndexAnswer[], strategy: IndexStrategy): Answering {
  const having = answers.filter(({ files }) => files.length > 0);
  const first = inOrder(having)[0];
  if (strategy === 'pip' || first === undefined) return merged(having, having);
  const counted = new Set(having.filter(({ index }) => ownerOf(index) === ownerOf(first.index)));
  if (strategy === 'pinned' && !first.index.isPinned) {
    for (const answer of inOrder(having)) {
      if ([...counted].some((other) => sharesFile(answer, other))) counted.add(answer);
    }
  }
  return merged(having, [...counted]);
}

/** Those that answer first, first: also the order in which an index that does not answer is missed. */
export function inOrder<T extends { index: PypiIndex }>(answers: readonly T[]): T[] {
  const rank = ({ index }: T, position: number): number[] => [
    Number(!index.isPinned),
    Number(index.isPublic),
    Number(position === 0),
    position,
  ];
  return answers
    .map((answer, position) => ({ answer, rank: rank(answer, position) }))
    .sort((a, b) => {
      const at = a.rank.findIndex((part, i) => part !== b.rank[i]);
      return (a.rank[at] ?? 0) - (b.rank[at] ?? 0);
    })
    .map(({ answer }) => answer);
}

function ownerOf({ url }: PypiIndex): string {
  return url.startsWith('file:') ? 'file:' : url;
}

function sharesFile(a: IndexAnswer, b: IndexAnswer): boolean {
  const known = new Map(b.files.map(({ filename, digests }) => [filename, digests.sha256]));
  return a.files.some(
    ({ filename, digests: { sha256 } }) => sha256 !== undefined && known.get(filename) === sha256,
  );
}

function merged(having: readonly IndexAnswer[], counted: readonly IndexAnswer[]): Answering {
  const kept = having.filter((answer) => counted.includes(answer));
  return {
    files: kept.flatMap(({ files }) => files),
    from: kept.map(({ index }) => index),
    leftOut: having.filter((answer) => !counted.includes(answer)),
  };
}
