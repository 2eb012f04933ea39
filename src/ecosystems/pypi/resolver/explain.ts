import type { Nogood } from './nogood.js';

const MAX_FACTS = 24;
const LISTED_SUBJECTS = 3;

/**
 * The facts that a failure rests on, in the order in which they were combined, versions of one
 * package that say the same put together.
 */
export function explain(failure: Nogood): { facts: string[]; unknown: string[] } {
  const bySaying = new Map<string, string[]>();
  const unknown = new Set<string>();
  const seen = new Set<Nogood>();
  const pending: Nogood[] = [failure];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (seen.has(next)) continue;
    seen.add(next);
    const { cause } = next;
    if (cause.kind === 'learned') pending.push(cause.second, cause.first);
    else if (cause.kind === 'dependency') {
      const subjects = bySaying.get(cause.text) ?? [];
      subjects.push(cause.subject);
      bySaying.set(cause.text, subjects);
      if (cause.unknown !== undefined) unknown.add(cause.unknown);
    } else if (cause.text !== '') bySaying.set(cause.text, []);
  }
  const facts = [...bySaying].map(([text, subjects]) =>
    subjects.length === 0 ? text : `${list(subjects)} ${text}`,
  );
  const shown = facts.slice(0, MAX_FACTS);
  if (facts.length > shown.length) shown.push(`and ${facts.length - shown.length} more`);
  return { facts: shown, unknown: [...unknown] };
}

function list(subjects: readonly string[]): string {
  const shown = subjects.slice(0, LISTED_SUBJECTS).join(', ');
  const more = subjects.length - LISTED_SUBJECTS;
  return more > 0 ? `${shown} and ${more} more` : shown;
}
