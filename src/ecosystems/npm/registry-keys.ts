import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { JsonValue } from '../../domain/plan.js';
import { isObject } from './json.js';
import type { RegistryKey } from './signatures.js';

let known: RegistryKey[] | undefined;

/**
 * npm's registry signing keys, out of the TUF seeds that @sigstore/tuf ships: an anchor that this
 * machine has itself, with no network. The file is read; the library is never loaded.
 */
export function registryKeys(): RegistryKey[] {
  known ??= parseSeeds(readSeeds());
  return known;
}

function readSeeds(): string {
  // The package exports no file but its main one, which lies one folder below the seeds.
  const main = createRequire(import.meta.url).resolve('@sigstore/tuf');
  return readFileSync(join(dirname(main), '..', 'seeds.json'), 'utf8');
}

/** The keys for `npm:signatures` in a seeds file: `{mirror: {targets: {"…keys.json": base64}}}`. */
export function parseSeeds(text: string): RegistryKey[] {
  const seeds = JSON.parse(text) as JsonValue;
  if (!isObject(seeds)) return [];
  return Object.values(seeds).flatMap((mirror) => {
    const targets = isObject(mirror) ? mirror['targets'] : undefined;
    if (!isObject(targets)) return [];
    return Object.entries(targets).flatMap(([name, body]) =>
      name.endsWith('keys.json') && typeof body === 'string'
        ? parseKeys(Buffer.from(body, 'base64').toString('utf8'))
        : [],
    );
  });
}

function parseKeys(text: string): RegistryKey[] {
  const json = JSON.parse(text) as JsonValue;
  const keys = isObject(json) ? json['keys'] : undefined;
  if (!Array.isArray(keys)) return [];
  return keys.flatMap((key) => {
    if (!isObject(key) || key['keyUsage'] !== 'npm:signatures') return [];
    const publicKey = key['publicKey'];
    if (!isObject(publicKey)) return [];
    const { keyId } = key;
    const { rawBytes, validFor } = publicKey;
    const end = isObject(validFor) ? validFor['end'] : undefined;
    if (typeof keyId !== 'string' || typeof rawBytes !== 'string') return [];
    return [{ keyid: keyId, spki: rawBytes, end: typeof end === 'string' ? end : undefined }];
  });
}
