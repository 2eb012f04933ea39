import assert from 'node:assert/strict';
import { BOUNDS } from '../../src/domain/bounds.js';
import { POLICY } from '../../src/transfer/policy.js';
import { MIB } from './content.js';
import { isWaitedFor, type Host, type Outcome, type SwarmOptions } from './swarm.js';
import { seededRandom } from './virtual-time.js';

/** A swarm drawn from a seed: who is in it, on what links, and what goes wrong. */
export function drawSwarm(seed: number, most: number): SwarmOptions {
  const random = seededRandom(seed * 7_919);
  const oneIn = (count: number): boolean => random.integer(count) === 0;
  const rate = (): number => [2, 10, 25, 100, 100, 100, 1_000][random.integer(7)] ?? 100;
  const source: Host = {
    name: 'source',
    upMbit: [25, 100, 1_000][random.integer(3)] ?? 100,
    downMbit: 100,
    joinsAtMs: 0,
    isSource: true,
  };
  const isEven = oneIn(3);
  const isLossy = oneIn(3);
  const clients = Array.from({ length: 1 + random.integer(most) }, (_, i): Host => {
    const joinsAtMs = 1 + random.integer(4_000);
    const dies = oneIn(5);
    return {
      name: `client-${i}`,
      upMbit: isEven ? 100 : rate(),
      downMbit: isEven ? 100 : rate(),
      latencyMs: oneIn(4) ? random.integer(40) : 0.2,
      lostPerMille: isLossy ? random.integer(20) : 0,
      joinsAtMs,
      ...(oneIn(10) ? { isWalledOff: true } : {}),
      ...(dies ? { diesAtMs: joinsAtMs + 1 + random.integer(8_000) } : {}),
      ...(dies && oneIn(2) ? { awayMs: random.integer(3_000) } : {}),
      ...(oneIn(12) ? { lies: [1, 20, 100][random.integer(3)] ?? 1 } : {}),
      ...(oneIn(12) ? { isSilent: true, holdsAll: oneIn(2) } : {}),
      ...(oneIn(20) ? { diskBytesPerMs: 2_000 } : {}),
    };
  });
  const lengths = Array.from({ length: 2 + random.integer(60) }, () =>
    oneIn(4) ? random.integer(4 * MIB) : random.integer(20_000),
  );
  return {
    hosts: [source, ...clients],
    lengths: [...lengths, 1],
    seed,
    ...(oneIn(4) ? { breaksPerMinute: 6 } : {}),
  };
}

const CROWD_PIECES = 1_000;

/** Hundreds of clients on mixed links, some of which come late, die, lie or never answer. */
export function drawCrowd(seed: number, count: number): SwarmOptions {
  const random = seededRandom(seed);
  const hosts: Host[] = [
    { name: 'source', upMbit: 100, downMbit: 100, joinsAtMs: 0, isSource: true },
  ];
  for (let i = 1; i < count; i++) {
    const joinsAtMs = random.integer(2_000);
    const trouble = random.integer(40);
    hosts.push({
      name: `client-${i}`,
      upMbit: [10, 100, 100, 1_000][random.integer(4)] ?? 100,
      downMbit: [10, 100, 100, 1_000][random.integer(4)] ?? 100,
      joinsAtMs,
      ...(trouble === 0 ? { lies: 100 } : {}),
      ...(trouble === 1 ? { isSilent: true, holdsAll: true } : {}),
      ...(trouble === 2 ? { diesAtMs: joinsAtMs + random.integer(4_000) } : {}),
      ...(trouble === 3 ? { diesAtMs: joinsAtMs + random.integer(4_000), awayMs: 500 } : {}),
    });
  }
  const lengths = Array.from({ length: CROWD_PIECES }, () => 2_000 + random.integer(8_000));
  return { hosts, lengths, seed, chunkBytes: 256 << 10, sought: 4, held: 8 };
}

/** What holds of every run, whatever went wrong in it. @param what Says which run, and its seed. */
export function assertSound(options: SwarmOptions, outcome: Outcome, what: string): void {
  for (const host of options.hosts) {
    if (!isWaitedFor(host)) continue;
    const isDone = outcome.doneMs.has(host.name);
    assert.ok(isDone, `${what}: ${host.name} is not whole at ${outcome.endMs} ms`);
  }
  const lying = new Set(options.hosts.filter(({ lies }) => lies).map(({ name }) => name));
  for (const liar of outcome.liars) assert.ok(lying.has(liar), `${what}: ${liar} is no liar`);
  for (const host of options.hosts) {
    if (host.lies !== 100) continue;
    for (const [name, bySender] of outcome.received)
      assert.equal(bySender.get(host.name) ?? 0, 0, `${what}: ${name} took from ${host.name}`);
  }
  const asks = POLICY.requestsPerPeer + POLICY.requestsForUrgent;
  assert.ok(
    outcome.mostAsksOfOne <= asks,
    `${what}: ${outcome.mostAsksOfOne} requests at one peer`,
  );
  assert.ok(asks < POLICY.requestsQueued, 'nobody honest asks for so much that it is abuse');
  assert.ok(
    outcome.mostUploads <= POLICY.uploadsInAll,
    `${what}: ${outcome.mostUploads} answers at once`,
  );
  assert.ok(BOUNDS.runBytes * POLICY.uploadsInAll <= 64 * MIB, 'what is being sent is bounded');
}
