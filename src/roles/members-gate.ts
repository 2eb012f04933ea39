import { BOUNDS } from '../domain/bounds.js';
import type { Did } from '../domain/bundle.js';
import { messageOf } from '../domain/errors.js';
import type { MembersRule, Refusal } from '../domain/membership.js';
import { trustedNow } from '../operations/accept-metadata.js';
import { systemClock } from '../platform/clock.js';
import { systemRandom } from '../platform/random.js';
import type { Catalog } from '../ports/catalog.js';
import type { Credentials, Gate } from '../ports/gate.js';
import { ShownCredentials } from '../trust/credentials.js';
import type { Identity } from '../trust/identity.js';
import { redeem, type InviteBook } from '../trust/invites.js';
import { topLevelOf } from '../trust/masters.js';
import { readMembersRule } from '../trust/members-rule.js';
import { encodeMembership, refusalOf } from '../trust/membership.js';
import type { BookFile, OwnMemberships } from './members-files.js';

/** How long the time is taken for now. */
const NOW_MS = 500;

interface Rules {
  rule: MembersRule | undefined;
  masters: readonly Did[];
}

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
  readonly #rules = new Map<string, Rules | undefined>();
  #generation = '';
  #book: InviteBook | undefined;
  #now = new Date(0);
  #nowMs = -Infinity;

  constructor(deps: MembersGateDeps) {
    this.#deps = deps;
  }

  shown(): readonly Uint8Array[] {
    return this.#deps.own.shown;
  }

  read(peer: Did, shown: readonly Uint8Array[]): Credentials {
    return new ShownCredentials(peer, shown);
  }

  refusal(
    peer: Did,
    credentials: Credentials,
    bundle: { name: string; source: Did },
  ): Refusal | undefined {
    const rules = this.#rulesOf(`${bundle.name}@${bundle.source}`);
    if (rules === undefined) return 'not-a-member';
    const memberships = rules.rule === undefined ? [] : credentials.of(bundle.source);
    return refusalOf({ peer, memberships, bundle, ...rules, now: this.#time() });
  }

  isFellow(peer: Did, credentials: Credentials): boolean {
    return this.#deps.catalog.bundles().some(({ id, name, source }) => {
      const isForMembers = this.#rulesOf(id)?.rule !== undefined;
      if (!isForMembers || credentials.of(source).length === 0) return false;
      return this.refusal(peer, credentials, { name, source }) === undefined;
    });
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

  /** By the newest metadata that is here, whichever version a peer speaks of. */
  #rulesOf(id: string): Rules | undefined {
    const { catalog, book, warn } = this.#deps;
    const generation = catalog.generation();
    if (generation !== this.#generation || book?.book !== this.#book) this.#rules.clear();
    this.#generation = generation;
    this.#book = book?.book;
    if (this.#rules.has(id)) return this.#rules.get(id);
    let rules: Rules | undefined;
    try {
      const fields = catalog.bundle(id) && topLevelOf(catalog.metadata(id));
      if (fields !== undefined) {
        rules = { rule: this.#withBook(readMembersRule(fields.extra)), masters: fields.masters };
      }
    } catch (error) {
      warn(`${id} is given to nobody: ${messageOf(error)}`);
    }
    if (this.#rules.size < BOUNDS.bundlesPerMaster) this.#rules.set(id, rules);
    return rules;
  }

  /** The source knows of a revocation before it is signed. */
  #withBook(rule: MembersRule | undefined): MembersRule | undefined {
    const ended = this.#book?.members.filter(({ revokedOrder }) => revokedOrder !== undefined);
    if (rule === undefined || ended === undefined) return rule;
    return { revoked: new Set([...rule.revoked, ...ended.map(({ serial }) => serial)]) };
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
