import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import type { Refusal } from '../domain/membership.js';
import { trustedNow } from '../operations/trusted-now.js';
import { systemClock } from '../platform/clock.js';
import { systemRandom } from '../platform/random.js';
import type { Catalog } from '../ports/catalog.js';
import type { Credentials, Gate } from '../ports/gate.js';
import { ShownCredentials } from '../trust/credentials.js';
import type { Identity } from '../trust/identity.js';
import { redeem, type InviteBook } from '../trust/invites.js';
import { encodeMembership, refusalOf } from '../trust/membership.js';
import { RulesOfBundles, type BundleRules } from './bundle-rules.js';
import type { BookFile, OwnMemberships } from './members-files.js';

/** How long the time is taken for now. */
const NOW_MS = 500;

export interface MembersGateDeps {
  catalog: Catalog;
  identity: Identity;
  own: OwnMemberships;
  /** At a source. */
  book: BookFile | undefined;
  warn: (message: string) => void;
}

/** Lets in whom the newest signed metadata of each bundle lets in. What is in no catalog is nobody's. */
export class MembersGate implements Gate {
  readonly #deps: MembersGateDeps;
  readonly #bundles: RulesOfBundles;
  /** With what the book says of it. */
  readonly #rules = new Map<BundleRules, BundleRules>();
  #book: InviteBook | undefined;
  #now = new Date(0);
  #nowMs = -Infinity;

  constructor(deps: MembersGateDeps) {
    this.#deps = deps;
    this.#bundles = new RulesOfBundles(deps.catalog, deps.warn);
  }

  shown(): readonly Uint8Array[] {
    return this.#deps.own.shown;
  }

  read(peer: Did, shown: readonly Uint8Array[], isNear: boolean): Credentials {
    return new ShownCredentials(peer, shown, isNear);
  }

  refusal(
    peer: Did,
    credentials: Credentials,
    bundle: { name: string; source: Did },
  ): Refusal | undefined {
    const rules = this.#rulesOf(`${bundle.name}@${bundle.source}`);
    if (rules === undefined) return 'not-a-member';
    const memberships = rules.rule === undefined ? [] : credentials.of(bundle.source);
    const { isNear } = credentials;
    return refusalOf({ peer, memberships, isNear, bundle, ...rules, now: this.#time() });
  }

  isFellow(peer: Did, credentials: Credentials): boolean {
    return this.#deps.catalog
      .bundles()
      .some(
        ({ id, name, source }) =>
          this.#isForMembers(id) && this.refusal(peer, credentials, { name, source }) === undefined,
      );
  }

  hasMembers(): boolean {
    return this.#deps.catalog.bundles().some(({ id }) => this.#isForMembers(id));
  }

  redeem(peer: Did, token: string): { membership: Uint8Array } | { refusal: Refusal } {
    const { book, identity } = this.#deps;
    if (book === undefined) return { refusal: 'not-the-source' };
    const moment = { now: this.#time(), random: systemRandom };
    const result = redeem(book.book, { token, peer }, moment);
    if ('refusal' in result) return result;
    book.save(result.book);
    return { membership: encodeMembership(result.member, identity) };
  }

  #isForMembers(id: string): boolean {
    return this.#rulesOf(id)?.rule !== undefined;
  }

  /** By the newest metadata that is here, whichever version a peer speaks of. */
  #rulesOf(id: string): BundleRules | undefined {
    const published = this.#bundles.of(id);
    const book = this.#deps.book?.book;
    if (published?.rule === undefined || book === undefined) return published;
    if (book !== this.#book || this.#rules.size >= BOUNDS.bundlesPerMaster) this.#rules.clear();
    this.#book = book;
    const known = this.#rules.get(published);
    if (known !== undefined) return known;
    // The source knows of a revocation before it is signed.
    const ended = book.members.filter(({ revokedOrder }) => revokedOrder !== undefined);
    const revoked = new Set([...published.rule.revoked, ...ended.map(({ serial }) => serial)]);
    const rules = { ...published, rule: { revoked } };
    this.#rules.set(published, rules);
    return rules;
  }

  #time(): Date {
    const nowMs = systemClock.monotonicMs();
    if (nowMs - this.#nowMs > NOW_MS) {
      this.#now = trustedNow({ catalog: this.#deps.catalog, clock: systemClock }).now;
      this.#nowMs = nowMs;
    }
    return this.#now;
  }
}
