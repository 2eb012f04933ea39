import type { Stream } from '@libp2p/interface';
import type { Did } from '../../domain/bundle.js';
import type { Contact } from '../../network/events.js';

/** A node that is connected: its handshake proved the DID. */
export interface NodeConnection {
  did: Did;
  /** The multiaddr that it is seen at. */
  address: string;
  /** The network that address is in (`network/address-group.ts`); one behind a relay has the relay's. */
  group: string;
  /** Whether bytes go through somebody else: not for artifacts, and bounded by the relay. */
  isRelayed: boolean;
  /** Whether this machine dialled it: only then others can reach it at `address`, too. */
  wasDialled: boolean;
  readonly isOpen: boolean;
  /**
   * Opens a stream; the caller ends it.
   * @throws Error where it does not speak the protocol, the connection broke, or BOUNDS.connectTimeoutMs passed.
   */
  open(protocol: string, signal?: AbortSignal): Promise<Stream>;
  /** How long a ping takes. @throws Error where none comes back; the signal's reason. */
  roundTripMs(signal: AbortSignal): Promise<number>;
  /** Hangs up. */
  close(reason: string): void;
}

/** Opens and takes connections of the public swarm, and says who is there. Who may be dialled is decided here. */
export interface NodeHost {
  readonly did: Did;
  /** What others can dial, as far as is known: verified public addresses, those of relays, on-link ones. */
  addresses(): string[];
  connections(): readonly NodeConnection[];
  connectionOf(did: Did): NodeConnection | undefined;
  /**
   * The open connection, or a new one at the first of these addresses that answers as this DID. One
   * dial a node at a time, `BOUNDS` of them in all; a node that was refused is not dialled.
   * @throws Error where no address may be dialled or none answers in time; the signal's reason.
   */
  connect(
    contact: Pick<Contact, 'did' | 'addresses'>,
    signal?: AbortSignal,
  ): Promise<NodeConnection>;
  /** Takes streams of a protocol; `inbound` and `outbound` bound the streams of one connection. */
  handle(
    protocol: string,
    accept: (stream: Stream, from: NodeConnection) => void,
    limits: { inbound: number; outbound: number },
  ): Promise<void>;
  onConnected(listener: (connection: NodeConnection) => void): void;
  /** Called when the last connection to a node ended. */
  onGone(listener: (did: Did) => void): void;
  /** Hangs up on a liar and lets nobody of that name in or out until then; in milliseconds since 1970. */
  refuse(did: Did, untilMs: number): void;
}
