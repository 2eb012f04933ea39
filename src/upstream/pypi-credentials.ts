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
        ? lookUpKeyring(this.#keyring, address, decodeURIComponent(given.username))
        : undefined;
    this.#known.push({
      address,
      authorization:
        entry === undefined
          ? authorization
          : basicAuthorization(decodeURIComponent(given.username), entry.password),
    });
  }

  has(url: string): boolean {
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
    const entry = lookUpNetrc(this.#netrc, hostname) ?? lookUpKeyring(this.#keyring, url);
    return entry && { authorization: basicAuthorization(entry.login, entry.password) };
  }
}
