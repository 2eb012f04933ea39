import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { isDigest, sha256 as sha256Of, type Sha256 } from '../domain/digest.js';

/**
 * Where everything lies below a data folder:
 *
 *     catalog.sqlite          what is held, where it lies, and the bundles
 *     blobs/ab/<sha256>       blobs above BOUNDS.packBlobBytes, a file each
 *     packs/<n>.pack          smaller blobs, appended one after the other
 *     partials/<sha256>       blobs on their way in pieces, sparse
 *     downloads/<sha256(key)> downloads that resume
 *     writers/<id>/           a writing process's temporary files, with <id>.lock beside it
 */
export class Layout {
  readonly catalog: string;
  readonly blobs: string;
  readonly packs: string;
  readonly partials: string;
  readonly downloads: string;
  readonly writers: string;

  constructor(readonly folder: string) {
    this.catalog = join(folder, 'catalog.sqlite');
    this.blobs = join(folder, 'blobs');
    this.packs = join(folder, 'packs');
    this.partials = join(folder, 'partials');
    this.downloads = join(folder, 'downloads');
    this.writers = join(folder, 'writers');
  }

  create(): void {
    mkdirSync(this.folder, { recursive: true, mode: 0o700 });
    for (const folder of [this.blobs, this.packs, this.partials, this.downloads, this.writers]) {
      mkdirSync(folder, { recursive: true });
    }
  }

  blobFolder(sha256: Sha256): string {
    return join(this.blobs, checked(sha256).slice(0, 2));
  }

  blob(sha256: Sha256): string {
    return join(this.blobFolder(sha256), sha256);
  }

  pack(number: number): string {
    return join(this.packs, `${String(number)}.pack`);
  }

  partial(sha256: Sha256): string {
    return join(this.partials, checked(sha256));
  }

  download(key: string): string {
    return join(this.downloads, sha256Of(key));
  }
}

/** No name reaches a path unless it is a digest. */
function checked(sha256: Sha256): Sha256 {
  assert.ok(isDigest('sha256', sha256), 'a blob is named by a sha256');
  return sha256;
}
