import type { Sha256 } from '../../domain/digest.js';
import type { Catalog } from '../../ports/catalog.js';
import type { Random } from '../../ports/random.js';
import type { MarkedFiles } from '../../ports/marked-files.js';
import type { Store } from '../../ports/store.js';
import { formatBytes } from '../printer.js';
import { failed, ok, warning, type Finding } from './check.js';

/** How many blobs, and at most how many bytes, a sample reads. */
const SAMPLE_BLOBS = 200;
const SAMPLE_BYTES = 256e6;

export interface ContentDeps {
  catalog: Pick<Catalog, 'check' | 'bundles' | 'entries' | 'entriesBySha256'>;
  store: Pick<Store, 'held' | 'stat' | 'verify' | 'totals'>;
  random: Pick<Random, 'integer'>;
}

export function checkCatalog({ catalog }: ContentDeps): Finding {
  const problems = catalog.check();
  if (problems.length === 0) return ok('catalog', 'is sound');
  return failed(
    'catalog',
    `is damaged: ${problems.slice(0, 3).join('; ')}`,
    'Move the data folder away and bring its bundles again; keep its keys folder.',
  );
}

/** How much of each bundle is here. */
export function checkBundles({ catalog, store }: ContentDeps): Finding[] {
  return catalog.bundles().map(({ id, name, bytes }) => {
    let missing = 0;
    let missingBytes = 0;
    for (const { sha256, lengthBytes } of catalog.entries(id)) {
      if (store.stat(sha256) !== undefined) continue;
      missing += 1;
      missingBytes += lengthBytes;
    }
    if (missing === 0) return ok('bundles', `"${name}" is whole (${formatBytes(bytes)})`);
    return warning(
      'bundles',
      `"${name}" lacks ${missing} files (${formatBytes(missingBytes)})`,
      'x client --master HOST brings the rest, or x import of the other volumes.',
    );
  });
}

/** Files that are read where they lie belong to others, who may change them. */
export function checkMarked(marked: Pick<MarkedFiles, 'totals' | 'changed'>): Finding[] {
  const { files, bytes } = marked.totals();
  if (files === 0) return [];
  const changed = marked.changed();
  if (changed.files === 0) {
    return [ok('marked', `${files} files elsewhere (${formatBytes(bytes)}) are as they were`)];
  }
  const share = `${changed.files} of ${files} files elsewhere (${formatBytes(changed.bytes)})`;
  return [warning('marked', `${share} changed or are gone`, 'x scan looks at them again.')];
}

/** Reads blobs again, all or a sample; the store drops what is damaged. */
export async function checkBlobs(
  { catalog, store, random }: ContentDeps,
  all: boolean,
  progress: (bytes: number, total: number) => void,
): Promise<Finding> {
  const chosen = all ? [...store.held()] : sample([...store.held()], random, store);
  const total = chosen.reduce((sum, sha256) => sum + (store.stat(sha256)?.lengthBytes ?? 0), 0);
  const damaged: string[] = [];
  let bytes = 0;
  for (const sha256 of chosen) {
    const lengthBytes = store.stat(sha256)?.lengthBytes ?? 0;
    const path = catalog.entriesBySha256(sha256)[0]?.path ?? `${sha256.slice(0, 16)}…`;
    if (!(await store.verify(sha256))) damaged.push(path);
    bytes += lengthBytes;
    progress(bytes, total);
  }
  const { blobs } = store.totals();
  const read = `${chosen.length} of ${blobs + damaged.length} files were read again (${formatBytes(total)})`;
  if (damaged.length === 0)
    return ok('blobs', all || chosen.length === blobs ? read : `${read}; --all reads every one`);
  return failed(
    'blobs',
    `${damaged.length} files had rotted and are dropped: ${damaged.slice(0, 5).join(', ')}${damaged.length > 5 ? '…' : ''}`,
    'x client or x import brings them again. Look at the disk: smartctl -a.',
  );
}

function sample(
  held: Sha256[],
  random: ContentDeps['random'],
  store: ContentDeps['store'],
): Sha256[] {
  const chosen: Sha256[] = [];
  let bytes = 0;
  for (let left = held.length; left > 0 && chosen.length < SAMPLE_BLOBS; left -= 1) {
    const at = random.integer(left);
    const sha256 = held[at];
    const last = held[left - 1];
    if (sha256 === undefined || last === undefined) break;
    held[at] = last;
    const lengthBytes = store.stat(sha256)?.lengthBytes ?? 0;
    if (bytes + lengthBytes > SAMPLE_BYTES && chosen.length > 0) continue;
    bytes += lengthBytes;
    chosen.push(sha256);
  }
  return chosen;
}
