import type { TargetSections } from '../domain/request.js';
import type { Target } from '../domain/target.js';

/** What each ecosystem adds to a request about this machine, beside the target's own text. */
export function requestSections(_target: Target): Promise<TargetSections> {
  return Promise.resolve({});
}
