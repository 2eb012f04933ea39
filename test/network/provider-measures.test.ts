import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Provider } from '../../src/network/events.js';
import { NETWORK_POLICY as POLICY } from '../../src/network/policy.js';
import { ProviderMeasures } from '../../src/network/provider-measures.js';
import { Scores } from '../../src/network/scores.js';

const PIECE = 256 << 10;
const peer: Provider = { id: 'peer', origin: 'swarm' };

/** Answers of 100 ms each, of which so many are read at once. */
function measured(together: number): ProviderMeasures {
  const measures = new ProviderMeasures(new Scores(), () => undefined);
  for (let i = 1; i <= 40; i++) {
    measures.asked(peer, PIECE);
    const readMs = 100 * together * Math.ceil(i / together);
    measures.came(peer, PIECE, 0, readMs);
    measures.ended(peer, PIECE);
  }
  return measures;
}

test('answers that are read one right after another did not come as fast as that', () => {
  const rate = measured(1).rateOf(peer);
  assert.ok(Math.abs(rate - PIECE / 100) < 1, String(rate));
  const late = measured(8).rateOf(peer);
  assert.ok(late < 1.2 * rate && late > rate / 10, `${late} for ${rate}`);
});

test('a queue at a provider does not grow by its own length', () => {
  const measures = measured(1);
  // Each waits behind those before it.
  for (let i = 0; i < 100; i++) measures.began(peer, 5_000);
  let queuedBytes = 0;
  while (measures.hasRoom(peer)) {
    measures.asked(peer, PIECE);
    queuedBytes += PIECE;
  }
  assert.ok(queuedBytes <= 2 * POLICY.pipelineMs * measures.rateOf(peer) + PIECE);
});
