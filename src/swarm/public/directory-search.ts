import PQueue from 'p-queue';
import { aborted } from '../../domain/aborted.js';
import { BOUNDS } from '../../domain/bounds.js';
import type { Owner } from '../../network/events.js';
import type { Position } from '../../network/position.js';
import { contactOf } from './lookup-messages.js';
import type { ProviderDirectory } from './provider-directory.js';

/**
 * Asks a directory of others. Whatever it says is hearsay, of one network no more than a walk takes; a
 * directory that fails is none, and nobody waits for a silent one.
 */
export class DirectorySearch {
  readonly #directory: ProviderDirectory;
  readonly #queue = new PQueue({ concurrency: BOUNDS.directoryAsks });

  constructor(directory: ProviderDirectory) {
    this.#directory = directory;
  }

  async ask(
    key: Position,
    found: (owners: readonly Owner[]) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(BOUNDS.lookupDeadlineMs)]);
    await this.#queue
      .add(() => this.#ask(key, found, limited), { signal: limited })
      .catch(() => undefined);
  }

  async #ask(
    key: Position,
    found: (owners: readonly Owner[]) => void,
    limited: AbortSignal,
  ): Promise<void> {
    const groups = new Map<string, number>();
    let taken = 0;
    const tell = (owners: readonly Owner[]): void => {
      for (const { did, addresses } of owners) {
        const contact = contactOf({ did, addresses: [...addresses], isHeavy: false }, () => []);
        const ofGroup = groups.get(contact?.group ?? '') ?? 0;
        if (contact === undefined || ofGroup >= BOUNDS.lookupOwnersOfGroup) continue;
        if (limited.aborted || taken >= BOUNDS.directoryOwners) return;
        groups.set(contact.group, ofGroup + 1);
        taken += 1;
        found([{ did, addresses: contact.addresses, group: contact.group }]);
      }
    };
    await Promise.race([this.#directory.find(key, tell, limited), aborted(limited)]);
  }
}
