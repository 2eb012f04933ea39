import { setImmediate as breath } from 'node:timers/promises';
import { BOUNDS } from '../../domain/bounds.js';
import type { Digests, Sha256 } from '../../domain/digest.js';
import type { NamedArtifact, NamedArtifacts } from '../../network/named-artifacts.js';
import { NETWORK_POLICY as POLICY } from '../../network/policy.js';
import { keysOf, textOfPosition } from '../../network/position.js';
import type { ProviderRecords } from '../../network/records.js';
import {
  chooseEvictions,
  chooseReplicas,
  usableQuota,
  type Demand,
  type KeptArtifact,
  type ScarceArtifact,
} from '../../network/retention.js';
import type { Providers } from '../../ports/passing.js';
import type { PublicArtifacts } from '../../ports/public-artifacts.js';
import type { Random } from '../../ports/random.js';
import type { Store, StoredBlob } from '../../ports/store.js';

export interface KeepCopiesDeps {
  network: string;
  store: Pick<Store, 'totals' | 'unreferenced' | 'remove'>;
  artifacts: Pick<PublicArtifacts, 'find'>;
  records: ProviderRecords;
  demand: Demand;
  /** Copies that there seem to be of what is held here, this one counted. */
  copies: (digests: Digests) => number;
  named: NamedArtifacts;
  providers: Providers;
  quotaBytes: number;
  /** Of the disk that the store is on. */
  freeBytes: () => Promise<number>;
  random: Random;
  /** Milliseconds since 1970 of a clock that never goes back. */
  now: () => number;
}

/** Others get their turn after so many artifacts. */
const AT_A_TIME = 500;

/** What a node keeps for the swarm: what goes when there is no room, and what it fetches because few have it. */
export class KeepCopies {
  readonly #deps: KeepCopiesDeps;

  constructor(deps: KeepCopiesDeps) {
    this.#deps = deps;
  }

  /** Somebody at this machine used it: that is demand as a stranger's question is. */
  used(digests: Digests): void {
    const { network, demand, now } = this.#deps;
    const [key] = keysOf(network, digests);
    if (key !== undefined) demand.asked(textOfPosition(key), now());
  }

  /** Removes what is worth least until the rest fits into the quota; bundles never go. */
  async keepQuota(): Promise<{ files: number; bytes: number }> {
    const { store } = this.#deps;
    const removed = { files: 0, bytes: 0 };
    const { quotaBytes, heldBytes } = await this.#room();
    if (heldBytes <= quotaBytes) return removed;
    const held: KeptArtifact[] = [];
    for (const blob of store.unreferenced()) {
      held.push(this.#kept(blob));
      if (held.length % AT_A_TIME === 0) await breath();
    }
    const lengths = new Map(held.map(({ sha256, lengthBytes }) => [sha256, lengthBytes]));
    // What bundles have takes its part of the quota, and is not to be chosen from.
    const ofBundles = heldBytes - held.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0);
    for (const sha256 of chooseEvictions(held, { quotaBytes, neededBytes: ofBundles })) {
      await store.remove(sha256);
      removed.files += 1;
      removed.bytes += lengths.get(sha256) ?? 0;
    }
    return removed;
  }

  /**
   * Fetches some of what public indexes name and records near this node's place say that too few have.
   * @returns how many came.
   */
  async replicate(signal: AbortSignal): Promise<number> {
    const { random, providers } = this.#deps;
    const { quotaBytes, heldBytes } = await this.#room();
    const scarce = new Map<Sha256, NamedArtifact & ScarceArtifact>();
    let looked = 0;
    for (const artifact of this.#deps.named.all()) {
      const one = this.#scarce(artifact);
      if (one !== undefined) scarce.set(one.sha256, one);
      looked += 1;
      if (looked % AT_A_TIME === 0) await breath();
    }
    const chosen = chooseReplicas(
      [...scarce.values()],
      {
        freeBytes: Math.max(0, quotaBytes * (1 - POLICY.headroom) - heldBytes),
        keepers: 1 + POLICY.heavyReplicas,
        limit: BOUNDS.replicasAtOnce,
      },
      random,
    );
    const limit = AbortSignal.any([signal, AbortSignal.timeout(BOUNDS.replicationMs)]);
    let brought = 0;
    const left = chosen.values();
    const bring = async (): Promise<void> => {
      for (const name of left) {
        if (limit.aborted) return;
        const artifact = scarce.get(name);
        // A copy that does not come now is looked for again in the next turn.
        if (artifact && (await providers.bring(artifact, limit).catch(() => false))) brought += 1;
      }
    };
    await Promise.all(Array.from({ length: BOUNDS.parallelReplicas }, bring));
    return brought;
  }

  async #room(): Promise<{ quotaBytes: number; heldBytes: number }> {
    const { store, quotaBytes, freeBytes } = this.#deps;
    const heldBytes = store.totals().bytes;
    const usable = usableQuota({ quotaBytes, heldBytes, freeBytes: await freeBytes() });
    return { quotaBytes: usable, heldBytes };
  }

  #kept(blob: StoredBlob): KeptArtifact {
    const { artifacts, copies } = this.#deps;
    const { sha256, sha512, lengthBytes } = blob;
    // Of what is not public there are no copies to be counted, and none to be missed by others.
    const isPublic = artifacts.find({ sha256 }) !== undefined;
    return {
      sha256,
      lengthBytes,
      demand: this.#demandFor({ sha256, sha512 }),
      copies: isPublic ? copies({ sha256, sha512 }) : POLICY.copiesWanted + 1,
      isPinned: false,
    };
  }

  /** Undefined where nobody near here says to have it, enough do, or it is here. */
  #scarce(
    artifact: NamedArtifact & { dependents: number },
  ): (NamedArtifact & ScarceArtifact) | undefined {
    const { artifacts, network, records, now } = this.#deps;
    const { digests, sizeBytes = POLICY.unsizedBytes } = artifact;
    const found = keysOf(network, digests).map((key) => records.copies(key, now()));
    const copies = Math.max(0, ...found);
    if (copies === 0 || copies >= POLICY.copiesWanted) return undefined;
    if (artifacts.find(digests) !== undefined) return undefined;
    const sha256 = digests.sha256 ?? digests.sha512 ?? '';
    const demand = this.#demandFor(digests);
    return { ...artifact, sha256, lengthBytes: sizeBytes, demand, copies };
  }

  #demandFor(digests: Digests): number {
    const { network, demand, now } = this.#deps;
    return keysOf(network, digests).reduce(
      (sum, key) => sum + demand.of(textOfPosition(key), now()),
      0,
    );
  }
}
