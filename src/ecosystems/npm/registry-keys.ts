import { createPublicKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { KeyFinderFunc } from '@sigstore/verify';
import type { JsonValue } from '../../domain/plan.js';
import { isObject } from './json.js';
import type { RegistryKey } from './signatures.js';

/** What a registry's key signs: versions (`dist.signatures`), or statements about them. */
export type KeyUsage = 'npm:signatures' | 'npm:attestations';

const known = new Map<KeyUsage, RegistryKey[]>();

/**
 * npm's registry signing keys, out of the TUF seeds that @sigstore/tuf ships: an anchor that this
 * machine has itself, with no network. The file is read; the library is never loaded.
 */
export function registryKeys(usage: KeyUsage = 'npm:signatures'): RegistryKey[] {
  const keys = known.get(usage) ?? parseSeeds(readSeeds(), usage);
  known.set(usage, keys);
  return keys;
}

/** Keys as sigstore's verifier asks for them, by the key id that a signature names. */
export function keyFinder(keys: readonly RegistryKey[]): KeyFinderFunc {
  return (hint) => {
    const key = keys.find(({ keyid }) => keyid === hint);
    if (key === undefined) throw new Error(`no key ${hint.slice(0, 100)}`);
    const { spki, end } = key;
    return {
      publicKey: createPublicKey({ key: Buffer.from(spki, 'base64'), format: 'der', type: 'spki' }),
      validFor: (date) => end === undefined || date < new Date(end),
    };
  };
}

function readSeeds(): string {
  // The package exports no file but its main one, which lies one folder below the seeds.
  const main = createRequire(import.meta.url).resolve('@sigstore/tuf');
  return readFileSync(join(dirname(main), '..', 'seeds.json'), 'utf8');
}

/** The keys in a seeds file: `{mirror: {targets: {"…keys.json": base64}}}`. */
export function parseSeeds(text: string, usage: KeyUsage): RegistryKey[] {
  const seeds = JSON.parse(text) as JsonValue;
  if (!isObject(seeds)) return [];
  return Object.values(seeds).flatMap((mirror) => {
    const targets = isObject(mirror) ? mirror['targets'] : undefined;
    if (!isObject(targets)) return [];
    return Object.entries(targets).flatMap(([name, body]) =>
      name.endsWith('keys.json') && typeof body === 'string'
        ? parseKeys(Buffer.from(body, 'base64').toString('utf8'), usage)
        : [],
    );
  });
}

function parseKeys(text: string, usage: KeyUsage): RegistryKey[] {
  const json = JSON.parse(text) as JsonValue;
  const keys = isObject(json) ? json['keys'] : undefined;
  if (!Array.isArray(keys)) return [];
  return keys.flatMap((key) => {
    if (!isObject(key) || key['keyUsage'] !== usage) return [];
    const publicKey = key['publicKey'];
    if (!isObject(publicKey)) return [];
    const { keyId } = key;
    const { rawBytes, validFor } = publicKey;
    const end = isObject(validFor) ? validFor['end'] : undefined;
    if (typeof keyId !== 'string' || typeof rawBytes !== 'string') return [];
    return [{ keyid: keyId, spki: rawBytes, end: typeof end === 'string' ? end : undefined }];
  });
}
