import assert from 'node:assert/strict';
import { sha256 } from '../../src/domain/digest.js';
import type { TellersWord, ToldPlace } from '../../src/domain/told-place.js';
import type { ToldBook } from '../../src/ports/told-book.js';
import { checksOf } from './checks.js';

export interface ToldBookUnderTest {
  book: ToldBook;
  /** The same in the next life of the process. */
  reopen(): Promise<ToldBook>;
  dispose(): Promise<void>;
}

const WORD: TellersWord = {
  network: 'one',
  did: 'did:key:z6MkOne',
  kind: 'light',
  addresses: ['/ip4/192.0.2.1/tcp/8471', '/ip6/2001:db8::1/tcp/8471'],
};

function placeOf(number: number, atMs: number): ToldPlace {
  const place = Buffer.from(sha256(`place ${number}`), 'hex').toString('base64url');
  return { place, recordedAtMs: atMs, providedAtMs: 0, copies: number };
}

const byPlace = (told: ReturnType<ToldBook['told']>) =>
  new Map(told.map(({ place, ...rest }) => [place, rest]));

/** What is promised of every memory of what was told. */
export function toldBookContract(name: string, make: () => Promise<ToldBookUnderTest>): void {
  const check = checksOf(name, make);

  check('what was told is there in the next life, each with the last word', async (under) => {
    const [a, b, c] = [placeOf(1, 10), placeOf(2, 20), { ...placeOf(3, 0), providedAtMs: 30 }];
    await under.book.save({ word: WORD, told: [a, b], forgotten: [] });
    const moved = { ...WORD, addresses: ['/ip4/198.51.100.1/tcp/1'] };
    await under.book.save({ word: moved, told: [{ ...b, recordedAtMs: 25 }, c], forgotten: [] });
    const told = byPlace((await under.reopen()).told('one'));
    const { place: _, ...rest } = a;
    assert.deepEqual(told.get(a.place), { ...rest, word: WORD });
    assert.equal(told.get(b.place)?.recordedAtMs, 25);
    assert.deepEqual(told.get(b.place)?.word, moved);
    assert.equal(told.get(c.place)?.providedAtMs, 30);
    assert.equal(told.size, 3);
  });

  check(
    'what is forgotten is gone, also where it was told in the same breath',
    async ({ book }) => {
      const [a, b, c] = [placeOf(1, 10), placeOf(2, 10), placeOf(3, 10)];
      await book.save({ word: WORD, told: [a, b], forgotten: [] });
      await book.save({
        word: WORD,
        told: [c],
        forgotten: [a.place, c.place, placeOf(9, 0).place],
      });
      assert.deepEqual([...byPlace(book.told('one')).keys()], [b.place]);
      await book.save({ word: WORD, told: [a], forgotten: [] });
      assert.equal(book.told('one').length, 2);
    },
  );

  check('networks are told apart', async ({ book }) => {
    await book.save({ word: WORD, told: [placeOf(1, 10)], forgotten: [] });
    await book.save({
      word: { ...WORD, network: 'two' },
      told: [placeOf(2, 10)],
      forgotten: [],
    });
    assert.deepEqual([...byPlace(book.told('one')).keys()], [placeOf(1, 0).place]);
    assert.deepEqual([...byPlace(book.told('two')).keys()], [placeOf(2, 0).place]);
    assert.deepEqual(book.told('three'), []);
  });

  check('the old goes, and more than so many: the oldest', async ({ book }) => {
    const most = 1_000;
    const told = Array.from({ length: most + 5 }, (_, i) => placeOf(i, 1_000 + i));
    await book.save({ word: WORD, told, forgotten: [] });
    const nowMs = 10_000;
    await book.tidy({ sinceMs: 0, nowMs }, most);
    const left = book.told('one');
    assert.equal(left.length, most);
    assert.equal(Math.min(...left.map(({ recordedAtMs }) => recordedAtMs)), 1_005);
    await book.tidy({ sinceMs: 1_000 + most, nowMs }, most);
    assert.equal(book.told('one').length, 5);
    await book.tidy({ sinceMs: Infinity, nowMs }, most);
    assert.deepEqual(book.told('one'), []);
  });

  check('what is of a time to come was told now, and goes as it gets old', async (under) => {
    const { book } = under;
    const [past, future] = [placeOf(1, 10), placeOf(2, 9_000)];
    const half = { ...placeOf(3, 20), providedAtMs: 5_000 };
    await book.save({ word: WORD, told: [past, future, half], forgotten: [] });
    await book.tidy({ sinceMs: 0, nowMs: 100 }, 10);
    const next = await under.reopen();
    const times = new Map(
      next.told('one').map((one) => [one.copies, [one.recordedAtMs, one.providedAtMs]]),
    );
    assert.deepEqual(times.get(past.copies), [10, 0]);
    assert.deepEqual(times.get(future.copies), [100, 0]);
    assert.deepEqual(times.get(half.copies), [20, 100]);
    await next.tidy({ sinceMs: 101, nowMs: 200 }, 10);
    assert.deepEqual(next.told('one'), []);
  });
}
