import { BOUNDS } from '../domain/bounds.js';
import type { EcosystemName } from '../domain/plan.js';
import { SeenVersions, type Hint } from '../network/seen-versions.js';
import { TokenBucket } from '../network/token-bucket.js';
import { systemClock } from '../platform/clock.js';
import type { Printer } from './printer.js';
import { sayHint } from './say-hint.js';

export interface VersionNewsDeps {
  /** @returns how many were told. */
  tell: (hint: Hint) => Promise<number>;
  /** Asks the official source for what it says of a package now. */
  look: (ecosystem: EcosystemName, name: string) => void;
  printer: Pick<Printer, 'event'>;
}

/** What is new on public indexes: told to others, and looked at where others tell; both bounded. */
export class VersionNews {
  readonly #deps: VersionNewsDeps;
  readonly #seen = new SeenVersions();
  readonly #tells: TokenBucket;
  readonly #looks: TokenBucket;

  constructor(deps: VersionNewsDeps) {
    this.#deps = deps;
    const now = systemClock.monotonicMs();
    const bucket = (perMinute: number) => new TokenBucket(perMinute, perMinute / 60, now);
    this.#tells = bucket(BOUNDS.hintsPerMinute);
    this.#looks = bucket(BOUNDS.hintLooksPerMinute);
  }

  saw(...seen: Parameters<SeenVersions['note']>): void {
    for (const hint of this.#seen.note(...seen)) {
      if (!this.#tells.take(systemClock.monotonicMs())) return;
      void this.#tell(hint);
    }
  }

  async #tell(hint: Hint): Promise<void> {
    const { tell, printer } = this.#deps;
    const told = await tell(hint);
    sayHint(printer, hint, told > 0 ? 'others are told' : 'nobody listens');
  }

  heard(hint: Hint): void {
    if (!this.#seen.heard(hint) || !this.#looks.take(systemClock.monotonicMs())) return;
    sayHint(this.#deps.printer, hint, 'says another node: its index is asked');
    this.#deps.look(hint.ecosystem, hint.name);
  }
}
