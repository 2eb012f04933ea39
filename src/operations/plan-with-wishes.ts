import { XError } from '../domain/errors.js';
import type { Plan } from '../domain/plan.js';
import type { InputFile } from '../ports/ecosystem.js';
import type { Inputs } from './read-inputs.js';

export interface PlanWithWishesDeps {
  /** What the user's files ask for, and a machine's wishes where there are any. */
  read(wished: InputFile | undefined): Promise<Inputs>;
  /** Wishes alone. */
  readWishes(wished: InputFile): Promise<Inputs>;
  plan(inputs: Inputs): Promise<Plan>;
  /** The same, of which nothing is told. */
  tryPlan(inputs: Inputs): Promise<Plan>;
  warn(message: string): void;
}

/**
 * Plans what is asked for together with what a machine asked for in vain. A wish that nobody can fulfil,
 * mistyped as likely as not, is left out and said: it is no reason to carry nothing.
 * @throws what planning throws, where wishes are not the reason.
 */
export async function planWithWishes(
  deps: PlanWithWishesDeps,
  wished: InputFile | undefined,
): Promise<{ inputs: Inputs; plan: Plan }> {
  const inputs = await deps.read(wished);
  try {
    return { inputs, plan: await deps.plan(inputs) };
  } catch (error) {
    if (wished === undefined || !isUnmet(error)) throw error;
    const met = await metOf(deps, wished);
    if (met?.text === wished.text) throw error;
    const rest = await deps.read(met);
    return { inputs: rest, plan: await deps.plan(rest) };
  }
}

/** The wishes that can be fulfilled, each by itself; undefined where none can. */
async function metOf(deps: PlanWithWishesDeps, wished: InputFile): Promise<InputFile | undefined> {
  const met: string[] = [];
  for (const line of wished.text.trimEnd().split('\n')) {
    try {
      await deps.tryPlan(await deps.readWishes({ ...wished, text: `${line}\n` }));
      met.push(line);
    } catch (error) {
      if (!(error instanceof XError) || !isUnmet(error)) throw error;
      deps.warn(`the wish for ${line.replace(/^#x /, '')} is left out: ${error.message}`);
    }
  }
  return met.length === 0 ? undefined : { ...wished, text: `${met.join('\n')}\n` };
}

/** Not found, or not resolvable. */
function isUnmet(error: unknown): boolean {
  return error instanceof XError && error.exitCode === 4;
}
