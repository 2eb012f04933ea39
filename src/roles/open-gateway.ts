import { BOUNDS } from '../domain/bounds.js';
import { messageOf, XError } from '../domain/errors.js';
import { isNetworkName } from '../network/announcements.js';
import { systemClock } from '../platform/clock.js';
import { runGateway, type GatewayInput, type Joined, type JoinPlace } from './gateway.js';
import type { NetworkWish } from './network-flags.js';
import { trustedForIndexes } from './trusted-for-indexes.js';

export interface OpenGatewayInput extends Omit<GatewayInput, 'join' | 'role'> {
  /** Undefined: no part is taken in any network. */
  wish: NetworkWish | undefined;
  serveIndexes: boolean | undefined;
}

/** `x gateway`: it asks the public swarm first, and serves it, where there is a way to somebody of it. */
export async function runOpenGateway(input: OpenGatewayInput): Promise<void> {
  const { wish, settings } = input;
  trustedForIndexes(settings);
  if (wish !== undefined && !isNetworkName(wish.network)) {
    throw new XError('USAGE', `"${wish.network}" is not the name of a network`, {
      hint: 'Lower-case letters, digits, dots and hyphens, 63 at most.',
    });
  }
  const join = wish === undefined ? undefined : (place: JoinPlace) => joined(input, wish, place);
  await runGateway({ ...input, role: 'gateway', join });
}

async function joined(
  { settings, printer, serveIndexes }: OpenGatewayInput,
  wish: NetworkWish,
  place: JoinPlace,
): Promise<Joined | undefined> {
  const sinceMs = systemClock.now().getTime() - BOUNDS.nodeTtlMs;
  const isKnown = place.data.nodeBook.nodes(sinceMs).length > 0;
  if (settings.peers.length === 0 && wish.rendezvous === undefined && !isKnown) return undefined;
  try {
    // libp2p is loaded by who needs it.
    const { joinAsMember } = await import('./member.js');
    return await joinAsMember({ settings, printer, wish, kind: 'light', serveIndexes }, place);
  } catch (error) {
    if (error instanceof XError && error.code === 'USAGE') throw error;
    place.warn(`the public swarm is not asked: ${messageOf(error)}`);
    return undefined;
  }
}
