import type { Did, PieceManifest } from '../domain/bundle.js';
import { messageOf, XError } from '../domain/errors.js';
import { refusalError } from '../domain/membership.js';
import { acceptMetadata, type AcceptResult } from '../operations/accept-metadata.js';
import { systemClock } from '../platform/clock.js';
import type { BundleRecord, Catalog } from '../ports/catalog.js';
import type { Swarm } from '../ports/swarm.js';
import { isInvitation, parseInvitation } from '../trust/invitation.js';
import { askOnTerminal } from './ask.js';
import type { Joining } from './joining.js';
import { manifestOf } from './manifest-of.js';

export interface MasterOptions {
  /** HOST, HOST:PORT, a multiaddr or an invitation. */
  text: string;
  /** Whom the user trusts for bundles; none: whoever is pinned, or who is new and let in. */
  trust: readonly Did[];
  acceptNew: boolean;
  acceptStale: boolean;
  catalog: Catalog;
  swarm: Swarm;
  membership: Joining;
  warn: (message: string) => void;
}

/** A version of a bundle that was just accepted. */
export interface AcceptedBundle {
  record: BundleRecord;
  manifest: PieceManifest;
}

type Offer = Awaited<ReturnType<Swarm['listBundles']>>['bundles'][number];

/** The master that a client was pointed at: what it offers, held against what is trusted. */
export class Master {
  readonly address: string;
  readonly #options: MasterOptions;
  /** Whom the user trusts for bundles, where that was said. */
  readonly #trusted: ReadonlySet<Did>;
  /** The machine that answers at the address; once met, no other is spoken to. */
  #peer: Did | undefined;
  /** The token of the invitation, until it was exchanged. */
  #token: { did: Did; token: string } | undefined;
  readonly #warned = new Set<string>();

  /** @throws XError USAGE, WRONG_SOURCE where invitation and --trust disagree. */
  constructor(options: MasterOptions) {
    const invited = isInvitation(options.text) ? parseInvitation(options.text) : undefined;
    const { trust } = options;
    if (invited && trust.length > 0 && !trust.includes(invited.did)) {
      throw new XError(
        'WRONG_SOURCE',
        `the invitation is ${invited.did}'s, but --trust names ${trust.join(' and ')}`,
        {
          hint: 'Ask the source for its key (`x key` there) and use one of the two.',
        },
      );
    }
    this.#options = options;
    this.address = invited ? hostAndPort(invited) : options.text;
    this.#token =
      invited?.token === undefined ? undefined : { did: invited.did, token: invited.token };
    this.#trusted = new Set(invited ? [invited.did] : trust);
    // Of several, nobody said which one answers here.
    this.#peer = invited?.did ?? (trust.length === 1 ? trust[0] : undefined);
  }

  /**
   * First contact: every bundle of a trusted source is accepted, or the command ends.
   * @throws XError as listBundles and acceptMetadata; BUNDLE_NOT_FOUND where nothing is offered.
   */
  async meet(): Promise<AcceptedBundle[]> {
    const offers = await this.#offers();
    if (offers.length === 0) {
      throw new XError('BUNDLE_NOT_FOUND', `the master at ${this.address} offers no bundle`, {
        hint: 'Is its `x source` still resolving? Try again when it says that it serves.',
      });
    }
    const mine = offers.filter((offer) => this.#isTrusted(offer));
    // Where none is trusted, the first says why, with both names.
    const asked = mine.length > 0 ? mine : offers.slice(0, 1);
    for (const offer of offers) if (!asked.includes(offer)) this.#passOver(offer);
    const accepted: AcceptedBundle[] = [];
    for (const offer of asked) accepted.push(await this.#accept(offer, true));
    return accepted;
  }

  /**
   * Later: what is newer is accepted; whatever is wrong is said once and passed over, for what is held
   * goes on being served.
   */
  async refresh(
    isCurrent: (bundleId: string, version: number) => boolean,
  ): Promise<AcceptedBundle[]> {
    const accepted: AcceptedBundle[] = [];
    try {
      for (const offer of await this.#offers()) {
        const id = `${offer.name}@${offer.source}`;
        if (isCurrent(id, offer.version)) continue;
        if (!this.#isTrusted(offer)) this.#passOver(offer);
        else accepted.push(...(await this.#attempt(offer)));
      }
    } catch (error) {
      if (!(error instanceof XError)) throw error;
      // The swarm tells of a master that is away; it goes on trying.
      if (error.code !== 'MASTER_UNREACHABLE' && error.code !== 'PEER_FAILED')
        this.#warn(messageOf(error));
    }
    return accepted;
  }

  /** @throws XError as listBundles; NOT_A_MEMBER where all that is here is kept back. */
  async #offers(): Promise<Offer[]> {
    const { swarm, membership } = this.#options;
    if (this.#token !== undefined) {
      await membership.join(this.address, this.#token);
      this.#token = undefined;
    }
    const { did, bundles, refusal } = await swarm.listBundles(this.address, this.#peer);
    this.#peer = did;
    if (refusal === undefined) return bundles;
    if (bundles.length === 0) throw refusalError(refusal, this.address);
    this.#warn(`${this.address} keeps further bundles for members; those that it gives are pulled`);
    return bundles;
  }

  /** Said by the user; or pinned before; or, where nothing was said, for acceptMetadata to decide. */
  #isTrusted({ source }: Offer): boolean {
    if (this.#trusted.has(source)) return true;
    const pinned = this.#options.catalog.pinnedSources().some(({ did }) => did === source);
    return pinned || this.#trusted.size === 0;
  }

  /** The source that must have signed it: where several are trusted, its own or, for the message, the first. */
  #trustedFor({ source }: Offer): Did | undefined {
    return this.#trusted.has(source) ? source : [...this.#trusted][0];
  }

  async #attempt(offer: Offer): Promise<AcceptedBundle[]> {
    try {
      return [await this.#accept(offer, false)];
    } catch (error) {
      if (!(error instanceof XError)) throw error;
      this.#warn(`${messageOf(error)}; what is held goes on being served`);
      return [];
    }
  }

  async #accept(offer: Offer, isFirstContact: boolean): Promise<AcceptedBundle> {
    const { catalog, swarm, acceptStale } = this.#options;
    const pinned = catalog.pinnedSources().some(({ did }) => did === offer.source);
    const result: AcceptResult = await acceptMetadata(
      { catalog, clock: systemClock },
      {
        bundle: offer.name,
        source: offer.source,
        files: (file, maxBytes) => swarm.fetchMetadata(this.address, offer, file, maxBytes),
        from: `master ${this.address}`,
        server: this.#peer,
        trust: {
          did: pinned ? undefined : this.#trustedFor(offer),
          // Whoever answers first is trusted once, not each newcomer from then on.
          acceptNew: isFirstContact && this.#options.acceptNew,
          ask: isFirstContact ? askOnTerminal : undefined,
        },
        acceptStale,
        older: 'refuse',
      },
    );
    for (const message of result.warnings) this.#warn(message);
    return {
      record: result.record,
      manifest: result.manifest ?? manifestOf(result.record, catalog),
    };
  }

  #passOver({ name, source }: Offer): void {
    this.#warn(
      `the master at ${this.address} also offers "${name}" of ${source}, which is not trusted here; it is passed over`,
    );
  }

  #warn(message: string): void {
    if (this.#warned.has(message) || this.#warned.size >= WARNINGS) return;
    this.#warned.add(message);
    this.#options.warn(message);
  }
}

/** How many different warnings one master can cause. */
const WARNINGS = 100;

function hostAndPort({ host, port }: { host: string; port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
