import type { Libp2p } from '@libp2p/interface';

/** What libp2p hands to services only. */
export interface LibP2pParts extends Record<string, unknown> {
  parts: { addressManager: object };
}

/**
 * Stops libp2p. A listener that closes makes libp2p 3 note its addresses anew a second later, which
 * would keep a process that is done alive for that second.
 */
export async function stopLibp2p(libp2p: Libp2p<LibP2pParts>): Promise<void> {
  await libp2p.stop();
  const noting: unknown = Reflect.get(
    libp2p.services.parts.addressManager,
    '_updatePeerStoreAddresses',
  );
  if (isStoppable(noting)) noting.stop();
}

function isStoppable(value: unknown): value is { stop: () => void } {
  return typeof value === 'function' && 'stop' in value && typeof value.stop === 'function';
}
