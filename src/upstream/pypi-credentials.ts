import type { IndexCredentials } from '../ports/pypi-settings.js';
import { basicAuthorization, splitCredentials } from './http-address.js';
import { lookUpNetrc, type NetrcEntry } from './netrc.js';
import { isWithin, lookUpKeyring, type KeyringEntry } from './python-keyring.js';

/**
 * Logins for addresses, in pip's order: those that stand in addresses, netrc, the keyring file. An
 * address has that of the longest one that it lies below, else the first of its origin.
 */
export class PypiCredentials implements IndexCredentials {
  readonly #known: { address: string; authorization: string }[] = [];
  readonly #netrc: readonly NetrcEntry[];
  readonly #keyring: readonly KeyringEntry[];
  readonly #indexes = new Set<string>();

  constructor(netrc: readonly NetrcEntry[], keyring: readonly KeyringEntry[]) {
    this.#netrc = netrc;
    this.#keyring = keyring;
  }

  remember(text: string): void {
    const given = new URL(text);
    const { url, authorization } = splitCredentials(given);
    if (authorization === undefined) return;
    const address = url.href;
    if (this.#known.some((one) => one.address === address)) return;
    // A user without a password names an entry of the keyring.
    const entry =
      given.password === ''
        ? lookUpKeyring(this.#keyring, address, { login: decodeURIComponent(given.username) })
        : undefined;
    this.#known.push({
      address,
      authorization:
        entry === undefined
          ? authorization
          : basicAuthorization(decodeURIComponent(given.username), entry.password),
    });
  }

  addIndex(url: string): boolean {
    this.#indexes.add(url);
    return this.headers(url) !== undefined;
  }

  headers(url: string): Record<string, string> | undefined {
    if (!URL.canParse(url)) return undefined;
    const { origin, hostname, protocol } = new URL(url);
    if (protocol === 'file:') return undefined;
    const ofOrigin = this.#known.filter(({ address }) => new URL(address).origin === origin);
    const [nearest] = ofOrigin
      .filter(({ address }) => isWithin(url, address))
      .sort((a, b) => b.address.length - a.address.length);
    const known = nearest ?? ofOrigin[0];
    if (known !== undefined) return { authorization: known.authorization };
    const entry =
      lookUpNetrc(this.#netrc, hostname) ??
      lookUpKeyring(this.#keyring, url, { index: this.#indexOf(url) });
    return entry && { authorization: basicAuthorization(entry.login, entry.password) };
  }

  /** The index on the same host whose path has most in common with an address: as pip, its login counts. */
  #indexOf(url: string): string | undefined {
    const { origin, pathname } = new URL(url);
    const inCommon = (index: string): number => {
      const other = new URL(index).pathname;
      let at = 0;
      while (at < other.length && other[at] === pathname[at]) at++;
      return other.slice(0, at).lastIndexOf('/');
    };
    return [...this.#indexes]
      .filter((index) => new URL(index).origin === origin)
      .sort((a, b) => inCommon(b) - inCommon(a))[0];
  }
}
