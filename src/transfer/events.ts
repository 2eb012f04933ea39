import type { Bitmap } from './bitmap.js';

/** A peer's name as the driver knows it; the scheduler only compares it. */
export type Peer = string;

/** What happened, told by the driver. */
export type TransferEvent =
  /** A peer shares this manifest. Told again, it replaces what was known of the peer. */
  | {
      type: 'joined';
      peer: Peer;
      /** A master of ours: asked for whatever it likes to give. */
      isSource: boolean;
      held: Bitmap;
      /** What the peer wants in all; undefined means everything. */
      wanted?: Bitmap | undefined;
    }
  /** The peer wants other leaves than it said at first. */
  | { type: 'wants'; peer: Peer; wanted: Bitmap | undefined }
  | { type: 'left'; peer: Peer }
  /** A peer that is likely to join soon. */
  | { type: 'expected'; peer: Peer }
  /** Bytes of an answer are arriving. */
  | { type: 'heard'; peer: Peer }
  | { type: 'gained'; peer: Peer; leaves: readonly number[] }
  | { type: 'lost'; peer: Peer; leaves: readonly number[] }
  /** A peer asks us: for these leaves, or (undefined) for whatever we like to give. */
  | {
      type: 'asked';
      peer: Peer;
      id: number;
      leaves: readonly number[] | undefined;
      maxBytes: number;
      /** How many siblings it is connected to. */
      siblings: number;
      /** Whether it pulls from nobody else, and has leaves in order rather than any. */
      inOrder: boolean;
    }
  | { type: 'withdrawn'; peer: Peer; id: number }
  /** The driver has handed our answer `id` to the network. */
  | { type: 'sent'; peer: Peer; id: number }
  /** Verified leaves are on disk. */
  | { type: 'stored'; leaves: readonly number[] }
  /** Leaves that we held are damaged, or could not be read. */
  | { type: 'damaged'; leaves: readonly number[] }
  /** These leaves can be verified and are wanted; urgent ones go first. */
  | { type: 'want'; leaves: readonly number[]; urgent: boolean }
  | { type: 'tick' };

/** An answer to request `id` of ours: `good` leaves are verified, `bad` ones are not what was signed. */
export interface AnswerEvent {
  peer: Peer;
  id: number;
  good: readonly number[];
  bad: readonly number[];
}

/** What the driver has to do. */
export type TransferAction =
  /** Ask a peer: for these leaves, or (undefined) for whatever it likes to give. */
  | {
      type: 'ask';
      peer: Peer;
      id: number;
      leaves: number[] | undefined;
      maxBytes: number;
      siblings: number;
      inOrder: boolean;
    }
  | { type: 'cancel'; peer: Peer; id: number }
  /** Send these leaves as answer `id`; none means "nothing for now" or "do not have". Report `sent`. */
  | { type: 'send'; peer: Peer; id: number; leaves: number[] }
  /** Tell every peer that joined what we hold now, or no longer. */
  | { type: 'tell'; gained: readonly number[]; lost: readonly number[] }
  /** End the connection. A liar is never spoken to again. The peer has left already. */
  | { type: 'drop'; peer: Peer; reason: 'liar' | 'silent' | 'abusive' }
  /** Send `tick` at this time, or earlier. The last one counts. */
  | { type: 'wake'; atMs: number };
