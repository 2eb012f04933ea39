import type { JsonObject } from '../domain/plan.js';
import type { TargetSections } from '../domain/request.js';
import type { Target } from '../domain/target.js';
import { describeMachine } from '../ecosystems/debian/machine.js';
import { readAptHost } from '../platform/apt-host.js';

/** What each ecosystem adds to a request about this machine, beside the target's own text. */
export async function requestSections(target: Target): Promise<TargetSections> {
  if (target.debian === undefined) return {};
  const apt = await readAptHost();
  const { status, architectures, sources } = await describeMachine({
    ...apt,
    architecture: apt.architecture ?? target.arch,
  });
  const files: JsonObject[] = sources.map(({ path, text }) => ({ path, text }));
  return { debian: { status, architectures, sources: files } };
}
