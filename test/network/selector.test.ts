import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Provider } from '../../src/network/events.js';
import { NETWORK_POLICY as POLICY } from '../../src/network/policy.js';
import { Scores } from '../../src/network/scores.js';
import { Selector } from '../../src/network/selector.js';
import { FetchDriver, type Answer, type Outcome } from '../simulation/network/fetch-driver.js';
import { seededRandom, VirtualTime } from '../simulation/virtual-time.js';
import { didOf, groupOf } from './kit.js';

const MIB = 1 << 20;
const KIB = 1 << 10;

type Manner =
  | 'honest'
  | 'silent'
  | 'absent'
  | 'broken'
  /** Sends another content under its own tree. */
  | 'poisoner'
  /** Claims the true tree, and sends other pieces. */
  | 'spoiler'
  /** Begins an answer and never ends it. */
  | 'staller'
  | 'nonsense';

interface Peer {
  number: number;
  manner: Manner;
  rttMs?: number;
  bytesPerMs?: number;
  /** Gone from then on. */
  leavesMs?: number;
  group?: string;
}

interface Scene {
  peers: Peer[];
  official?: { manner: 'honest' | 'broken' | 'other'; bytesPerMs?: number; rttMs?: number };
  /** Others that are there before any lookup. */
  known?: Provider[];
  lengthBytes?: number;
  isLengthKnown?: boolean;
  lookupMs?: number;
  scores?: Scores;
  seed?: number;
  fetches?: number;
  /** They are a plan's, and looked for at once. */
  isPlanned?: boolean;
}

const REFUSALS: Partial<Record<Manner, 'absent' | 'broken' | 'malformed'>> = {
  absent: 'absent',
  broken: 'broken',
  nonsense: 'malformed',
};

const UPSTREAM: Provider = { id: 'upstream', origin: 'upstream' };

function run(scene: Scene): {
  outcomes: Outcome[];
  blamed: string[];
  asked: Map<string, number>;
  scores: Scores;
} {
  const { peers, official, lengthBytes = 8 * MIB, isLengthKnown = true, lookupMs = 100 } = scene;
  const time = new VirtualTime();
  const scores = scene.scores ?? new Scores();
  const random = seededRandom(scene.seed ?? 1);
  const selector = new Selector({ random, scores, nodeOf: () => undefined });
  const blamed: string[] = [];
  const asked = new Map<string, number>();
  const busyUntil = new Map<string, number>();
  const sending = new Map<number, { id: string; startMs: number; endMs: number }>();
  const byDid = new Map(peers.map((peer) => [didOf(peer.number), peer]));
  const mannersOf = ({ id, origin }: Provider): Omit<Peer, 'number'> => {
    if (origin === 'local') return { rttMs: 0, bytesPerMs: 1e6, manner: 'honest' };
    if (origin === 'swarm') return byDid.get(id)!;
    const manner = official?.manner === 'broken' ? 'broken' : 'honest';
    return { rttMs: official?.rttMs ?? 40, bytesPerMs: official?.bytesPerMs ?? 2_000, manner };
  };
  const contentOf = ({ id }: Provider, manner: Manner): string => {
    if (id === 'upstream' && official?.manner === 'other') return 'other';
    return manner === 'poisoner' ? 'false' : 'true';
  };
  const driver = new FetchDriver(selector, {
    time,
    blamed: (provider) => blamed.push(provider),
    cancelled: (ask) => {
      const { id, startMs, endMs } = sending.get(ask) ?? { id: '', startMs: 0, endMs: 0 };
      const leftMs = Math.max(0, endMs - Math.max(time.now, startMs));
      busyUntil.set(id, (busyUntil.get(id) ?? 0) - leftMs);
    },
    lookUp: (_fetch, found, searched) => {
      time.after(lookupMs, () => {
        const there = peers.filter(({ leavesMs = Infinity }) => leavesMs > time.now);
        const providers = there.map(({ number, group = groupOf(number) }): Provider => ({
          id: didOf(number),
          origin: 'swarm',
          group,
        }));
        if (providers.length > 0) found(providers);
        searched();
      });
    },
    ask: ({ ask, provider, portion, bytes, root }, heard, answer) => {
      asked.set(provider.id, (asked.get(provider.id) ?? 0) + 1);
      const { rttMs = 40, bytesPerMs = 1_000, leavesMs = Infinity, manner } = mannersOf(provider);
      const isGone = (): boolean => time.now >= leavesMs;
      const send = (ms: number, what: Answer): void =>
        time.after(ms, () => {
          if (!isGone()) answer(what);
        });
      if (isGone() || manner === 'silent') return;
      const reason = REFUSALS[manner];
      if (reason !== undefined) return send(rttMs, { type: 'failed', reason });
      const content = contentOf(provider, manner);
      if (portion.kind === 'tree') return send(rttMs, { type: 'tree', content, lengthBytes });
      if (portion.kind === 'pieces' && root !== content && provider.origin !== 'upstream')
        return send(rttMs, { type: 'failed', reason: 'other-tree' });
      const startMs = Math.max(time.now + rttMs, busyUntil.get(provider.id) ?? 0);
      const endMs = startMs + bytes / bytesPerMs;
      busyUntil.set(provider.id, endMs);
      sending.set(ask, { id: provider.id, startMs, endMs });
      const stepMs = 500;
      const lastMs = manner === 'staller' ? startMs : endMs;
      for (let atMs = startMs; atMs <= lastMs; atMs += stepMs)
        time.at(atMs, () => {
          if (!isGone()) heard(Math.min(bytes, stepMs * bytesPerMs));
        });
      if (manner === 'staller') return;
      send(endMs - time.now, { type: 'bytes', content: manner === 'spoiler' ? 'spoilt' : content });
    },
  });
  const outcomes: Outcome[] = [];
  const providers = [...(scene.known ?? []), ...(official === undefined ? [] : [UPSTREAM])];
  if (scene.isPlanned === true) driver.tell({ type: 'planned' });
  for (let i = 0; i < (scene.fetches ?? 1); i++)
    driver.fetch({ lengthBytes, isLengthKnown, providers }, (outcome) => outcomes.push(outcome));
  time.run(7_200_000, () => driver.size === 0);
  return { outcomes, blamed, asked, scores };
}

const one = (scene: Scene): Outcome & { blamed: string[]; asked: Map<string, number> } => {
  const { outcomes, blamed, asked } = run(scene);
  assert.equal(outcomes.length, 1, 'it ends');
  return { ...outcomes[0]!, blamed, asked };
};
const honest = (count: number, fields: Partial<Peer> = {}): Peer[] =>
  Array.from({ length: count }, (_, i) => ({
    number: 1 + i,
    manner: 'honest' as const,
    ...fields,
  }));
const official = { manner: 'honest' } as const;

test('three that have it send all of it, together, and the official source is not asked', (t) => {
  const { isFinished, bytes, fellBack, tookMs, asked } = one({ peers: honest(3), official });
  t.diagnostic(`8 MiB from three at 1,000 bytes a ms each: ${tookMs} ms`);
  assert.ok(isFinished && fellBack === undefined && !asked.has('upstream'));
  assert.deepEqual([...bytes], [['swarm', 8 * MIB]]);
  assert.ok(tookMs < (8 * MIB) / 3_000 + 900, String(tookMs));
  assert.ok([1, 2, 3].every((number) => (asked.get(didOf(number)) ?? 0) > 3));
});

test('where nobody has it the official source is asked at once, and where there is none it fails', () => {
  const alone = one({ peers: [], official, lengthBytes: 100 * KIB });
  assert.ok(alone.isFinished && alone.fellBack === 'nobody');
  assert.ok(alone.tookMs < 100 + 40 + 100 + 20, String(alone.tookMs));
  const nothing = one({ peers: [] });
  assert.deepEqual([nothing.isFinished, nothing.reason], [false, 'nobody']);
});

test('where those that should have it say nothing, the official source is asked within a second of their being found', () => {
  const { isFinished, fellBack, tookMs } = one({
    peers: honest(5, { manner: 'silent' }),
    official,
    lengthBytes: 100 * KIB,
  });
  assert.ok(isFinished && fellBack === 'silent');
  assert.ok(tookMs < 100 + POLICY.officialAfterFoundMs + 100, String(tookMs));
});

test('who was stopped itself hears first what came meanwhile, and calls nobody silent before', () => {
  const selector = new Selector({
    random: seededRandom(1),
    scores: new Scores(),
    nodeOf: () => undefined,
  });
  const peer: Provider = { id: didOf(1), origin: 'swarm', group: groupOf(1) };
  const providers = [UPSTREAM, peer];
  const [ask] = selector
    .handle({ type: 'wanted', fetch: 1, lengthBytes: 100 * KIB, providers }, 0)
    .flatMap((action) => (action.type === 'ask' ? [action.ask] : []));
  const isBack = (actions: readonly { type: string }[]): boolean =>
    actions.some(({ type }) => type === 'fell-back');
  const woken = 2_000;
  assert.ok(!isBack(selector.handle({ type: 'tick' }, woken)));
  assert.ok(!isBack(selector.handle({ type: 'heard', ask: ask!, bytes: 1_000 }, woken + 10)));
  assert.ok(!isBack(selector.handle({ type: 'tick' }, woken + 100)));
  // It goes on from there: nothing more comes, and it looks in time.
  let nowMs = woken + 100;
  let actions = selector.handle({ type: 'tick' }, nowMs);
  for (let i = 0; i < 40 && !isBack(actions); i++) {
    const wake = actions.findLast((action) => action.type === 'wake');
    nowMs = wake?.type === 'wake' ? wake.atMs : nowMs + 250;
    actions = selector.handle({ type: 'tick' }, nowMs);
  }
  assert.ok(isBack(actions) && nowMs < woken + 1_500, String(nowMs));
});

test('at the beginning of a plan a search has longer, and who has nothing ends it as before', () => {
  const slow = { lookupMs: 1_600, lengthBytes: 100 * KIB, official };
  assert.equal(one({ ...slow, peers: honest(1) }).fellBack, 'silent');
  const planned = one({ ...slow, peers: honest(1), isPlanned: true });
  assert.deepEqual([planned.fellBack, [...planned.bytes]], [undefined, [['swarm', 100 * KIB]]]);
  const alone = one({ ...slow, peers: [], lookupMs: 100, isPlanned: true });
  assert.ok(alone.fellBack === 'nobody' && alone.tookMs < 300, String(alone.tookMs));
  const silent = one({ ...slow, peers: honest(5, { manner: 'silent' }), isPlanned: true });
  const limitMs = Math.max(POLICY.officialAfterPlanMs, slow.lookupMs + POLICY.officialAfterFoundMs);
  assert.ok(silent.isFinished && silent.tookMs < limitMs + 400, String(silent.tookMs));
});

test('what is on this machine is read from here, and nobody is asked', () => {
  const known: Provider[] = [{ id: 'marked', origin: 'local' }];
  const { bytes, asked, tookMs } = one({ peers: honest(3), official, known });
  assert.deepEqual([...bytes], [['local', 8 * MIB]]);
  assert.deepEqual([...asked.keys()], ['marked']);
  assert.ok(tookMs < 50);
});

test('all that have it are killed in the middle: it ends through the official source, with one line', (t) => {
  const peers = honest(3, { leavesMs: 1_500 });
  const { isFinished, fellBack, tookMs, bytes, blamed } = one({ peers, official });
  t.diagnostic(`ends after ${tookMs} ms, ${(bytes.get('swarm') ?? 0) / MIB} MiB from the swarm`);
  assert.ok(isFinished && fellBack !== undefined);
  assert.ok((bytes.get('swarm') ?? 0) > MIB, 'what came before is kept');
  assert.ok(tookMs < 9_000, String(tookMs));
  assert.deepEqual(blamed, [], 'to die is no lie');
});

test('a swarm that crawls is joined by the official source, and what it sent counts', () => {
  const { isFinished, fellBack, bytes } = one({ peers: honest(2, { bytesPerMs: 10 }), official });
  assert.ok(isFinished && fellBack === 'slow');
  assert.ok((bytes.get('upstream') ?? 0) > 6 * MIB);
});

test('poison: a false tree is found out by the publisher’s digest; its claimants are blamed, and it is fetched afresh', () => {
  const peers: Peer[] = [
    { number: 1, manner: 'poisoner', rttMs: 5, bytesPerMs: 50_000 },
    { number: 2, manner: 'honest' },
    { number: 3, manner: 'honest' },
  ];
  const { isFinished, bytes, blamed, fellBack } = one({ peers, official });
  assert.ok(isFinished);
  assert.deepEqual(blamed, [didOf(1)]);
  assert.equal((bytes.get('swarm') ?? 0) + (bytes.get('upstream') ?? 0), 8 * MIB);
  assert.equal(fellBack, undefined, 'the honest two are enough');
});

test('two false trees, and the official source is asked', () => {
  const peers = Array.from({ length: 2 }, (_, i): Peer => ({ number: 1 + i, manner: 'poisoner' }));
  const { isFinished, fellBack, bytes } = one({ peers, official });
  assert.ok(isFinished && fellBack !== undefined);
  assert.deepEqual([...bytes], [['upstream', 8 * MIB]]);
});

test('who spoils pieces of a true tree is blamed alone, the rest is kept', () => {
  const peers: Peer[] = [{ number: 9, manner: 'spoiler', rttMs: 5 }, ...honest(2)];
  const { isFinished, blamed, bytes, fellBack } = one({ peers, official });
  assert.ok(isFinished && fellBack === undefined);
  assert.deepEqual(blamed, [didOf(9)]);
  assert.deepEqual([...bytes], [['swarm', 8 * MIB]]);
});

test('where the official source’s own bytes are not what was published, it fails and says so', () => {
  const { isFinished, reason } = one({ peers: [], official: { manner: 'other' } });
  assert.deepEqual([isFinished, reason], [false, 'mismatch']);
});

test('a shunned peer is not asked in later fetches', () => {
  const scores = new Scores();
  scores.lied(didOf(1), 0);
  const { asked, isFinished } = one({ peers: honest(2), official, scores });
  assert.ok(isFinished && !asked.has(didOf(1)) && asked.has(didOf(2)));
});

test('an artifact of one piece needs no tree, and no second question', () => {
  const { asked, bytes, tookMs } = one({ peers: honest(3), official, lengthBytes: 100 * KIB });
  assert.deepEqual([...bytes], [['swarm', 100 * KIB]]);
  assert.equal(
    [...asked.values()].reduce((a, b) => a + b),
    1,
  );
  assert.ok(tookMs < 100 + 40 + 103 + 5, String(tookMs));
});

test('without a known length it is as long as the tree says, if the publisher’s digest agrees', () => {
  const { isFinished, bytes } = one({ peers: honest(2), official, isLengthKnown: false });
  assert.ok(isFinished);
  assert.deepEqual([...bytes], [['swarm', 8 * MIB]]);
});

test('300 artifacts at once: each ends, and only so many are under way', () => {
  const { outcomes } = run({ peers: honest(6), official, lengthBytes: 300 * KIB, fetches: 300 });
  assert.equal(outcomes.filter(({ isFinished }) => isFinished).length, 300);
});

test('what waits behind other answers of its owner is not taken for silence', () => {
  const peers: Peer[] = [{ number: 1, manner: 'honest', rttMs: 40, bytesPerMs: 1_000 }];
  const { outcomes } = run({ peers, official, lengthBytes: 300 * KIB, fetches: 40 });
  const fromSwarm = outcomes.reduce((sum, { bytes }) => sum + (bytes.get('swarm') ?? 0), 0);
  assert.ok(fromSwarm >= 0.95 * 40 * 300 * KIB, String(fromSwarm));
});

test('whoever is among them, an honest source that stays is enough; nothing wrong is ever accepted', () => {
  const manners = fc.constantFrom<Manner>(
    'honest',
    'silent',
    'absent',
    'broken',
    'poisoner',
    'spoiler',
    'staller',
    'nonsense',
  );
  const peer = fc.record({
    number: fc.integer({ min: 1, max: 400 }),
    manner: manners,
    rttMs: fc.integer({ min: 1, max: 400 }),
    bytesPerMs: fc.integer({ min: 5, max: 20_000 }),
    leavesMs: fc.option(fc.integer({ min: 0, max: 5_000 }), { nil: undefined }),
  });
  const scenes = fc.record({
    peers: fc.uniqueArray(peer, { maxLength: 12, selector: ({ number }) => number }),
    lengthBytes: fc.integer({ min: 1, max: 6 * MIB }),
    isLengthKnown: fc.boolean(),
    lookupMs: fc.integer({ min: 0, max: 2_000 }),
    seed: fc.integer({ min: 1, max: 1e6 }),
    official: fc.option(fc.constant({ manner: 'honest' as const }), { nil: undefined }),
  });
  fc.assert(
    fc.property(scenes, ({ peers, official: source, ...rest }) => {
      const clean: Peer[] = peers.map(({ leavesMs, ...other }) =>
        leavesMs === undefined ? other : { ...other, leavesMs },
      );
      const { isFinished, blamed, bytes } = one({
        peers: clean,
        ...rest,
        ...(source === undefined ? {} : { official: source }),
      });
      const isPossible =
        source !== undefined ||
        clean.some(({ manner, leavesMs }) => manner === 'honest' && leavesMs === undefined);
      const isHopeless = source === undefined && !clean.some(({ manner }) => manner === 'honest');
      if (isPossible && source !== undefined) assert.ok(isFinished);
      if (isHopeless) assert.ok(!isFinished);
      if (isFinished)
        assert.equal(
          [...bytes.values()].reduce((a, b) => a + b, 0),
          rest.lengthBytes,
        );
      const liars = new Set(
        clean
          .filter(({ manner }) => ['poisoner', 'spoiler', 'nonsense'].includes(manner))
          .map(({ number }) => didOf(number)),
      );
      for (const did of blamed) assert.ok(liars.has(did), 'only liars are blamed');
    }),
    { numRuns: 400 },
  );
});
