import assert from 'node:assert/strict';
import { test } from 'node:test';
import { multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../../src/domain/bounds.js';
import { Acquaintances, type Via } from '../../src/swarm/acquaintances.js';
import { seededRandom } from '../simulation/lan.js';

/** Peers whose ids are above the own one are dialled by us at once. */
function open(): {
  known: Acquaintances;
  meet: (peer: string, via: Via, now?: number) => void;
  dialled: (now: number) => string[];
} {
  const known = new Acquaintances('a', seededRandom(7));
  return {
    known,
    meet: (peer, via, now = 0) => known.meet(peer, [multiaddr('/ip4/10.0.0.1/tcp/1')], via, now),
    dialled: (now) => {
      const peers: string[] = [];
      for (let next = known.next(now); next !== undefined; next = known.next(now))
        peers.push(next.peer);
      return peers;
    },
  };
}

test('one who invents siblings neither keeps those of others out nor makes them wait', () => {
  const { known, meet } = open();
  for (let i = 0; i < 5_000; i += 1) meet(`invented${i}`, 'peer liar');
  assert.equal(known.size, BOUNDS.introduced);
  for (let i = 0; i < 20; i += 1) meet(`real${i}`, 'peer source');
  const first = Array.from({ length: 40 }, (_, i) => known.next(i)?.peer ?? '');
  assert.equal(first.filter((peer) => peer.startsWith('real')).length, 20, first.join());
});

test('on a link one address announces a few, and all of them together are one voice', () => {
  const { known, meet, dialled } = open();
  for (let i = 0; i < 100; i += 1) meet(`of-one${i}`, 'link 10.0.0.9');
  assert.equal(known.size, BOUNDS.announcedFromOne);
  for (let i = 0; i < 5_000; i += 1) meet(`flood${i}`, `link 10.0.${i >> 8}.${i & 255}`);
  for (let i = 0; i < 30; i += 1) meet(`real${i}`, 'peer source');
  assert.equal(known.size, BOUNDS.acquaintances);
  assert.equal(dialled(0).filter((peer) => peer.startsWith('real')).length, 30);
});

test('those that were met are not pushed out by those that were only named', () => {
  const { known, meet } = open();
  for (let i = 0; i < 60; i += 1) meet(`friend${i}`, 'peer source');
  for (let i = 0; i < 60; i += 1) known.linked(`friend${i}`, 0);
  for (let peer = 0; peer < 20; peer += 1)
    for (let i = 0; i < 100; i += 1) meet(`invented${peer} ${i}`, `peer liar${peer}`);
  assert.equal(known.size, BOUNDS.acquaintances);
  for (let i = 0; i < 60; i += 1) assert.ok(known.has(`friend${i}`));
});

test('who does not answer is asked later and later, and then forgotten; who was met, more often', () => {
  const { known, meet } = open();
  const attempts = (peer: string): number[] => {
    const at: number[] = [];
    for (let now = 0; now < 200_000 && known.has(peer); now += 10) {
      if (known.next(now) === undefined) continue;
      at.push(now);
      known.failed(peer, now);
    }
    return at;
  };
  meet('b', 'memory');
  const named = attempts('b');
  assert.equal(named.length, 3);
  assert.ok(named[2]! - named[1]! > named[1]! - named[0]! / 2);
  meet('b', 'memory');
  known.linked('b', 0);
  known.unlinked('b', 60_000);
  assert.equal(attempts('b').length, 5);
});

test('of a pair the lower peer id dials first', () => {
  const known = new Acquaintances('m', seededRandom(7));
  for (const peer of ['a', 'z']) known.meet(peer, [multiaddr('/ip4/10.0.0.1/tcp/1')], 'memory', 0);
  assert.equal(known.next(0)?.peer, 'z');
  assert.equal(known.next(1_999), undefined);
  assert.equal(known.next(2_000)?.peer, 'a');
});

test('wrong addresses of a peer do not bury the one that answered', () => {
  const { known } = open();
  const good = multiaddr('/ip4/10.0.0.1/tcp/1');
  known.meet('b', [good], 'memory', 0);
  assert.equal(known.next(0)?.peer, 'b');
  known.linked('b', 0, good);
  for (let port = 1; port < 1_000; port += 1)
    known.meet('b', [multiaddr(`/ip4/10.6.6.6/tcp/${port}`)], 'peer liar', 1);
  known.unlinked('b', 10_000);
  const next = known.next(60_000);
  assert.equal(next?.addresses[0]?.toString(), good.toString());
  assert.ok((next?.addresses.length ?? 9) <= 4);
});
