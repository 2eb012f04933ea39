import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BOUNDS } from '../../src/domain/bounds.js';
import type { Contact, LookupAction, LookupEvent, Owner } from '../../src/network/events.js';
import { Lookup } from '../../src/network/lookup.js';
import { answerLookup, lookupStart } from '../../src/network/lookup-answer.js';
import { OwnerCache } from '../../src/network/owner-cache.js';
import { NETWORK_POLICY as POLICY } from '../../src/network/policy.js';
import { compareDistance, positionOfDigest, type Position } from '../../src/network/position.js';
import { ProviderRecords } from '../../src/network/records.js';
import { RoutingTable } from '../../src/network/routing-table.js';
import { seededRandom, VirtualTime } from '../simulation/virtual-time.js';
import { contactOf, didOf, groupOf, NETWORK, positions, START_MS } from './kit.js';

const keyOf = (number: number): Position =>
  positionOfDigest(NETWORK, 'sha256', number.toString(16).padStart(64, '0'));

interface Node {
  number: number;
  table: RoutingTable;
  records: ProviderRecords;
  cache: OwnerCache;
}

/** A network at rest: everybody has met so many others. */
function networkOf(count: number, met: number, seed: number): Node[] {
  const random = seededRandom(seed);
  const nodes = Array.from({ length: count }, (_, number): Node => ({
    number,
    table: new RoutingTable(didOf(number), positions),
    records: new ProviderRecords(),
    cache: new OwnerCache(),
  }));
  for (const { table } of nodes)
    for (let i = 0; i < met; i++)
      table.answered(contactOf(random.integer(count)), 20 + random.integer(100), START_MS);
  return nodes;
}

type Answer = { owners: readonly Owner[]; closer: readonly Contact[] } | undefined;

/** Runs one walk; `answer` gives undefined where nothing comes. */
function walk(input: {
  key: Position;
  self: number;
  start: readonly Contact[];
  isSearch?: boolean;
  answer: (contact: Contact) => Answer;
  roundTripMs?: number;
}): {
  asked: Contact[];
  owners: Owner[];
  end: Extract<LookupAction, { type: 'ended' }>;
  tookMs: number;
} {
  const time = new VirtualTime();
  const { key, start, isSearch = true, answer, roundTripMs = 50 } = input;
  const self = didOf(input.self);
  const lookup = new Lookup({ key, self, start, positions, isSearch, now: 0 });
  const asked: Contact[] = [];
  const owners: Owner[] = [];
  let end: Extract<LookupAction, { type: 'ended' }> | undefined;
  const handle = (event: LookupEvent): void => {
    for (const action of lookup.handle(event, time.now)) {
      if (action.type === 'ask') {
        asked.push(action.node);
        const said = answer(action.node);
        if (said === undefined) continue;
        const node = action.node.did;
        time.after(roundTripMs, () => handle({ type: 'answered', node, ...said }));
      } else if (action.type === 'found') owners.push(...action.owners);
      else if (action.type === 'ended') {
        assert.equal(end, undefined, 'it ends once');
        end = action;
      } else time.at(action.atMs, () => handle({ type: 'tick' }));
    }
  };
  handle({ type: 'tick' });
  time.run(60_000, () => end !== undefined);
  assert.ok(end, 'it ends');
  return { asked, owners, end, tookMs: time.now };
}

const answering =
  (nodes: Node[], key: Position, self: number) =>
  ({ did }: Contact): Answer => {
    const node = nodes.find(({ number }) => didOf(number) === did);
    return node && answerLookup(node, { key, asker: didOf(self) }, START_MS);
  };

test('a walk finds the nearest nodes of all, and an owner that left a record there', (t) => {
  const nodes = networkOf(600, 400, 1);
  let exact = 0;
  const hops: number[] = [];
  for (let run = 0; run < 30; run++) {
    const key = keyOf(run);
    const start = lookupStart(nodes[run]!.table, key, START_MS);
    const answer = answering(nodes, key, run);
    const { end } = walk({ key, self: run, start, isSearch: false, answer });
    const nearest = nodes
      .filter(({ number }) => number !== run)
      .map(({ number }) => didOf(number))
      .sort((a, b) => compareDistance(key, positions.of(a), positions.of(b)));
    const found = new Set(end.closest.map(({ did }) => did));
    exact += nearest.slice(0, POLICY.replicas).filter((did) => found.has(did)).length;
    hops.push(end.hops);
    for (const { did } of end.closest) {
      const node = nodes.find(({ number }) => didOf(number) === did)!;
      node.records.add(key, contactOf(5_000), START_MS);
    }
    const other = (run + 300) % 600;
    const search = walk({
      key,
      self: other,
      start: lookupStart(nodes[other]!.table, key, START_MS),
      answer: answering(nodes, key, other),
    });
    assert.deepEqual(
      search.owners.map(({ did }) => did),
      [didOf(5_000)],
    );
  }
  t.diagnostic(
    `${exact} of ${30 * POLICY.replicas} nearest nodes found; hops ${Math.max(...hops)} at most`,
  );
  assert.ok(exact >= 0.95 * 30 * POLICY.replicas, String(exact));
  assert.ok(Math.max(...hops) <= 5);
});

test('enough owners of enough networks end it; many of one network do not', () => {
  const few = Array.from({ length: POLICY.owners }, (_, i) => contactOf(900 + i));
  const start = [contactOf(1), contactOf(2)];
  const some = walk({ key: keyOf(1), self: 0, start, answer: () => ({ owners: few, closer: [] }) });
  assert.equal(some.end.reason, 'enough');
  assert.equal(some.owners.length, POLICY.owners);
  const crowd = Array.from({ length: 16 }, (_, i) => contactOf(900 + i, '203.0.113.0/24'));
  const one = walk({
    key: keyOf(1),
    self: 0,
    start,
    answer: () => ({ owners: crowd, closer: [] }),
  });
  assert.equal(one.end.reason, 'exhausted');
  assert.equal(one.owners.length, BOUNDS.lookupOwnersOfGroup);
});

test('nobody answers: it is over soon, and says so', () => {
  const start = Array.from({ length: 8 }, (_, i) => contactOf(1 + i));
  const { end, tookMs } = walk({ key: keyOf(1), self: 0, start, answer: () => undefined });
  assert.deepEqual([end.reason, end.closest, end.hops], ['exhausted', [], 0]);
  assert.ok(tookMs <= 3 * POLICY.slowAnswerMs + BOUNDS.lookupAskMs + 100, String(tookMs));
  const { end: empty } = walk({ key: keyOf(1), self: 0, start: [], answer: () => undefined });
  assert.equal(empty.reason, 'exhausted');
});

test('a slow node does not hold up the others, and its late answer still counts', () => {
  const start = [contactOf(1), contactOf(2), contactOf(3)];
  const owners = [contactOf(50)];
  const { owners: found, tookMs } = walk({
    key: keyOf(1),
    self: 0,
    start,
    roundTripMs: 900,
    answer: () => ({ owners, closer: [contactOf(4)] }),
  });
  assert.equal(found.length, 1);
  assert.ok(tookMs < 2_500, String(tookMs));
});

test('200 names on one address take three of a walk’s questions, and honest owners are found', (t) => {
  const nodes = networkOf(400, 300, 3);
  const group = '203.0.113.0/24';
  const sybils = Array.from({ length: 200 }, (_, i) => contactOf(100_000 + i, group));
  const isSybil = new Set(sybils.map(({ did }) => did));
  let found = 0;
  let sybilAsks = 0;
  let asks = 0;
  for (let run = 0; run < 40; run++) {
    const key = keyOf(run);
    const near = [...sybils].sort((a, b) =>
      compareDistance(key, positions.of(a.did), positions.of(b.did)),
    );
    const byDistance = [...nodes].sort((a, b) =>
      compareDistance(key, positions.of(didOf(a.number)), positions.of(didOf(b.number))),
    );
    for (const node of byDistance.slice(0, POLICY.replicas)) {
      node.records.add(key, contactOf(5_000), START_MS);
      for (const one of near.slice(0, 16)) node.records.add(key, one, START_MS);
    }
    // Every table has met all of them.
    const asker = nodes[run]!;
    for (const one of sybils) asker.table.answered(one, 1, START_MS);
    const honest = answering(nodes, key, run);
    const result = walk({
      key,
      self: run,
      start: lookupStart(asker.table, key, START_MS),
      answer: (contact) =>
        isSybil.has(contact.did)
          ? { owners: near.slice(0, 16), closer: near.slice(0, 16) }
          : honest(contact),
    });
    asks += result.asked.length;
    sybilAsks += result.asked.filter(({ did }) => isSybil.has(did)).length;
    if (result.owners.some(({ did }) => did === didOf(5_000))) found++;
    assert.ok(result.owners.length <= 1 + BOUNDS.lookupOwnersOfGroup);
  }
  t.diagnostic(
    `found in ${found} of 40 walks; ${sybilAsks} of ${asks} questions went to the 200 names`,
  );
  assert.equal(found, 40);
  assert.ok(sybilAsks <= 40 * BOUNDS.lookupNodesOfGroup);
});

test('eclipse: half of the nodes near a key answer with their like alone; the owner is still found', (t) => {
  const nodes = networkOf(400, 300, 4);
  let found = 0;
  for (let run = 0; run < 40; run++) {
    const key = keyOf(run);
    const byDistance = [...nodes].sort((a, b) =>
      compareDistance(key, positions.of(didOf(a.number)), positions.of(didOf(b.number))),
    );
    const nearest = byDistance.slice(0, 16);
    const hostile = new Set(
      nearest.filter((_, i) => i % 2 === 0).map(({ number }) => didOf(number)),
    );
    for (const node of nearest.slice(0, POLICY.replicas))
      node.records.add(key, contactOf(5_000), START_MS);
    // Names that nobody answers under, nearer than anybody, each of another network.
    const invented = Array.from({ length: 16 }, (_, i) => contactOf(200_000 + 16 * run + i));
    const self = byDistance.at(-1)!.number;
    const honest = answering(nodes, key, self);
    const { owners } = walk({
      key,
      self,
      start: lookupStart(nodes[self]!.table, key, START_MS),
      answer: (contact) => {
        if (hostile.has(contact.did)) return { owners: [], closer: invented };
        return contact.did.length > 0 && !invented.some(({ did }) => did === contact.did)
          ? honest(contact)
          : undefined;
      },
    });
    if (owners.some(({ did }) => did === didOf(5_000))) found++;
  }
  t.diagnostic(`the owner is found in ${found} of 40 walks`);
  assert.ok(found >= 38, String(found));
});

test('whatever answers say, a walk ends within its bounds', () => {
  const contacts = fc.array(
    fc.integer({ min: 0, max: 3_000 }).map((number) => contactOf(number, groupOf(number % 700))),
    { maxLength: 40 },
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(contacts, contacts, fc.boolean()), { minLength: 1, maxLength: 60 }),
      contacts,
      fc.boolean(),
      fc.integer({ min: 1, max: 3_000 }),
      (answers, start, isSearch, roundTripMs) => {
        let at = 0;
        const { asked, owners, end, tookMs } = walk({
          key: keyOf(7),
          self: 0,
          start,
          isSearch,
          roundTripMs,
          answer: () => {
            const [own, closer, isSilent] = answers[at++ % answers.length]!;
            return isSilent ? undefined : { owners: own, closer };
          },
        });
        assert.ok(asked.length <= BOUNDS.lookupAsks);
        assert.equal(new Set(asked.map(({ did }) => did)).size, asked.length, 'nobody twice');
        assert.ok(!asked.some(({ did }) => did === didOf(0)), 'not itself');
        assert.ok(owners.length <= BOUNDS.lookupOwners);
        assert.equal(new Set(owners.map(({ did }) => did)).size, owners.length);
        assert.ok(tookMs <= BOUNDS.lookupDeadlineMs + 1);
        assert.ok(end.hops <= BOUNDS.lookupHops && end.closest.length <= POLICY.replicas);
      },
    ),
    { numRuns: 200 },
  );
});
