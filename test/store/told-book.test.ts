import assert from 'node:assert/strict';
import { test } from 'node:test';
import Database from 'better-sqlite3';
import { join } from 'node:path';
import { openStore } from '../../src/store/open-store.js';
import { toldBookContract } from '../contract/told-book.js';
import { MemoryToldBook } from '../network/memory-told-book.js';
import { temporaryStore } from './temporary.js';

toldBookContract('told book in the catalog', async () => {
  const temporary = await temporaryStore();
  return {
    book: temporary.current.toldBook,
    reopen: async () => (await temporary.reopen()).toldBook,
    dispose: () => temporary.dispose(),
  };
});

toldBookContract('told book in memory', () => {
  const book = new MemoryToldBook();
  return Promise.resolve({
    book,
    reopen: () => Promise.resolve(book),
    dispose: () => Promise.resolve(),
  });
});

const WORD = { network: 'one', did: 'did:key:z6MkOne', kind: 'light', addresses: [] } as const;
const told = (name: string) => ({
  place: Buffer.from(name.padEnd(32, '.')).toString('base64url'),
  recordedAtMs: 10,
  providedAtMs: 0,
  copies: 1,
});

test('two processes write what they told into one catalog; the word of each stays its own', async () => {
  const temporary = await temporaryStore();
  const other = await openStore({ folder: temporary.folder });
  try {
    const here = { ...WORD, addresses: ['/ip4/192.0.2.1/tcp/1'] };
    const there = { ...WORD, addresses: ['/ip4/192.0.2.1/tcp/2'] };
    await Promise.all(
      Array.from({ length: 20 }, async (_, i) => {
        const place = told(`place ${i}`);
        const [book, word] =
          i % 2 === 0 ? [temporary.current.toldBook, here] : [other.toldBook, there];
        await book.save({ word, told: [place], forgotten: [] });
      }),
    );
    const words = temporary.current.toldBook.told('one').map(({ word }) => word.addresses[0]);
    assert.equal(words.filter((address) => address === '/ip4/192.0.2.1/tcp/1').length, 10);
    assert.equal(words.filter((address) => address === '/ip4/192.0.2.1/tcp/2').length, 10);
  } finally {
    await other.close();
    await temporary.dispose();
  }
});

test('a word that cannot be read is as good as none; words that nothing hangs on go', async () => {
  const temporary = await temporaryStore();
  try {
    const { toldBook } = temporary.current;
    await toldBook.save({ word: { ...WORD, addresses: ['a'] }, told: [told('a')], forgotten: [] });
    await toldBook.save({ word: { ...WORD, addresses: ['b'] }, told: [told('b')], forgotten: [] });
    const sql = new Database(join(temporary.folder, 'catalog.sqlite'));
    sql.exec(`UPDATE told_words SET addresses = '{' WHERE addresses LIKE '%a%'`);
    assert.deepEqual(
      toldBook.told('one').map(({ word }) => word.addresses),
      [['b']],
    );
    await toldBook.save({
      word: { ...WORD, addresses: [] },
      told: [],
      forgotten: [told('b').place],
    });
    await toldBook.tidy({ sinceMs: 0, nowMs: 20 }, 10);
    const words = sql.prepare('SELECT addresses FROM told_words').pluck().all();
    assert.deepEqual(words, ['{']);
    sql.close();
  } finally {
    await temporary.dispose();
  }
});
