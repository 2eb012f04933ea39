import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import type { TellersWord } from '../../src/domain/told-place.js';
import { NETWORK_POLICY as POLICY } from '../../src/network/policy.js';
import { textOfPosition } from '../../src/network/position.js';
import { duePublications } from '../../src/network/publishing.js';
import {
  isFoundThere,
  publicationAs,
  stillTold,
  toRemember,
  type ToldAs,
} from '../../src/network/told-earlier.js';
import { didOf, HOUR_MS, NETWORK, positions, START_MS } from './kit.js';

const OWN = { network: NETWORK, did: didOf(1), kind: 'light' } as const;
const KEY = positions.of(didOf(7));

const told = (fields: Partial<ToldAs> = {}, word: Partial<TellersWord> = {}): ToldAs => ({
  place: textOfPosition(KEY),
  recordedAtMs: START_MS,
  providedAtMs: 0,
  copies: 4,
  word: { ...OWN, addresses: [], ...word },
  ...fields,
});

test('what was told holds as long as a record lives, and is due when it would have been', () => {
  const holds = (one: ToldAs, now: number) => stillTold([one], OWN, now).get(one.place);
  assert.deepEqual(holds(told(), START_MS + HOUR_MS), told());
  assert.equal(holds(told(), START_MS + BOUNDS.recordTtlMs), undefined);
  const one = { key: KEY, ...publicationAs(holds(told(), START_MS + HOUR_MS)) };
  assert.equal(one.copies, 4);
  assert.deepEqual(duePublications([one], START_MS + HOUR_MS), []);
  assert.deepEqual(duePublications([one], START_MS + POLICY.republishMs), [one]);
  const never = { key: KEY, ...publicationAs(undefined) };
  assert.deepEqual(duePublications([never], START_MS), [never]);
});

test('told by another key, as another kind or in another network is not told', () => {
  for (const word of [{ did: didOf(2) }, { kind: 'heavy' }, { network: 'another' }] as const)
    assert.equal(stillTold([told({}, word)], OWN, START_MS).size, 0);
  assert.equal(stillTold([told()], OWN, START_MS).size, 1);
});

test('what was told before the clock was set back was told now: neither all anew nor never again', () => {
  const other = told({ place: 'another', recordedAtMs: START_MS - HOUR_MS });
  const years = told({ recordedAtMs: START_MS + 10 * 365 * 24 * HOUR_MS });
  const holds = stillTold([other, years], OWN, START_MS);
  assert.deepEqual(holds.get(other.place), other);
  assert.deepEqual(holds.get(years.place), told({ recordedAtMs: START_MS }));
  const one = { key: KEY, ...publicationAs(holds.get(years.place)) };
  assert.deepEqual(duePublications([one], START_MS), []);
  assert.deepEqual(duePublications([one], START_MS + POLICY.republishMs), [one]);
  const provided = told({ recordedAtMs: START_MS - HOUR_MS, providedAtMs: START_MS + 1 });
  assert.deepEqual(stillTold([provided], OWN, START_MS).get(provided.place), {
    ...provided,
    providedAtMs: START_MS,
  });
});

test('it is found where it was told to be: in the same networks, at one address of each', () => {
  const [home, moved] = ['/ip4/8.8.8.8/tcp/8471', '/ip4/9.9.9.9/tcp/8471'];
  const link = '/ip4/192.168.1.5/tcp/8471';
  const six = (last: string) => `/ip6/2001:db8:1::${last}/tcp/8471`;
  const relay = (ip: string) => `/ip4/${ip}/tcp/8471/p2p/12D3Koo/p2p-circuit`;
  const same: [string[], string[]][] = [
    [[home], [home]],
    [
      [home, link],
      [link, home],
    ],
    // What changes daily for privacy, beside what stays.
    [
      [six('1'), six('aaaa')],
      [six('bbbb'), six('1')],
    ],
    [
      [link, relay('1.1.1.1')],
      [link, relay('4.4.4.4')],
    ],
    [[], []],
  ];
  for (const [before, now] of same) assert.ok(isFoundThere(before, now), before.join());
  const others: [string[], string[]][] = [
    [
      [home, link],
      [moved, link],
    ],
    [[home], ['/ip4/8.8.8.8/tcp/8472']],
    [[six('aaaa')], [six('bbbb')]],
    // It can be reached from afar now, and nobody afar was told where.
    [[link], [link, home]],
    [[home, six('1')], [home]],
    [[home], []],
    [[], [home]],
  ];
  for (const [before, now] of others) assert.ok(!isFoundThere(before, now), before.join());
});

test('what hardly anybody took is not remembered as left; what the DHT took is', () => {
  const publication = {
    key: KEY,
    publishedAtMs: START_MS,
    takers: POLICY.rememberedTakers,
    failures: 0,
    triedAtMs: START_MS,
    copies: 2,
    providedAtMs: 0,
  };
  const place = textOfPosition(KEY);
  const remembered = { place, recordedAtMs: START_MS, providedAtMs: 0, copies: 2 };
  assert.deepEqual(toRemember(publication), remembered);
  const few = { ...publication, takers: POLICY.rememberedTakers - 1 };
  assert.equal(toRemember(few), undefined);
  assert.deepEqual(toRemember({ ...few, providedAtMs: 5 }), {
    ...remembered,
    recordedAtMs: 0,
    providedAtMs: 5,
  });
});
