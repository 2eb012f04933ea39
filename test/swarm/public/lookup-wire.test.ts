import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BOUNDS } from '../../../src/domain/bounds.js';
import { networkId, positionOfBytes, type Position } from '../../../src/network/position.js';
import {
  decodeAnswer,
  decodeRequest,
  encodeAnswer,
  encodeRequest,
  type LookupAnswer,
  type LookupAsk,
} from '../../../src/swarm/public/lookup-messages.js';
import { LookupReply, LookupRequest, LookupStatus } from '../../../src/swarm/public/lookup.pb.js';
import { QuestionGate } from '../../../src/swarm/public/question-gate.js';
import { statedAddresses } from '../../../src/swarm/public/stated-addresses.js';
import { contactOf, didOf, nodeOf, NETWORK, START_MS } from '../../network/kit.js';

const places = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((b) => positionOfBytes(b)!);
const id = networkId(NETWORK);
const word = { addresses: ['/ip4/192.0.2.1/tcp/8471'], kind: 'light' } as const;
const nothing: LookupAnswer = {
  owners: [],
  closer: [],
  more: [],
  refused: new Set(),
  kind: 'light',
};
const asks: fc.Arbitrary<LookupAsk> = fc.oneof(
  fc.record(
    {
      type: fc.constant('question' as const),
      keys: fc.array(places, { minLength: 1, maxLength: BOUNDS.lookupKeys }),
      isSearch: fc.boolean(),
    },
    { noNullPrototype: true },
  ),
  fc.record(
    {
      type: fc.constantFrom('leave' as const, 'withdraw' as const),
      keys: fc.array(places, { maxLength: 20 }),
    },
    { noNullPrototype: true },
  ),
);

test('what is asked and answered is read as it was written', () => {
  fc.assert(
    fc.property(asks, (ask) => {
      assert.deepEqual(decodeRequest(encodeRequest(id, ask, word), id), { ask, word });
    }),
  );
  const contacts = [1, 2, 3].map((number) => contactOf(number));
  const owners = contacts.map(({ did, addresses, group }) => ({ did, addresses, group }));
  const answer = {
    owners,
    closer: contacts,
    more: [],
    refused: new Set([0, 7]),
    kind: 'heavy' as const,
  };
  assert.deepEqual(
    decodeAnswer(encodeAnswer(answer), () => []),
    answer,
  );
  assert.equal(encodeAnswer(nothing).length > 0, true, 'an empty frame would not be handed on');
});

test('a request of another network is that, and nonsense is an error', () => {
  const ask: LookupAsk = {
    type: 'question',
    keys: [positionOfBytes(new Uint8Array(32))!],
    isSearch: true,
  };
  assert.equal(decodeRequest(encodeRequest(networkId('another'), ask, word), id), undefined);
  const wire = { network: Uint8Array.from(id), addresses: [], isHeavy: false };
  const key = new Uint8Array(31);
  const wrong = [
    LookupRequest.encode(wire),
    LookupRequest.encode({ ...wire, question: { key, isSearch: false, more: [] } }),
    LookupRequest.encode({ ...wire, leave: { keys: [key] } }),
    LookupRequest.encode({ ...wire, leave: { keys: [] }, withdraw: { keys: [] } }),
    LookupRequest.encode({
      ...wire,
      question: { key: new Uint8Array(32), isSearch: true, more: [key] },
    }),
    LookupRequest.encode({
      ...wire,
      question: {
        key: new Uint8Array(32),
        isSearch: true,
        more: Array.from({ length: BOUNDS.lookupKeys }, () => new Uint8Array(32)),
      },
    }),
    LookupRequest.encode({
      ...wire,
      leave: { keys: Array.from({ length: 1_001 }, () => new Uint8Array(32)) },
    }),
    LookupRequest.encode({
      ...wire,
      leave: { keys: [] },
      addresses: new Array<string>(9).fill('/a'),
    }),
  ];
  for (const bytes of wrong) assert.throws(() => decodeRequest(bytes, id));
  assert.throws(() =>
    decodeAnswer(LookupReply.encode({ ...wireReply(), status: LookupStatus.UNSET }), () => []),
  );
});

const wireReply = () => ({
  named: [],
  more: [],
  owners: [],
  closer: [],
  refused: [],
  status: LookupStatus.ANSWERED,
  isHeavy: false,
});

test('the longest request fits into its bound, and no reply is longer than its own', () => {
  const keys: Position[] = Array.from({ length: BOUNDS.recordsPerMessage }, (_, i) =>
    positionOfBytes(new Uint8Array(32).fill(i))!,
  );
  const long = `/dns4/${'a'.repeat(BOUNDS.announcedAddressChars - 6)}`;
  const addresses = new Array<string>(BOUNDS.announcedAddresses).fill(long);
  const longest = encodeRequest(id, { type: 'leave', keys }, { addresses, kind: 'heavy' });
  assert.ok(longest.length <= BOUNDS.lookupRequestBytes, String(longest.length));
  const wide = Array.from({ length: 64 }, (_, i) => ({ ...contactOf(i), addresses }));
  const refused = new Set(keys.keys());
  const bytes = encodeAnswer({ ...nothing, owners: wide, closer: wide, refused });
  assert.ok(bytes.length <= BOUNDS.lookupAnswerBytes, String(bytes.length));
});

const ownerOf = (number: number, more: readonly string[] = []) => {
  const { did, addresses, group } = contactOf(number);
  return { did, addresses: [...addresses, ...more], group };
};

test('an answer to many places names each node once, and is read as it was written', () => {
  const numbers = fc.uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 8 });
  const words = fc.record({ owners: numbers, closer: numbers }, { noNullPrototype: true });
  fc.assert(
    fc.property(fc.array(words, { minLength: 1, maxLength: 63 }), (all) => {
      const more = all.map(({ owners, closer }) => ({
        owners: owners.map((number) => ownerOf(number)),
        closer: closer.map((number) => contactOf(number)),
      }));
      const bytes = encodeAnswer({ ...nothing, more });
      assert.deepEqual(
        decodeAnswer(bytes, () => []),
        { ...nothing, more },
      );
      assert.ok(LookupReply.decode(bytes).named.length <= 40);
    }),
  );
});

test('what does not fit leaves each place its first owners, and the answer within its bound', () => {
  const long = `/ip4/192.0.2.1/tcp/1/${'p'.repeat(200)}`;
  const more = Array.from({ length: 63 }, (_, place) => ({
    owners: Array.from({ length: 20 }, (_, i) => ownerOf(100 * place + i, [long])),
    closer: Array.from({ length: 20 }, (_, i) => contactOf(100 * place + 50 + i)),
  }));
  const bytes = encodeAnswer({ ...nothing, more });
  assert.ok(bytes.length <= BOUNDS.lookupAnswersBytes, String(bytes.length));
  const answer = decodeAnswer(bytes, () => []);
  assert.ok(typeof answer === 'object');
  assert.ok(answer.more.every(({ owners }) => owners.length >= 1));
  assert.ok(answer.more.every(({ owners, closer }) => owners.length <= 16 && closer.length <= 16));
});

test('an answer that numbers nobody, or more than may be named, is malformed', () => {
  const { did, addresses } = contactOf(1);
  const node = { did, addresses: [...addresses], isHeavy: false };
  const of = (nodes: number, owners: number[], places = 1): Uint8Array =>
    LookupReply.encode({
      ...wireReply(),
      named: Array.from({ length: nodes }, () => node),
      more: Array.from({ length: places }, () => ({ owners, closer: [] })),
    });
  const read = (bytes: Uint8Array) => decodeAnswer(bytes, () => []);
  const sound = read(of(1, [0, 0]));
  assert.ok(typeof sound === 'object');
  assert.deepEqual(sound.more, [{ owners: [ownerOf(1)], closer: [] }]);
  const wrong = [
    of(1, [1]),
    of(0, [0]),
    of(257, [0]),
    of(1, [0], 64),
    of(1, new Array<number>(17).fill(0)),
  ];
  for (const bytes of wrong) assert.throws(() => read(bytes));
});

test('of what a node says of others only one place each is taken, and nothing that is no node', () => {
  const read = (did: string, addresses: string[]) =>
    decodeAnswer(
      LookupReply.encode({ ...wireReply(), owners: [{ did, addresses, isHeavy: false }] }),
      (known) => (known === didOf(9) ? ['/ip4/192.0.2.9/tcp/1'] : []),
    );
  const owners = (...args: Parameters<typeof read>) => {
    const answer = read(...args);
    assert.ok(typeof answer === 'object');
    return answer.owners;
  };
  const [here, there] = ['/ip4/192.0.2.1/tcp/8471', '/ip4/198.51.100.1/tcp/80'];
  assert.deepEqual(owners(didOf(1), [here, there])[0]?.addresses, [here]);
  assert.deepEqual(owners(didOf(1), ['/dns4/example.org/tcp/80']), []);
  assert.deepEqual(owners(didOf(1), [`/ip4/192.0.2.1/tcp/1/${'p'.repeat(300)}`]), []);
  assert.deepEqual(owners('did:key:z6Mk', [here]), []);
  assert.deepEqual(owners('did:web:example.org', [here]), []);
  assert.deepEqual(owners(didOf(1), []), [], 'nobody knows where it is');
  assert.equal(owners(didOf(9), []).length, 1, 'this machine does');
});

test('a node sends others nowhere but to itself', () => {
  const table = {
    get: (did: string) =>
      did === didOf(2) ? nodeOf(2, { addresses: ['/ip4/203.0.113.2/tcp/1'] }) : undefined,
  };
  const stated = [
    '/ip4/192.0.2.1/tcp/8471',
    '/ip4/203.0.113.2/tcp/1',
    '/dns4/example.org/tcp/1',
    'nonsense',
  ];
  const from = { group: '192.0.2.0/24' };
  assert.deepEqual(statedAddresses(stated, { ...from, did: didOf(1) }, table), [stated[0]]);
  // Where it answered before is proved.
  assert.deepEqual(statedAddresses(stated, { ...from, did: didOf(2) }, table), stated.slice(0, 2));
  const unproved = { get: () => nodeOf(2, { addresses: [stated[1]!], answeredAtMs: 0 }) };
  assert.deepEqual(statedAddresses(stated, { ...from, did: didOf(2) }, unproved), [stated[0]]);
});

test('noise is read as a request or thrown at, and never costs more', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
      for (const read of [() => decodeRequest(bytes, id), () => decodeAnswer(bytes, () => [])])
        try {
          read();
        } catch (error) {
          assert.ok(error instanceof Error);
        }
    }),
    { numRuns: 2_000 },
  );
});

test('an answer with many places that was broken says no more than a whole one, or is thrown at', () => {
  const more = Array.from({ length: 63 }, (_, place) => ({
    owners: [1, 2, 3].map((i) => ownerOf(place + i)),
    closer: [4, 5, 6].map((i) => contactOf(place + i)),
  }));
  const whole = encodeAnswer({ ...nothing, more });
  const breaks = fc.array(
    fc.record({ at: fc.nat(whole.length - 1), byte: fc.integer({ min: 0, max: 255 }) }),
    { minLength: 1, maxLength: 8 },
  );
  fc.assert(
    fc.property(breaks, fc.nat(whole.length), (all, cut) => {
      const bytes = Uint8Array.from(whole);
      for (const { at, byte } of all) bytes[at] = byte;
      for (const broken of [bytes, bytes.subarray(0, cut)])
        try {
          const answer = decodeAnswer(broken, () => []);
          if (typeof answer === 'string') continue;
          assert.ok(answer.more.length <= 63);
          for (const { owners, closer } of answer.more)
            assert.ok(owners.length <= 16 && closer.length <= 16);
        } catch (error) {
          assert.ok(error instanceof Error && !(error instanceof assert.AssertionError));
        }
    }),
    { numRuns: 2_000 },
  );
});

test('one network’s questions take nothing from the others’, and all together are bounded', () => {
  const gate = new QuestionGate(START_MS);
  let taken = 0;
  for (let i = 0; i < 10_000; i++) if (gate.takes('203.0.113.0/24', 1, START_MS)) taken += 1;
  assert.equal(taken, BOUNDS.lookupBurst);
  assert.ok(gate.takes('192.0.2.0/24', 1, START_MS));
  const later = START_MS + 1_000;
  let more = 0;
  for (let i = 0; i < 10_000; i++) if (gate.takes('203.0.113.0/24', 1, later)) more += 1;
  assert.equal(more, BOUNDS.lookupsPerSecond);
  const crowded = new QuestionGate(START_MS);
  let ofAll = 0;
  for (let i = 0; i < 100_000; i++) if (crowded.takes(`group ${i}`, 1, START_MS)) ofAll += 1;
  assert.equal(ofAll, BOUNDS.allLookupsBurst);
});
