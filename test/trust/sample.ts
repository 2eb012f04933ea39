import { createHash } from 'node:crypto';
import type { BundleEntry } from '../../src/domain/bundle.js';
import type { Random } from '../../src/ports/random.js';
import {
  checkMetadata,
  type CheckedMetadata,
  type CheckRequest,
  type MetadataReader,
} from '../../src/trust/check.js';
import { identityFromSeed, type Identity } from '../../src/trust/identity.js';

/** The same bytes for the same seed. */
export function seededRandom(seed: string): Random {
  let count = 0;
  const bytes = (length: number): Uint8Array => {
    const blocks: Buffer[] = [];
    for (let at = 0; at < length; at += 32) {
      count += 1;
      blocks.push(createHash('sha256').update(`${seed}:${count}`).digest());
    }
    return Buffer.concat(blocks).subarray(0, length);
  };
  return { bytes, integer: (below) => Buffer.from(bytes(4)).readUInt32BE() % below };
}

export function identity(name: string): Identity {
  return identityFromSeed(createHash('sha256').update(name).digest());
}

export function entry(index: number, overrides: Partial<BundleEntry> = {}): BundleEntry {
  const hex = (what: string): string =>
    createHash('sha256').update(`${what}${index}`).digest('hex');
  return {
    path: `pypi/pkg${index}/pkg${index}-1.0-py3-none-any.whl`,
    lengthBytes: 1000 + index,
    sha256: hex('bytes'),
    sha512: hex('a') + hex('b'),
    pieceRoot: hex('root'),
    kind: 'package',
    ecosystem: 'pypi',
    name: `pkg${index}`,
    version: '1.0',
    purl: `pkg:pypi/pkg${index}@1.0`,
    proof: 'index-hash',
    requires: index > 0 ? [`pkg:pypi/pkg${index - 1}@1.0`] : [],
    targets: ['linux/amd64/glibc2.36,python=3.12'],
    private: false,
    detail: { 'requires-python': '>=3.9', yanked: false },
    ...overrides,
  };
}

export function entries(count: number): BundleEntry[] {
  return Array.from({ length: count }, (_, index) => entry(index));
}

/** Serves files as a peer would: whole, whatever bound was named. */
export function reader(files: ReadonlyMap<string, Uint8Array>): MetadataReader {
  return (name) => Promise.resolve(files.get(name));
}

/** checkMetadata where the outcome must not be "older". */
export async function accept(request: CheckRequest): Promise<CheckedMetadata> {
  const checked = await checkMetadata(request);
  if (checked.outcome === 'older') throw new Error('older metadata where newer was expected');
  return checked;
}
