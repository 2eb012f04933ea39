import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import type { Upstream } from '../ports/upstream.js';
import { isSilence } from './http-failure.js';
import { isPublicRegistry, type NpmConfig } from './npm-config.js';
import { packageNotFound } from './npm-errors.js';

/** What is asked for where the times of publication may be left out, as npm itself does to install. */
export const SHORT_PACKUMENT =
  'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8';
export const FULL_PACKUMENT = 'application/json';

/** Where packuments of public registries are read, in place of npm's own way. */
export interface PublicPages {
  upstream: Pick<Upstream, 'read'>;
  /** Registries whose packages may be named in public, beside the official one. */
  publicIndexes: readonly string[];
}

/** Whether packages of a registry may be named in public. */
export function isOpenRegistry(
  registry: string,
  config: NpmConfig,
  publicIndexes: readonly string[],
): boolean {
  return (
    isPublicRegistry(registry, config) ||
    publicIndexes.some((index) => withSlash(registry) === withSlash(index))
  );
}

/**
 * The packument at an address of a public registry; undefined where the registry is none. Where the
 * registry is silent the whole one is asked for first, then the short one: most who install see only that.
 * @throws XError PACKAGE_NOT_FOUND, UPSTREAM_*, LIMIT_EXCEEDED.
 */
export async function readPublicPackument(
  { upstream, publicIndexes }: PublicPages,
  address: string,
  config: NpmConfig,
): Promise<Uint8Array | undefined> {
  const registry = address.slice(0, address.lastIndexOf('/') + 1);
  if (!isOpenRegistry(registry, config, publicIndexes)) return undefined;
  const read = async (accept: string): Promise<Uint8Array> => {
    const request = { ecosystem: 'npm', url: address, accept, isPublic: true } as const;
    return (await upstream.read(request, BOUNDS.packumentBytes)).bytes;
  };
  try {
    return await read(FULL_PACKUMENT);
  } catch (error) {
    if (error instanceof XError && error.code === 'PACKAGE_NOT_FOUND') {
      const name = decodeURIComponent(address.slice(registry.length));
      throw packageNotFound(name, [], error);
    }
    if (!isSilence(error)) throw error;
    return await read(SHORT_PACKUMENT);
  }
}

function withSlash(url: string): string {
  return `${url.replace(/\/+$/, '')}/`;
}
