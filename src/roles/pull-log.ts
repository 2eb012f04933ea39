import { systemClock } from '../platform/clock.js';
import type { PullEvent } from '../ports/swarm.js';
import { formatPeerAddress, type Printer } from './printer.js';
import { PullProgress } from './pull-progress.js';

/** What the pulls of a process tell: to the user, and to whoever asks later why something is missing. */
export class PullLog {
  /** Paths of which a copy turned out bad, here or at a peer, and why. */
  readonly bad = new Map<string, string>();
  readonly progress: PullProgress;
  readonly #printer: Printer;
  readonly #onMasterBack: () => void;

  constructor(printer: Printer, onMasterBack: () => void) {
    this.#printer = printer;
    this.#onMasterBack = onMasterBack;
    this.progress = new PullProgress(systemClock, (event) => printer.report(event));
  }

  /** Takes in what one pull tells. */
  told(bundleId: string, event: PullEvent): void {
    const printer = this.#printer;
    switch (event.event) {
      case 'connected':
        printer.event(
          { ...event },
          `connected to ${event.isMaster ? 'master' : 'sibling'} ${formatPeerAddress(event.address)}`,
        );
        return;
      case 'disconnected':
        return;
      case 'reachable':
        this.#onMasterBack();
        return;
      case 'bad-piece':
        this.bad.set(event.path, `${event.did} sent a bad piece`);
        printer.report({
          event: 'warning',
          message: `${event.did} sent a bad piece of ${event.path} (piece ${event.index}); it is dropped, and the piece comes from elsewhere`,
        });
        return;
      case 'damaged':
        this.bad.set(event.path, 'the copy here was damaged on disk');
        printer.report({
          event: 'warning',
          message: `the copy of ${event.path} here is damaged; it is dropped and fetched afresh`,
        });
        return;
      case 'unreachable':
        if (event.attempt === 1)
          printer.report({
            event: 'warning',
            message: `the master at ${event.address} does not answer (${event.reason}); trying again, siblings go on`,
          });
        return;
      case 'held':
        this.progress.held(bundleId, event);
        return;
    }
  }
}
