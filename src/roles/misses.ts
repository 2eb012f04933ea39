import type { JsonValue } from '../domain/plan.js';
import type { EcosystemServer } from '../ports/ecosystem.js';

/** As many are remembered; the oldest go first. */
const REMEMBERED = 256;
/** A client chooses what it asks for, and all that is remembered travels on one control line. */
const NAME_CHARACTERS = 200;

/**
 * What native clients asked a gateway for that no bundle has. pip shows nothing of a 404's text, so
 * `x run` says it afterwards.
 */
export class Misses {
  readonly #names: string[] = [];
  #noted = 0;

  /** How many were noted so far: a mark for `since`. */
  get mark(): number {
    return this.#noted;
  }

  note(name: string): void {
    this.#noted += 1;
    this.#names.push(name.slice(0, NAME_CHARACTERS));
    if (this.#names.length > REMEMBERED) this.#names.shift();
  }

  /** The names that were noted after a mark, each once. */
  since(mark: number): string[] {
    const first = this.#noted - this.#names.length;
    return [...new Set(this.#names.slice(Math.max(mark - first, 0)))];
  }
}

/** The same servers, which note what they do not find. */
export function noting(servers: readonly EcosystemServer[], misses: Misses): EcosystemServer[] {
  return servers.map((server) => ({
    name: server.name,
    mount: server.mount,
    commands: server.commands,
    checkProof: (entry, view, now) => server.checkProof(entry, view, now),
    settings: (request) => server.settings(request),
    installCommand: (name, version, at) => server.installCommand(name, version, at),
    prepare: (view) => server.prepare?.(view),
    async respond(request, view) {
      const response = await server.respond(request, view);
      if (response.kind === 'not-found') misses.note(response.what);
      return response;
    },
  }));
}

/** The answer of a resident process to `misses`. */
export function parseMisses(answer: JsonValue | undefined): { mark: number; names: string[] } {
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer))
    return { mark: 0, names: [] };
  const { mark, names } = answer;
  return {
    mark: typeof mark === 'number' ? mark : 0,
    names: Array.isArray(names) ? names.filter((name) => typeof name === 'string') : [],
  };
}
