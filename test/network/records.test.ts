import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import type { Owner } from '../../src/network/events.js';
import { OwnerCache } from '../../src/network/owner-cache.js';
import { positionOfDigest, type Position } from '../../src/network/position.js';
import { ProviderRecords } from '../../src/network/records.js';
import { contactOf, DAY_MS, HOUR_MS, NETWORK, START_MS } from './kit.js';

const keyOf = (number: number): Position =>
  positionOfDigest(NETWORK, 'sha256', number.toString(16).padStart(64, '0'));
const KEY = keyOf(1);
const owner = (number: number, group?: string): Owner => contactOf(number, group);

test('records are told, the newest first, and forgotten after a day', () => {
  const records = new ProviderRecords();
  for (let i = 0; i < 5; i++) assert.equal(records.add(KEY, owner(i), START_MS + i), 'kept');
  assert.equal(records.add(KEY, owner(0), START_MS + HOUR_MS), 'refreshed');
  assert.deepEqual(
    records.owners(KEY, 3, START_MS + HOUR_MS).map(({ did }) => did),
    [owner(0).did, owner(4).did, owner(3).did],
  );
  assert.equal(records.copies(KEY, START_MS), 5);
  records.withdraw(KEY, owner(4).did);
  assert.equal(records.copies(KEY, START_MS), 4);
  assert.equal(records.sweep(START_MS + DAY_MS + 10), 3);
  assert.equal(records.size, 1);
  assert.deepEqual(records.owners(keyOf(2), 5, START_MS), []);
});

test('a liar’s 200 names on one address are four owners of a key, three of an answer, and one copy', () => {
  const records = new ProviderRecords();
  records.add(KEY, owner(1), START_MS);
  for (let i = 0; i < 200; i++) records.add(KEY, owner(1_000 + i, '203.0.113.0/24'), START_MS + 1);
  assert.equal(records.size, 1 + BOUNDS.recordsOfKeyAndGroup);
  assert.equal(records.copies(KEY, START_MS + 2), 2);
  const told = records.owners(KEY, BOUNDS.lookupAnswerOwners, START_MS + 2);
  assert.equal(told.length, 1 + BOUNDS.lookupOwnersOfGroup);
  assert.ok(told.some(({ did }) => did === owner(1).did));
});

test('a popular key keeps at most 32 owners; one network’s many make room first', () => {
  const records = new ProviderRecords();
  for (let i = 0; i < 4; i++)
    records.add(KEY, owner(1_000 + i, '203.0.113.0/24'), START_MS + 1_000);
  for (let i = 0; i < 200; i++) records.add(KEY, owner(i), START_MS + i);
  assert.equal(records.size, BOUNDS.recordsOfKey);
  const groups = records.owners(KEY, 32, START_MS + 2_000).map(({ group }) => group);
  assert.equal(groups.filter((group) => group === '203.0.113.0/24').length, 1);
});

test('one owner, and one network, has its part of the room and no more', () => {
  const records = new ProviderRecords();
  let kept = 0;
  for (let i = 0; i < BOUNDS.recordsOfOwner + 100; i++)
    if (records.add(keyOf(i), owner(1, '203.0.113.0/24'), START_MS) === 'kept') kept++;
  assert.equal(kept, BOUNDS.recordsOfOwner);
  for (let name = 2; name < 6; name++)
    for (let i = 0; i < BOUNDS.recordsOfOwner; i++)
      records.add(keyOf(1e6 * name + i), owner(name, '203.0.113.0/24'), START_MS);
  assert.equal(records.size, BOUNDS.recordsOfGroup);
  assert.equal(records.add(KEY, owner(9), START_MS), 'kept', 'others still find room');
});

test('an owner’s word moves with it', () => {
  const records = new ProviderRecords();
  records.add(KEY, owner(1), START_MS);
  assert.equal(records.add(KEY, owner(1, '203.0.113.0/24'), START_MS + 1), 'kept');
  assert.deepEqual(
    records.owners(KEY, 5, START_MS + 2).map(({ group }) => group),
    ['203.0.113.0/24'],
  );
});

test('what was found is remembered for ten minutes, within bounds, until it turns out wrong', () => {
  const cache = new OwnerCache();
  cache.add(KEY, [owner(1), owner(2)], START_MS);
  cache.add(KEY, [owner(2), owner(3)], START_MS + 1);
  const dids = (now: number): string[] => cache.owners(KEY, now).map(({ did }) => did);
  assert.deepEqual(dids(START_MS + 2), [owner(3).did, owner(1).did, owner(2).did]);
  cache.drop(KEY, owner(1).did);
  assert.equal(dids(START_MS + 2).length, 2);
  assert.deepEqual(dids(START_MS + 1 + BOUNDS.cachedOwnersMs), []);
  for (let i = 0; i < BOUNDS.cachedLookups + 50; i++) cache.add(keyOf(i), [owner(i)], START_MS);
  assert.equal(cache.size, BOUNDS.cachedLookups);
  cache.add(
    KEY,
    Array.from({ length: 100 }, (_, i) => owner(i)),
    START_MS,
  );
  assert.equal(cache.owners(KEY, START_MS).length, BOUNDS.lookupAnswerOwners);
});
