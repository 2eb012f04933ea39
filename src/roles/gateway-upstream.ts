import { withTrustedIndexes } from '../operations/trusted-indexes.js';
import { systemClock } from '../platform/clock.js';
import type { SeenIndexes } from '../ports/seen-indexes.js';
import type { Store } from '../ports/store.js';
import type { Upstream } from '../ports/upstream.js';
import { isSilence } from '../upstream/http-failure.js';
import type { Joined } from './gateway.js';
import { hashedFromSwarm } from './hashed-from-swarm.js';

/**
 * The official sources as a member of the swarm asks them: where they are silent, what those have seen
 * whom the user trusts stands in, and what has a hash comes from anybody.
 */
export function upstreamOfMember(
  official: Upstream,
  { joined, seen, store }: { joined: Joined | undefined; seen: SeenIndexes; store: Store },
): Upstream {
  if (joined === undefined) return official;
  const swarm = (): Promise<Joined['providers']> => Promise.resolve(joined.providers);
  return withTrustedIndexes({
    upstream: hashedFromSwarm({ upstream: official, swarm, store }),
    seen,
    trusted: joined.trusted,
    clock: systemClock,
    isSilence,
  });
}
