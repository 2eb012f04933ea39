import { bareAddress } from '../../../domain/bare-address.js';
import { integrityOfDigest } from '../../../domain/digest.js';
import { gatewayFile } from '../gateway-address.js';

/** The carried tarball that stands in for a git repository's or a file's address. */
export interface StandIn {
  name: string;
  version: string;
  filename: string;
  sha512: string | undefined;
}

/** What of one project comes from elsewhere than a registry, and what is carried in its place. */
export class ForeignAddresses {
  readonly #byAddress = new Map<string, StandIn>();
  readonly #bySpec = new Map<string, StandIn>();

  /** @param address as a lockfile writes it, the commit included. */
  add(address: string, standIn: StandIn): void {
    this.#byAddress.set(bareAddress(address), standIn);
  }

  /** @param spec as a package.json writes it: `github:user/repo#main`. */
  addAsked(name: string, spec: string, standIn: StandIn): void {
    this.#bySpec.set(`${name}@${bareAddress(spec)}`, standIn);
  }

  at(address: string): StandIn | undefined {
    return this.#byAddress.get(bareAddress(address));
  }

  asked(name: string, spec: string): StandIn | undefined {
    return this.#bySpec.get(`${name}@${bareAddress(spec)}`);
  }
}

export function addressOf(gateway: string, { name, filename }: StandIn): string {
  return gatewayFile(gateway, name, filename);
}

/** `sha512-…`. */
export function integrityOf({ sha512 }: StandIn): string | undefined {
  return sha512 === undefined ? undefined : integrityOfDigest('sha512', sha512);
}
