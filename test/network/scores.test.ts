import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BOUNDS } from '../../src/domain/bounds.js';
import { NETWORK_POLICY as POLICY } from '../../src/network/policy.js';
import { Scores } from '../../src/network/scores.js';
import { DAY_MS, didOf, HOUR_MS, START_MS } from './kit.js';

const [A, B, C] = [didOf(1), didOf(2), didOf(3)] as const;
const MIB = 1 << 20;

test('who served stands above who is not known, and that above who failed', () => {
  const scores = new Scores();
  for (let i = 0; i < 10; i++) scores.served(A, 10 * MIB, START_MS);
  for (let i = 0; i < 10; i++) scores.failed(B, START_MS);
  const [a, b, c] = [A, B, C].map((did) => scores.scoreOf(did, START_MS)) as [
    number,
    number,
    number,
  ];
  assert.ok(a > c && c > b, `${a} ${c} ${b}`);
  assert.deepEqual(
    scores.ranking(START_MS).map(({ did }) => did),
    [A, B],
  );
});

test('bytes fade by half in a day, failures in an hour: who comes back is asked again', () => {
  const scores = new Scores();
  scores.served(A, 64 * MIB, START_MS);
  assert.equal(Math.round(scores.servedBytes(A, START_MS + DAY_MS) / MIB), 32);
  for (let i = 0; i < 20; i++) scores.failed(B, START_MS);
  const atOnce = scores.scoreOf(B, START_MS);
  const later = scores.scoreOf(B, START_MS + 8 * HOUR_MS);
  assert.ok(later > 4 * atOnce, `${atOnce} ${later}`);
  assert.ok(later <= scores.scoreOf(C, START_MS));
});

test('a liar is not asked for a day, then twice as long, a month at most', () => {
  const scores = new Scores();
  let now = START_MS;
  const pauses: number[] = [];
  for (let i = 0; i < 8; i++) {
    scores.lied(A, now);
    assert.equal(scores.scoreOf(A, now), 0);
    assert.equal(scores.uploadWeight(A, now), 0);
    const until = scores.ranking(now)[0]?.shunnedUntilMs ?? 0;
    pauses.push((until - now) / DAY_MS);
    now = until;
    assert.ok(!scores.isShunned(A, now) && scores.isShunned(A, now - 1));
  }
  assert.deepEqual(pauses, [1, 2, 4, 8, 16, 30, 30, 30]);
});

test('time counts only between sightings that are close', () => {
  const scores = new Scores();
  for (let i = 0; i <= 12; i++) scores.present(A, START_MS + i * 5 * 60_000);
  scores.present(A, START_MS + 10 * HOUR_MS);
  const [row] = scores.ranking(START_MS + 10 * HOUR_MS);
  assert.ok((row?.uptimeMs ?? 0) < HOUR_MS && (row?.uptimeMs ?? 0) > HOUR_MS / 2);
});

test('weight rises with what was given, and falls for who takes far more', () => {
  const scores = new Scores();
  scores.served(A, 8 * MIB, START_MS);
  scores.served(B, 512 * MIB, START_MS);
  assert.equal(scores.uploadWeight(C, START_MS), 0);
  assert.ok(scores.uploadWeight(B, START_MS) > scores.uploadWeight(A, START_MS));
  const before = scores.uploadWeight(A, START_MS);
  scores.received(A, 320 * MIB, START_MS);
  const after = scores.uploadWeight(A, START_MS);
  assert.ok(Math.abs(after - (before * POLICY.generosity * 8) / 320) < 0.001, `${before} ${after}`);
});

test('ten thousand strangers push nobody out who gave, nor a liar', () => {
  const scores = new Scores();
  scores.served(A, 2 * MIB, START_MS);
  scores.lied(B, START_MS);
  for (let i = 0; i < 3 * BOUNDS.scoredNodes; i++) scores.failed(didOf(100 + i), START_MS + 1);
  assert.ok(scores.size <= BOUNDS.scoredNodes);
  assert.ok(scores.servedBytes(A, START_MS) > MIB);
  assert.ok(scores.isShunned(B, START_MS + HOUR_MS));
  const { scores: rows, forgottenScores } = scores.takeChanges();
  assert.equal(rows.length, scores.size);
  assert.ok(forgottenScores.length > BOUNDS.scoredNodes);
  assert.deepEqual(scores.takeChanges(), { scores: [], forgottenScores: [] });
});

test('whatever happens a score is between 0 and 1, and what was written down says the same', () => {
  const event = fc.record({
    did: fc.constantFrom(A, B, C),
    what: fc.constantFrom('served', 'received', 'present', 'failed', 'lied'),
    bytes: fc.nat(1 << 30),
    afterMs: fc.nat(DAY_MS),
  });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), (events) => {
      const scores = new Scores();
      let now = START_MS;
      for (const { did, what, bytes, afterMs } of events) {
        now += afterMs;
        if (what === 'served') scores.served(did, bytes, now);
        else if (what === 'received') scores.received(did, bytes, now);
        else if (what === 'present') scores.present(did, now);
        else if (what === 'failed') scores.failed(did, now);
        else scores.lied(did, now);
      }
      const again = new Scores(scores.takeChanges().scores);
      for (const did of [A, B, C]) {
        const score = scores.scoreOf(did, now);
        assert.ok(score >= 0 && score <= 1);
        assert.equal(again.scoreOf(did, now), score);
        assert.ok(scores.uploadWeight(did, now) >= 0);
      }
    }),
    { numRuns: 300 },
  );
});
