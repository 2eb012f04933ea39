import { circuitRelayServer, type CircuitRelayServerComponents } from '@libp2p/circuit-relay-v2';
import { isStartable } from '@libp2p/interface';
import { BOUNDS } from '../../domain/bounds.js';

/**
 * Passes connections on for those who cannot be reached, where this node can be. libp2p starts and
 * stops its services with itself; this one is kept apart, and runs while it is of use.
 */
export class RelayServer {
  readonly #make: () => unknown;
  #running: unknown;

  constructor(make: () => unknown) {
    this.#make = make;
  }

  get isRunning(): boolean {
    return this.#running !== undefined;
  }

  /** Relays from now on, or no more. */
  async serve(isReachable: boolean): Promise<void> {
    if (isReachable === this.isRunning) return;
    const running = this.#running;
    this.#running = isReachable ? this.#make() : undefined;
    if (isStartable(running)) await running.stop();
    if (isStartable(this.#running)) await this.#running.start();
  }
}

/** Few places, few bytes, little time: enough to agree on a direct connection, and for control. */
export function relayService(components: CircuitRelayServerComponents): RelayServer {
  return new RelayServer(() =>
    circuitRelayServer({
      hopTimeout: BOUNDS.swarmHandshakeMs,
      maxInboundHopStreams: 8,
      maxOutboundHopStreams: 8,
      maxOutboundStopStreams: BOUNDS.relayedConnections,
      reservations: {
        maxReservations: BOUNDS.relayReservations,
        reservationTtl: BOUNDS.relayReservationMs,
        defaultDurationLimit: BOUNDS.relayedMs,
        defaultDataLimit: BigInt(BOUNDS.relayedBytes),
      },
    })(components),
  );
}
