import { SALT_BYTES } from '../domain/held-set.js';
import type { TargetSections } from '../domain/request.js';
import { formatTarget, type Target } from '../domain/target.js';
import type { Catalog } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import type { Random } from '../ports/random.js';
import type { Store } from '../ports/store.js';
import type { Identity } from '../trust/identity.js';
import { encodeRequest } from '../trust/request-file.js';
import { formatTime } from '../trust/time.js';

export interface MakeRequestDeps {
  store: Pick<Store, 'held'>;
  catalog: Pick<Catalog, 'bundles' | 'wishes'>;
  clock: Pick<Clock, 'now'>;
  random: Pick<Random, 'bytes'>;
  identity: Identity;
}

export interface MadeRequest {
  bytes: Uint8Array;
  /** Files that this machine said it holds. */
  held: number;
  bundles: number;
  wishes: number;
  createdAt: string;
}

/**
 * What this machine is and holds, signed, for a source to answer with what is missing.
 * @throws XError LIMIT_EXCEEDED.
 */
export function makeRequest(
  { store, catalog, clock, random, identity }: MakeRequestDeps,
  { target, sections }: { target: Target; sections: TargetSections },
): MadeRequest {
  const held = [...store.held()];
  const bundles = catalog.bundles().map(({ name, source, version }) => ({ name, source, version }));
  const wishes = catalog.wishes();
  const createdAt = formatTime(clock.now());
  const content = { createdAt, target: formatTarget(target), sections, bundles, held, wishes };
  const bytes = encodeRequest({ ...content, salt: random.bytes(SALT_BYTES) }, identity);
  return { bytes, held: held.length, bundles: bundles.length, wishes: wishes.length, createdAt };
}
