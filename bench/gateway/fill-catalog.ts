import { createHash } from 'node:crypto';
import type { BundleEntry } from '../../src/domain/bundle.js';
import { comparePaths } from '../../src/domain/bundle.js';
import { openData, type DataFolder } from '../../src/roles/open-data.js';

export interface CatalogShape {
  /** Python projects, each with one wheel of `wheelBytes` and its METADATA. */
  projects: number;
  wheelBytes: number;
  /** One large wheel, of the project `large`; 0 for none. */
  largeBytes: number;
}

/** Bytes that do not compress, the same for the same name. */
export function bytesOf(name: string, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let block = createHash('sha512').update(name).digest();
  for (let at = 0; at < length; at += block.length) {
    block.copy(bytes, at);
    block = createHash('sha512').update(block).digest();
  }
  return bytes;
}

/** Fills a data folder with a bundle that was not signed: the gateway serves what the catalog has. */
export async function fillCatalog(folder: string, shape: CatalogShape): Promise<void> {
  const data = await openData(folder);
  try {
    const entries: BundleEntry[] = [];
    // Many projects share their bytes: the catalog is what is large, not the disk.
    const wheel = await store(data, bytesOf('wheel', shape.wheelBytes));
    const metadata = await store(
      data,
      Buffer.from('Metadata-Version: 2.1\nName: p\nVersion: 1.0\n'),
    );
    for (let i = 0; i < shape.projects; i++) {
      const name = `project-${String(i).padStart(6, '0')}`;
      const path = `pypi/${name}/${name.replace('-', '_')}-1.0-py3-none-any.whl`;
      entries.push(
        entry(path, name, 'package', wheel),
        entry(`${path}.metadata`, name, 'index', metadata),
      );
    }
    if (shape.largeBytes > 0) {
      const large = await store(data, bytesOf('large', shape.largeBytes));
      entries.push(entry('pypi/large/large-1.0-py3-none-any.whl', 'large', 'package', large));
    }
    entries.sort((a, b) => comparePaths(a.path, b.path));
    data.catalog.saveBundle(
      {
        bundle: 'bench',
        source: 'did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK',
        version: 1,
        digest: createHash('sha256').update('bench').digest('hex'),
        signedAt: '2026-01-01T00:00:00.000Z',
        expiresAt: '2036-01-01T00:00:00.000Z',
        graceDays: 270,
        entries,
      },
      'client',
      new Map(),
    );
  } finally {
    await data.close();
  }
}

type Stored = Awaited<ReturnType<DataFolder['store']['putBytes']>>;

function store(data: DataFolder, bytes: Uint8Array): Promise<Stored> {
  return data.store.putBytes(bytes);
}

function entry(path: string, name: string, kind: 'package' | 'index', blob: Stored): BundleEntry {
  return {
    path,
    lengthBytes: blob.lengthBytes,
    sha256: blob.sha256,
    sha512: blob.sha512,
    pieceRoot: blob.pieceRoot,
    kind,
    ecosystem: 'pypi',
    name,
    version: '1.0',
    purl: `pkg:pypi/${name}@1.0`,
    proof: 'index-hash',
    requires: [],
    targets: ['linux/amd64/glibc2.36,python=3.11'],
    private: false,
    detail: { 'requires-python': '>=3.8' },
  };
}
