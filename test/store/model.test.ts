import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { sha256 } from '../../src/domain/digest.js';
import { PIECE_SIZE_BYTES, pieceCount } from '../../src/domain/piece.js';
import type { Store } from '../../src/ports/store.js';
import { inChunks, leavesOf, piecesOf, readAll, sampleBytes } from '../contract/store.js';
import { temporaryStore, type TemporaryStore } from './temporary.js';

/** The bodies that the commands are about; few, so that commands meet. */
const BODIES = [0, 1, 5_000, 70_000, PIECE_SIZE_BYTES + 1, 3 * PIECE_SIZE_BYTES].map((length, at) =>
  sampleBytes(length, at),
);

type Command =
  | { do: 'put' | 'putBytes' | 'remove' | 'complete' | 'read'; body: number }
  | { do: 'write'; body: number; piece: number }
  | { do: 'reopen' };

const body = fc.nat(BODIES.length - 1);
const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ do: fc.constantFrom('put', 'putBytes', 'remove', 'complete', 'read'), body }),
  fc.record({ do: fc.constant('write' as const), body, piece: fc.nat(3) }),
  fc.record({ do: fc.constant('write' as const), body, piece: fc.nat(3) }),
  fc.constant({ do: 'reopen' as const }),
);

/** What a store must hold: whole bodies, and pieces of others. */
class Model {
  readonly whole = new Set<number>();
  readonly pieces = new Map<number, Set<number>>();

  write(body: number, piece: number): void {
    const count = pieceCount(BODIES[body]!.length);
    if (this.whole.has(body)) return;
    // A body of one piece is whole with it.
    if (count === 1) this.whole.add(body);
    else this.pieces.set(body, (this.pieces.get(body) ?? new Set()).add(piece));
  }

  isComplete(body: number): boolean {
    // An empty body has no piece to wait for.
    return (this.pieces.get(body)?.size ?? 0) === pieceCount(BODIES[body]!.length);
  }
}

async function step(temporary: TemporaryStore, model: Model, one: Command): Promise<void> {
  if (one.do === 'reopen') {
    await temporary.reopen();
    return;
  }
  const { store } = temporary.current;
  const bytes = BODIES[one.body]!;
  const name = sha256(bytes);
  if (one.do === 'put') await store.put(inChunks(bytes, 40_000), { maxBytes: 1 << 20 });
  if (one.do === 'putBytes') await store.putBytes(bytes);
  if (one.do === 'remove') {
    await store.remove(name);
    model.whole.delete(one.body);
    model.pieces.delete(one.body);
  }
  if (one.do === 'put' || one.do === 'putBytes') model.whole.add(one.body);
  if (one.do === 'write') await write(store, model, one.body, one.piece);
  if (one.do === 'complete') await complete(store, model, one.body);
  if (one.do === 'read' && model.whole.has(one.body)) {
    assert.ok((await readAll(store.open(name))).equals(bytes));
  }
}

async function write(store: Store, model: Model, body: number, piece: number): Promise<void> {
  const bytes = BODIES[body]!;
  const pieces = piecesOf(bytes);
  if (piece >= pieces.length) return;
  const partial = store.partial(sha256(bytes), bytes.length, leavesOf(bytes));
  await partial.write(piece, [pieces[piece]!]);
  model.write(body, piece);
  assert.ok(partial.holds(piece));
  assert.ok(Buffer.from(await partial.read(piece)).equals(pieces[piece]!));
}

async function complete(store: Store, model: Model, body: number): Promise<void> {
  const bytes = BODIES[body]!;
  const name = sha256(bytes);
  store.partial(name, bytes.length, leavesOf(bytes));
  if (model.whole.has(body) || model.isComplete(body)) {
    await store.complete(name);
    model.whole.add(body);
    model.pieces.delete(body);
  } else await assert.rejects(store.complete(name), { code: 'INCOMPLETE' });
}

function agrees(store: Store, model: Model): void {
  for (const [at, bytes] of BODIES.entries()) {
    const name = sha256(bytes);
    assert.equal(store.stat(name)?.lengthBytes, model.whole.has(at) ? bytes.length : undefined);
    if (model.whole.has(at)) continue;
    const partial = store.partial(name, bytes.length, leavesOf(bytes));
    for (let piece = 0; piece < pieceCount(bytes.length); piece += 1) {
      assert.equal(partial.holds(piece), model.pieces.get(at)?.has(piece) ?? false);
    }
  }
  assert.equal(store.totals().blobs, model.whole.size);
  const partials = [...model.pieces].filter(([at]) => !model.whole.has(at));
  assert.equal(store.partials().length, partials.length);
}

test('whatever is done in whatever order, the store holds what the model says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(command, { minLength: 1, maxLength: 25 }), async (commands) => {
      const temporary = await temporaryStore();
      const model = new Model();
      try {
        for (const one of commands) {
          await step(temporary, model, one);
          agrees(temporary.current.store, model);
        }
        const { store } = await temporary.reopen();
        agrees(store, model);
        for (const at of model.whole) assert.ok(await store.verify(sha256(BODIES[at]!)));
      } finally {
        await temporary.dispose();
      }
    }),
    { numRuns: 25 },
  );
});
