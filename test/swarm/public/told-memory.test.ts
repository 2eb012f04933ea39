import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NETWORK_POLICY as POLICY } from '../../../src/network/policy.js';
import { ToldMemory } from '../../../src/swarm/public/told-memory.js';
import { didOf, HOUR_MS, NETWORK, START_MS } from '../../network/kit.js';
import { MemoryToldBook } from '../../network/memory-told-book.js';

const OWN = { network: NETWORK, did: didOf(1), kind: 'light' } as const;
const [HERE, THERE] = [['/ip4/8.8.8.8/tcp/8471'], ['/ip4/9.9.9.9/tcp/8471']];
const told = (place: string, recordedAtMs: number, providedAtMs = 0) => ({
  place,
  recordedAtMs,
  providedAtMs,
  copies: 1,
});

/** A life that began an hour after the records were left, at these addresses. */
function lifeOf(book: MemoryToldBook, addresses: readonly string[]) {
  const life = { now: START_MS + HOUR_MS };
  const memory = new ToldMemory({
    book,
    own: OWN,
    addresses: () => addresses,
    now: () => life.now,
    warn: (message) => assert.fail(message),
  });
  return { memory, settle: () => (life.now += POLICY.addressesSettleMs) };
}

async function bookOf(...places: string[]): Promise<MemoryToldBook> {
  const book = new MemoryToldBook();
  const all = places.map((place) => told(place, START_MS));
  await book.save({ word: { ...OWN, addresses: HERE }, told: all, forgotten: [] });
  return book;
}

test('where half of it is told at another address the other half is not taken for told there', async () => {
  const book = await bookOf('a', 'b');
  const { memory, settle } = lifeOf(book, THERE);
  assert.equal(memory.recall('a')?.recordedAtMs, START_MS);
  assert.equal(memory.recall('b')?.recordedAtMs, START_MS);
  await memory.claimed();
  // The DHT takes both before the addresses have settled; of b records are left anew as well.
  const now = START_MS + HOUR_MS + 1;
  await memory.told([told('a', START_MS, now), told('b', now, now)]);
  assert.deepEqual(memory.moved(), [], 'it is not known yet');
  const words = new Map(book.told(NETWORK).map(({ place, word }) => [place, word.addresses]));
  assert.deepEqual(words.get('a'), HERE);
  assert.deepEqual(words.get('b'), THERE);
  settle();
  assert.deepEqual(memory.moved(), ['a']);
  assert.deepEqual(memory.moved(), [], 'once');
});

test('where the node is as it was what it tells besides is written down with the rest', async () => {
  const book = await bookOf('a');
  const { memory, settle } = lifeOf(book, HERE);
  memory.recall('a');
  settle();
  assert.deepEqual(memory.moved(), []);
  await memory.told([told('a', START_MS, START_MS + HOUR_MS)]);
  assert.equal(book.told(NETWORK)[0]?.providedAtMs, START_MS + HOUR_MS);
});

test('what nothing is held of is forgotten once all that is held was recalled', async () => {
  const book = await bookOf('a', 'gone');
  const { memory } = lifeOf(book, HERE);
  memory.recall('a');
  await memory.claimed();
  assert.deepEqual(
    book.told(NETWORK).map(({ place }) => place),
    ['a'],
  );
  assert.equal(memory.recall('gone'), undefined, 'it comes again: nobody is taken to know');
});

test('what was told before the clock was set back ages from the next start on, whatever comes', async () => {
  const book = new MemoryToldBook();
  const year = 365 * 24 * HOUR_MS;
  const all = [told('a', START_MS + year), told('b', START_MS)];
  await book.save({ word: { ...OWN, addresses: HERE }, told: all, forgotten: [] });
  const { memory } = lifeOf(book, HERE);
  assert.equal(memory.recall('a')?.recordedAtMs, START_MS + HOUR_MS);
  assert.equal(memory.recall('b')?.recordedAtMs, START_MS);
  await memory.claimed();
  const times = new Map(book.told(NETWORK).map((one) => [one.place, one.recordedAtMs]));
  assert.deepEqual([times.get('a'), times.get('b')], [START_MS + HOUR_MS, START_MS]);
});
