/** An optional dependency that no registry could deliver. */
export interface MissingOptional {
  name: string;
  /** name@version of what asks for it, or the project. */
  requiredBy: string;
  reason: string;
}

const NAMES_IN_A_LINE = 6;

/** One line for all that one package asks for in vain. */
export function missingWarnings(missing: readonly MissingOptional[]): string[] {
  return [...Map.groupBy(missing, ({ requiredBy }) => requiredBy)].map(([by, group]) => {
    const reasons = new Map(group.map(({ name, reason }) => [name, bare(reason, name)]));
    const shown = [...reasons].slice(0, NAMES_IN_A_LINE);
    const more = reasons.size - shown.length;
    return (
      `optional dependencies of ${by} that cannot be had are left out: ` +
      shown.map(([name, reason]) => `${name} (${reason})`).join(', ') +
      (more > 0 ? ` and ${more} more` : '')
    );
  });
}

/** What the registry's error says, without saying again of what. */
function bare(reason: string, name: string): string {
  const text = reason.replace(/^npm: /, '');
  return text.startsWith(name) ? text.slice(text.indexOf(': ') + 2) : text;
}
