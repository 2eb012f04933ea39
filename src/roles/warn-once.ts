import type { Report } from '../ports/progress.js';

/**
 * Says each warning once: while a plan is made, and not again where the plan repeats what it met.
 * For work that ends; a command that stays may have to say a thing again.
 */
export function warnOnce(report: Report): Report {
  const said = new Set<string>();
  return (progress) => {
    if (progress.event === 'warning') {
      if (said.has(progress.message)) return;
      said.add(progress.message);
    }
    report(progress);
  };
}
