import type { Did } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';

/** A machine whose request files are answered. */
export interface Requester {
  did: Did;
  /** ISO 8601. */
  firstSeen: string;
  /** How it came to be trusted: the request's file. */
  how: string;
  /** When the newest request that was answered was made, by the machine's own clock. */
  newestRequestAt: string;
}

/** To whom exports went. */
export interface Recipient {
  /** A requester's DID, or a name that the user gave. */
  name: string;
  files: number;
  /** ISO 8601. */
  lastAt: string;
}

/** Whose requests are answered, and what was exported to whom: for paths on which nothing comes back. */
export interface ExportLog {
  requester(did: Did): Requester | undefined;
  /** Adds a requester, or moves its newest request on; never back. */
  noteRequest(did: Did, how: string, requestAt: string, now: string): void;
  recipients(): Recipient[];
  /** Everything that ever went to a recipient. */
  sentTo(recipient: string): ReadonlySet<Sha256>;
  noteSent(recipient: string, digests: readonly Sha256[], now: string): void;
  /** What went to a recipient counts as lost: it is carried again. */
  forgetSent(recipient: string): void;
}
