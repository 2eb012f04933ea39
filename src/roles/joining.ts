import type { Did } from '../domain/bundle.js';
import { messageOf, XError } from '../domain/errors.js';
import { ALL_BUNDLES } from '../domain/membership.js';
import { systemClock } from '../platform/clock.js';
import type { Swarm } from '../ports/swarm.js';
import { formatTime } from '../trust/time.js';
import type { OwnMemberships } from './members-files.js';
import type { Printer } from './printer.js';

export interface JoiningDeps {
  did: Did;
  own: OwnMemberships;
  swarm: Swarm;
  input: { printer: Printer };
}

const REFUSED = new Set<string>(['INVITATION_REFUSED', 'NOT_A_MEMBER']);

/** Exchanges invitations for memberships. */
export class Joining {
  readonly #deps: JoiningDeps;

  constructor(deps: JoiningDeps) {
    this.#deps = deps;
  }

  /**
   * Becomes a member by an invitation. Where the source no longer takes it and this machine is a
   * member already, that is enough: the same command line works for as long as the membership.
   * @throws XError as Swarm.join; SIGNATURE_INVALID.
   */
  async join(address: string, { did: source, token }: { did: Did; token: string }): Promise<void> {
    const { did, own, swarm, input } = this.#deps;
    const before = own.of(source).map(({ serial }) => serial);
    try {
      const bytes = await swarm.join(address, source, token);
      const membership = own.add(bytes, { source, member: did }, systemClock.now());
      if (before.includes(membership.serial)) return;
      const { serial, bundles, notAfter } = membership;
      const what = bundles.includes(ALL_BUNDLES) ? 'all its bundles' : bundles.join(', ');
      input.printer.event(
        { event: 'joined', source, serial, bundles, notAfter },
        `a member now, until ${notAfter}: ${what} of ${source}`,
      );
    } catch (error) {
      if (!(error instanceof XError) || !REFUSED.has(error.code)) throw error;
      const now = formatTime(systemClock.now());
      if (!own.of(source).some(({ notAfter }) => notAfter > now)) throw error;
      input.printer.report({
        event: 'warning',
        message: `${messageOf(error)}; the membership that this machine has is used`,
      });
    }
  }
}
