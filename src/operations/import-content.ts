import { BOUNDS } from '../domain/bounds.js';
import { XError } from '../domain/errors.js';
import { PIECE_SIZE_BYTES, pieceCount } from '../domain/piece.js';
import type { Catalog, CatalogEntry } from '../ports/catalog.js';
import type { PartialBlob, Store } from '../ports/store.js';
import type { OpenVolume } from '../ports/volume.js';
import type { VolumeProblem } from './import-bundle.js';
import { SideBySide } from './side-by-side.js';
import { readLeaves, readSlice, troubleIn } from './volume-content.js';
import { parseVolumeName, type VolumeName } from './volume-layout.js';

export interface ImportCounts {
  /** Blobs that became whole. */
  importedBlobs: number;
  /** Bytes that were new here. */
  importedBytes: number;
  /** Blobs and slices that were held before. */
  alreadyHeld: number;
  /** Entries that no signed metadata names. */
  ignored: number;
}

interface ContentRequest {
  store: Store;
  catalog: Pick<Catalog, 'entriesBySha256'>;
  volume: OpenVolume;
  /** Added to. */
  counts: ImportCounts;
  onProblem(problem: Omit<VolumeProblem, 'volume'>): void;
  signal?: AbortSignal | undefined;
}

/** What is read of a long entry before it is written, and what any entry takes beside its bytes. */
const STREAMED_BYTES = 2 << 20;
const ENTRY_BYTES = 64 << 10;
/** Runs of a slice that are written at once. */
const RUNS = 16;

/** Entries that are no content. */
const DESCRIPTIVE = new Set<VolumeName['kind']>(['info', 'metadata', 'placement', 'parity']);

/** What a bad entry of a volume throws; anything else is this machine's own trouble. */
const BAD_CONTENT = new Set([
  'DIGEST_MISMATCH',
  'LIMIT_EXCEEDED',
  'VOLUME_DAMAGED',
  'METADATA_INVALID',
]);

/**
 * Stores what a volume holds of the blobs that signed metadata in the catalog names, each byte
 * checked before it is stored. A bad entry is named and passed over. Small ones share their flushes.
 */
export async function importContent(request: ContentRequest): Promise<void> {
  const { volume, catalog, counts, signal } = request;
  const work = new SideBySide(BOUNDS.importWeightBytes);
  try {
    for (const { name, lengthBytes } of volume.entries.values()) {
      signal?.throwIfAborted();
      const parsed = parseVolumeName(name);
      if (DESCRIPTIVE.has(parsed.kind)) continue;
      const entry = !('sha256' in parsed) ? undefined : catalog.entriesBySha256(parsed.sha256)[0];
      if (entry === undefined) counts.ignored += 1;
      else {
        await work.begin(weightOf(parsed, lengthBytes), () =>
          importEntry(request, name, entry, parsed),
        );
      }
    }
    await work.end();
  } finally {
    await work.settle();
  }
}

/** What an entry under way takes of memory, and of a medium's patience: slices go one by one. */
function weightOf({ kind }: VolumeName, lengthBytes: number): number {
  if (kind !== 'blob') return BOUNDS.importWeightBytes;
  return ENTRY_BYTES + 3 * Math.min(lengthBytes, STREAMED_BYTES);
}

async function importEntry(
  request: ContentRequest,
  name: string,
  entry: CatalogEntry,
  parsed: VolumeName,
): Promise<void> {
  try {
    if (parsed.kind === 'blob') await importBlob(request, name, entry);
    if (parsed.kind === 'slice') await importSlice(request, name, entry, parsed);
  } catch (thrown) {
    if (!(thrown instanceof XError) || !BAD_CONTENT.has(thrown.code)) throw thrown;
    const message = troubleIn(request.volume, thrown.message);
    request.onProblem({ path: entry.path, code: thrown.code, message });
  }
}

async function importBlob(
  { store, volume, counts, signal }: ContentRequest,
  name: string,
  entry: CatalogEntry,
): Promise<void> {
  if (store.stat(entry.sha256) !== undefined) {
    counts.alreadyHeld += 1;
    return;
  }
  const { sha256, sha512, lengthBytes } = entry;
  const offered = volume.entries.get(name)?.lengthBytes;
  if (offered !== lengthBytes) {
    throw new XError('DIGEST_MISMATCH', `it has ${offered} bytes; ${lengthBytes} are signed`);
  }
  const digests = sha512 === undefined ? { sha256 } : { sha256, sha512 };
  const expected = { digests, lengthBytes, maxBytes: lengthBytes };
  const stored = await store.put(stoppable(volume.read(name), signal), expected);
  counts.importedBlobs += 1;
  counts.importedBytes += lengthBytes;
  checkPieceRoot(entry, stored.pieceRoot);
}

/** Ends where the user stops: a file may be long. */
async function* stoppable(
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    signal?.throwIfAborted();
    yield chunk;
  }
}

async function importSlice(
  request: ContentRequest,
  name: string,
  entry: CatalogEntry,
  range: Extract<VolumeName, { kind: 'slice' }>,
): Promise<void> {
  const { store, volume, counts } = request;
  const { sha256, sha512, lengthBytes } = entry;
  if (store.stat(sha256) !== undefined) {
    counts.alreadyHeld += 1;
    return;
  }
  const leaves = await readLeaves(volume, entry);
  const digests = { sha256, sha512 };
  const partial = store.partial(sha256, lengthBytes, leaves, digests);
  if (holdsAll(partial, range)) counts.alreadyHeld += 1;
  else await writeSlice(request, name, entry, partial, leaves, range);
  if (partial.heldCount() < pieceCount(lengthBytes)) return;
  const stored = await store.complete(sha256, digests);
  counts.importedBlobs += 1;
  checkPieceRoot(entry, stored.pieceRoot);
}

async function writeSlice(
  { volume, counts, onProblem, signal }: ContentRequest,
  name: string,
  entry: CatalogEntry,
  partial: PartialBlob,
  leaves: readonly Uint8Array[],
  range: { firstPiece: number; endPiece: number },
): Promise<void> {
  const runs = new RunWriter(partial, counts);
  try {
    for await (const { index, bytes, isSound } of readSlice(volume, name, entry, leaves, range)) {
      signal?.throwIfAborted();
      if (isSound && !partial.holds(index)) await runs.add(index, bytes);
      if (isSound) continue;
      const message = `piece ${index} in ${name} is not the one that was signed`;
      onProblem({ path: entry.path, code: 'DIGEST_MISMATCH', message });
    }
  } finally {
    await runs.end();
  }
}

/** Writes pieces in runs, a few at once: what waits together shares a flush. */
class RunWriter {
  readonly #work = new SideBySide(RUNS);
  readonly #partial: PartialBlob;
  readonly #counts: ImportCounts;
  readonly #free: Uint8Array[] = [];
  #memory: Uint8Array | undefined;
  #first = 0;
  #pieces: Uint8Array[] = [];

  constructor(partial: PartialBlob, counts: ImportCounts) {
    this.#partial = partial;
    this.#counts = counts;
  }

  async add(index: number, bytes: Uint8Array): Promise<void> {
    const isNext = index === this.#first + this.#pieces.length;
    if (!isNext || this.#pieces.length === BOUNDS.runPieces) await this.#flush();
    if (this.#pieces.length === 0) this.#first = index;
    this.#memory ??= this.#free.pop() ?? Buffer.allocUnsafeSlow(BOUNDS.runBytes);
    const at = this.#pieces.length * PIECE_SIZE_BYTES;
    this.#memory.set(bytes, at);
    this.#pieces.push(this.#memory.subarray(at, at + bytes.length));
  }

  async end(): Promise<void> {
    try {
      await this.#flush();
    } finally {
      await this.#work.settle();
    }
    await this.#work.end();
  }

  async #flush(): Promise<void> {
    const [memory, first, pieces] = [this.#memory, this.#first, this.#pieces];
    if (memory === undefined) return;
    this.#memory = undefined;
    this.#pieces = [];
    await this.#work.begin(1, async () => {
      await this.#partial.write(first, pieces);
      this.#counts.importedBytes += pieces.reduce((sum, piece) => sum + piece.length, 0);
      this.#free.push(memory);
    });
  }
}

function holdsAll(
  partial: PartialBlob,
  { firstPiece, endPiece }: { firstPiece: number; endPiece: number },
): boolean {
  for (let index = firstPiece; index < endPiece; index += 1) {
    if (!partial.holds(index)) return false;
  }
  return true;
}

/** The bytes have the signed digest; with another tree they could not be passed on in pieces. */
function checkPieceRoot(entry: CatalogEntry, pieceRoot: string): void {
  if (pieceRoot === entry.pieceRoot) return;
  throw new XError('METADATA_INVALID', `its signed piece root is not that of its bytes`, {
    hint: 'The source signed a wrong hash tree: have it publish again.',
  });
}
