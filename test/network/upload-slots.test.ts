import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BOUNDS } from '../../src/domain/bounds.js';
import type { Did } from '../../src/domain/bundle.js';
import { Scores } from '../../src/network/scores.js';
import { UploadSlots, type UploadAction } from '../../src/network/upload-slots.js';
import { seededRandom } from '../simulation/virtual-time.js';
import { didOf, groupOf, START_MS } from './kit.js';

const MIB = 1 << 20;
const PIECE = 256 << 10;

/** Nodes that always have so many requests open; the uplink sends one answer after another. */
function congested(options: {
  nodes: { number: number; group?: string; joinsAt?: number }[];
  scores: Scores;
  answers: number;
  slots?: number;
}): Map<number, { bytes: number; firstAt: number }> {
  const { nodes, scores, answers } = options;
  const slots = new UploadSlots(scores, options.slots ?? 4);
  const got = new Map<number, { bytes: number; firstAt: number }>();
  const numberOf = new Map<Did, number>(nodes.map(({ number }) => [didOf(number), number]));
  const sending: { peer: Did; id: number }[] = [];
  let id = 0;
  let sent = 0;
  const take = (actions: UploadAction[]): void => {
    for (const action of actions) if (action.type === 'send') sending.push(action);
  };
  const ask = (number: number, group = groupOf(number)): void => {
    const peer = didOf(number);
    take(slots.handle({ type: 'asked', peer, group, id: ++id, bytes: PIECE }, START_MS + sent));
  };
  for (; sent < answers; sent++) {
    for (const { number, group, joinsAt = 0 } of nodes) {
      if (joinsAt !== sent) continue;
      ask(number, group);
      ask(number, group);
    }
    const done = sending.shift();
    if (done === undefined) break;
    const number = numberOf.get(done.peer)!;
    const mine = got.get(number) ?? { bytes: 0, firstAt: sent };
    mine.bytes += PIECE;
    got.set(number, mine);
    take(slots.handle({ type: 'sent', peer: done.peer, id: done.id }, START_MS + sent));
    ask(number, nodes.find((node) => node.number === number)?.group);
  }
  return got;
}

test('where there is room everybody is served at once, whoever it is', () => {
  const slots = new UploadSlots(new Scores(), 8);
  for (let i = 0; i < 4; i++) {
    const event = {
      type: 'asked',
      peer: didOf(i),
      group: groupOf(i),
      id: i,
      bytes: PIECE,
    } as const;
    assert.deepEqual(slots.handle(event, START_MS), [{ type: 'send', peer: didOf(i), id: i }]);
  }
});

test('under congestion who gave gets by weight, a newcomer soon, a free rider what is left', (t) => {
  const scores = new Scores();
  for (let i = 0; i < 8; i++) scores.served(didOf(i), 64 * MIB, START_MS);
  const givers = Array.from({ length: 8 }, (_, number) => ({ number }));
  const riders = Array.from({ length: 8 }, (_, i) => ({ number: 100 + i }));
  const newcomer = { number: 200, joinsAt: 2_000 };
  const got = congested({ nodes: [...givers, ...riders, newcomer], scores, answers: 4_000 });
  const mean = (nodes: { number: number }[]): number =>
    nodes.reduce((sum, { number }) => sum + (got.get(number)?.bytes ?? 0), 0) / nodes.length / MIB;
  const first = got.get(200);
  t.diagnostic(
    `MiB each: givers ${mean(givers)}, free riders ${mean(riders)}; the newcomer's first after ${(first?.firstAt ?? 0) - 2_000} answers, ${(first?.bytes ?? 0) / MIB} MiB`,
  );
  assert.ok(mean(givers) > 3.5 * mean(riders), 'who gives gets');
  assert.ok(mean(riders) > 0, 'nobody is left with nothing');
  assert.ok(first !== undefined && first.firstAt - 2_000 <= 20, 'a newcomer is served soon');
  assert.ok(first.bytes / MIB > 1.5 * (mean(riders) / 2), 'it gets more than who took all along');
});

test('two hundred names at one address get no more than one', (t) => {
  const scores = new Scores();
  const givers = Array.from({ length: 4 }, (_, number) => ({ number }));
  for (const { number } of givers) scores.served(didOf(number), 64 * MIB, START_MS);
  const sybils = Array.from({ length: 200 }, (_, i) => ({
    number: 1_000 + i,
    group: '203.0.113.0/24',
  }));
  const newcomers = Array.from({ length: 4 }, (_, i) => ({ number: 10 + i }));
  const nodes = [...givers, ...newcomers, ...sybils];
  const got = congested({ nodes, scores, answers: 3_000, slots: 8 });
  const of = (some: { number: number }[]): number =>
    some.reduce((sum, { number }) => sum + (got.get(number)?.bytes ?? 0), 0) / MIB;
  t.diagnostic(
    `of 750 MiB: four givers ${of(givers)}, four newcomers ${of(newcomers)}, 200 names ${of(sybils)}`,
  );
  assert.ok(of(givers) > 0.75 * 750, 'those that gave keep their part');
  assert.ok(of(sybils) < (1.3 * of(newcomers)) / 4, 'all names together are one newcomer');
});

test('a giver finds a place in a full house; the largest crowd gives it up', () => {
  const scores = new Scores();
  scores.served(didOf(0), 64 * MIB, START_MS);
  const slots = new UploadSlots(scores, 1);
  let id = 0;
  for (let number = 1_000; slots.queued < BOUNDS.uploadRequests; number++)
    for (let i = 0; i < BOUNDS.uploadRequestsOfPeer && slots.queued < BOUNDS.uploadRequests; i++)
      slots.handle(
        { type: 'asked', peer: didOf(number), group: '203.0.113.0/24', id: ++id, bytes: PIECE },
        START_MS,
      );
  const stranger = {
    type: 'asked',
    peer: didOf(5),
    group: groupOf(5),
    id: ++id,
    bytes: PIECE,
  } as const;
  assert.deepEqual(slots.handle(stranger, START_MS), [
    { type: 'refuse', peer: didOf(5), id, reason: 'busy' },
  ]);
  const giver = {
    type: 'asked',
    peer: didOf(0),
    group: groupOf(0),
    id: ++id,
    bytes: PIECE,
  } as const;
  const [refused] = slots.handle(giver, START_MS);
  assert.ok(refused?.type === 'refuse' && refused.peer !== didOf(0));
  assert.equal(slots.queued, BOUNDS.uploadRequests);
});

test('whatever is asked and withdrawn, slots and queues stay in their bounds, and all is served in the end', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 10_000 }), (seed) => {
      const random = seededRandom(seed);
      const scores = new Scores();
      const slots = new UploadSlots(scores, 1 + random.integer(6));
      const sending = new Map<number, Did>();
      const open = new Map<number, Did>();
      let now = START_MS;
      const take = (actions: UploadAction[]): void => {
        for (const { type, peer, id } of actions) {
          if (type === 'drop') {
            assert.equal(sending.get(id), peer, 'what ends was under way');
            sending.delete(id);
            continue;
          }
          assert.equal(open.get(id), peer, 'what is answered was asked');
          open.delete(id);
          if (type === 'send') sending.set(id, peer);
        }
      };
      for (let step = 0; step < 200; step++) {
        now += random.integer(10_000);
        const number = random.integer(12);
        const peer = didOf(number);
        const what = random.integer(10);
        if (what < 5) {
          open.set(step, peer);
          const bytes = random.integer(MIB);
          take(
            slots.handle({ type: 'asked', peer, group: groupOf(number % 5), id: step, bytes }, now),
          );
        } else if (what < 8) {
          const [first] = sending;
          if (first === undefined) continue;
          sending.delete(first[0]);
          take(slots.handle({ type: 'sent', peer: first[1], id: first[0] }, now));
        } else if (what === 8) {
          const id = [...open].find(([, owner]) => owner === peer)?.[0];
          if (id === undefined) continue;
          open.delete(id);
          take(slots.handle({ type: 'withdrawn', peer, id }, now));
        } else {
          for (const [id, owner] of [...open, ...sending]) {
            if (owner !== peer) continue;
            open.delete(id);
            sending.delete(id);
          }
          take(slots.handle({ type: 'left', peer }, now));
          scores.served(peer, random.integer(8 * MIB), now);
        }
        assert.equal(slots.queued, open.size);
      }
      while (sending.size > 0) {
        const [first] = sending;
        sending.delete(first![0]);
        take(slots.handle({ type: 'sent', peer: first![1], id: first![0] }, now));
      }
      assert.equal(open.size, 0, 'nobody waits where nothing is under way');
    }),
    { numRuns: 200 },
  );
});

/** Asks for a piece in the name of a node, each in a network of its own; questions are numbered from 1. */
function askerOf(slots: UploadSlots): (number: number, now: number) => UploadAction[] {
  let id = 0;
  return (number, now) => {
    const [peer, group] = [didOf(number), groupOf(number)];
    return slots.handle({ type: 'asked', peer, group, id: ++id, bytes: PIECE }, now);
  };
}

test('readers of many networks that take nothing hold no slots from others, and give way where they are too many', () => {
  const slots = new UploadSlots(new Scores(), 4);
  const ask = askerOf(slots);
  let now = START_MS;
  const dropped: Did[] = [];
  for (let crowd = 0; crowd < 3; crowd++) {
    for (let i = 0; i < 4; i++) {
      const [action] = ask(10 * crowd + i, now);
      assert.equal(action?.type, 'send', 'whoever stands still leaves its slot');
    }
    const newcomer = 100 + crowd;
    assert.deepEqual(ask(newcomer, now), [], 'all slots are in use');
    assert.deepEqual(slots.look(now + 1_000), [], 'for a while');
    now += 5_000;
    const served = slots.look(now);
    assert.deepEqual(
      served.filter(({ type }) => type === 'send').map(({ peer }) => peer),
      [didOf(newcomer)],
    );
    dropped.push(...served.filter(({ type }) => type === 'drop').map(({ peer }) => peer));
    slots.handle({ type: 'sent', peer: didOf(newcomer), id: 5 * (crowd + 1) }, now);
  }
  // Eleven stand still, and with the next as many are under way as may be.
  assert.deepEqual(
    dropped,
    [didOf(0)],
    'with the third newcomer there were too many, and the first went',
  );
  assert.equal(ask(200, now)[0]?.type, 'send');
  // One that moves again is not among those that go.
  now += 5_000;
  slots.handle({ type: 'moved', peer: didOf(1), id: 2 }, now);
  assert.deepEqual(
    ask(201, now).map(({ type, peer }) => [type, peer]),
    [
      ['drop', didOf(2)],
      ['send', didOf(201)],
    ],
  );
});

test('who gives way to its own next question is still counted', () => {
  const slots = new UploadSlots(new Scores(), 8);
  const ask = askerOf(slots);
  let now = START_MS;
  for (let number = 0; number < 24; number++) {
    if (number % 8 === 0) now += 5_000;
    assert.equal(ask(number, now)[0]?.type, 'send');
  }
  now += 5_000;
  const types = ask(0, now).map(({ type, id: of }) => [type, of]);
  assert.deepEqual(types.toSorted(), [
    ['drop', 1],
    ['send', 25],
  ]);
  for (let number = 30; number < 37; number++) ask(number, now);
  assert.deepEqual(ask(40, now), [], 'eight of them move, its own among them');
});

test('an answer that is found to move keeps its slot', () => {
  const slots = new UploadSlots(new Scores(), 1);
  const ask = (number: number): UploadAction[] => {
    const [peer, group] = [didOf(number), groupOf(number)];
    return slots.handle({ type: 'asked', peer, group, id: number, bytes: PIECE }, START_MS);
  };
  assert.equal(ask(1)[0]?.type, 'send');
  assert.deepEqual(ask(2), []);
  for (let at = 1; at <= 20; at++) {
    const moved = [{ peer: didOf(1), id: 1 }];
    assert.deepEqual(slots.look(START_MS + 1_000 * at, moved), []);
  }
  assert.deepEqual(slots.look(START_MS + 25_000), [{ type: 'send', peer: didOf(2), id: 2 }]);
});
