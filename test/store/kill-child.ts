// A process that works on a store until it is killed. It says a fact only after the store has
// reported it; see kill.test.ts, which checks the facts afterwards.
import { writeSync } from 'node:fs';
import { localDirectFiles } from '../../src/archive/direct-file.js';
import { sha256 } from '../../src/domain/digest.js';
import { blocksAtPages } from '../../src/domain/page-memory.js';
import { PIECE_SIZE_BYTES } from '../../src/domain/piece.js';
import { openStore } from '../../src/store/open-store.js';
import { sampleEntry, sampleManifest } from '../contract/catalog.js';
import { inChunks, leavesOf, piecesOf } from '../contract/store.js';
import { killBody } from './kill-bodies.js';

const [folder = '', seed = '0'] = process.argv.slice(2);
const { store, catalog } = await openStore({ folder, direct: localDirectFiles() });
const lanes = 4;

function say(...words: (string | number)[]): void {
  writeSync(1, `${words.join(' ')}\n`);
}

/** One kind of work after the other, on bodies that only this lane names. */
async function lane(number: number): Promise<void> {
  for (let round = 0; ; round += 1) {
    const id = `${seed}.${String(number)}.${String(round)}`;
    await small(id);
    await streamed(id);
    await inPieces(id);
    await downloaded(id);
    if (number === 0) bundled(round);
    if (round % 3 === 2) {
      const gone = killBody('streamed', id);
      say('removing', 'streamed', id);
      await store.remove(sha256(gone));
    }
  }
}

async function small(id: string): Promise<void> {
  await Promise.all(
    ['a', 'b', 'c', 'd'].map(async (part) => {
      await store.putBytes(killBody('small', id + part));
      say('whole', 'small', id + part);
    }),
  );
}

async function streamed(id: string): Promise<void> {
  await store.put(inChunks(killBody('streamed', id), 30_000), { maxBytes: 1 << 24 });
  say('whole', 'streamed', id);
}

async function inPieces(id: string): Promise<void> {
  const bytes = killBody('pieces', id);
  const pieces = piecesOf(bytes);
  const isInOrder = Number.parseInt(sha256(bytes).slice(-1), 16) % 2 === 0;
  if (isInOrder) return inOrder(id, bytes);
  const partial = store.partial(sha256(bytes), bytes.length, leavesOf(bytes));
  const order = pieces.map((_, at) => (at * 3 + 1) % pieces.length);
  for (const at of new Set([...order, ...pieces.keys()])) {
    await partial.write(at, [pieces[at]!]);
    say('piece', 'pieces', id, at);
  }
  await store.complete(sha256(bytes));
  say('whole', 'pieces', id);
}

/** As from one source: all at once, in memory that is written past the page cache. */
async function inOrder(id: string, bytes: Uint8Array): Promise<void> {
  const pieces = piecesOf(bytes);
  const blocks = blocksAtPages(pieces.length, PIECE_SIZE_BYTES, { shared: true });
  pieces.forEach((piece, at) => blocks[at]?.set(piece));
  const partial = store.partial(sha256(bytes), bytes.length, leavesOf(bytes));
  await partial.write(
    0,
    pieces.map((piece, at) => (blocks[at] as Uint8Array).subarray(0, piece.length)),
  );
  for (const at of pieces.keys()) say('piece', 'pieces', id, at);
  await store.complete(sha256(bytes));
  say('whole', 'pieces', id);
}

async function downloaded(id: string): Promise<void> {
  const bytes = killBody('download', id);
  const expected = { digests: { sha256: sha256(bytes) }, maxBytes: 1 << 24 };
  const fetch = (offset: number) =>
    Promise.resolve({ offset, stream: inChunks(bytes.subarray(offset), 100_000) });
  await store.putResumable(id, fetch, expected);
  say('whole', 'download', id);
}

function bundled(round: number): void {
  const entries = Array.from({ length: 200 }, (_, at) =>
    sampleEntry(`${String(round)}/${String(at)}`),
  );
  catalog.saveBundle(sampleManifest(entries, { version: round + 1 }), 'client', new Map());
  say('bundle', round + 1);
}

say('open');
await Promise.all(Array.from({ length: lanes }, (_, number) => lane(number)));
