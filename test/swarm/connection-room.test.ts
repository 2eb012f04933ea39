import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Connection, Libp2p } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../../src/domain/bounds.js';
import { ConnectionRoom } from '../../src/swarm/connection-room.js';

interface Visit {
  peer: string;
  ip: string;
  /** The protocols of its streams. */
  protocols: string[];
  isOpen: boolean;
}

test('connections that carry nothing make room for others', (t) => {
  t.mock.timers.enable({ apis: ['setInterval'] });
  let nowMs = 0;
  const clock = {
    now: () => new Date(0),
    monotonicMs: () => nowMs,
    sleep: () => Promise.resolve(),
  };
  const room = new ConnectionRoom(clock, (ip) => ip.startsWith('10.'));
  const events = new EventTarget();
  room.watch(events as unknown as Libp2p);
  const come = (peer: string, ip: string, protocols: string[] = []): Visit | undefined => {
    if (!room.admits(ip)) return undefined;
    const visit: Visit = { peer, ip, protocols, isOpen: true };
    const connection = {
      remotePeer: peer,
      remoteAddr: multiaddr(`/ip4/${ip}/tcp/1`),
      get streams() {
        return visit.protocols.map((protocol) => ({ protocol }));
      },
      close: () => {
        if (visit.isOpen) tell('connection:close', connection);
        visit.isOpen = false;
        return Promise.resolve();
      },
    } as unknown as Connection;
    tell('connection:open', connection);
    return visit;
  };
  const tell = (name: string, detail: Connection): void => {
    events.dispatchEvent(new CustomEvent(name, { detail }));
  };
  const pass = (ms: number): void => {
    for (let i = 0; i < ms; i += 1_000) {
      nowMs += 1_000;
      t.mock.timers.tick(1_000);
    }
  };

  const friend = come('friend', '10.0.0.1', ['/x/piece/1']);
  const crossed = come('friend', '10.0.0.1');
  const idle = come('idle', '10.0.0.2', ['/ipfs/ping/1.0.0']);
  pass(3_000);
  assert.deepEqual([friend?.isOpen, crossed?.isOpen, idle?.isOpen], [true, false, true]);
  pass(BOUNDS.unusedConnectionMs);
  assert.deepEqual([friend?.isOpen, idle?.isOpen], [true, false]);

  // All that are far away get a part of the places together.
  const far = Array.from({ length: 1_000 }, (_, i) =>
    come(`far${i}`, `203.0.${i >> 8}.${i & 255}`),
  );
  assert.equal(far.filter((visit) => visit !== undefined).length, BOUNDS.farConnections);
  pass(BOUNDS.unusedConnectionMs);
  assert.ok(come('far', '203.0.113.1', ['/x/bundle/1']), 'there is room again');

  // One address gets a part of the places, and a crowd of addresses holds them for a moment only.
  const ofOne = Array.from({ length: 1_000 }, (_, i) => come(`one${i}`, '10.6.6.6'));
  assert.equal(ofOne.filter((visit) => visit !== undefined).length, BOUNDS.connectionsFromOne);
  for (let i = 0; i < 1_000; i += 1) come(`crowd${i}`, `10.7.${i >> 8}.${i & 255}`);
  assert.equal(come('newcomer', '10.0.0.3'), undefined, 'the house is full');
  pass(BOUNDS.unusedInCrowdMs);
  assert.ok(come('newcomer', '10.0.0.3', ['/x/bundle/1']));
  assert.ok(friend?.isOpen);
  room.stop();
});

test('one address has a part of the handshakes that may be under way', () => {
  const clock = {
    now: () => new Date(0),
    monotonicMs: () => 0,
    sleep: () => Promise.resolve(),
  };
  const room = new ConnectionRoom(clock, () => true);
  const begin = (count: number, ip: string): object[] =>
    Array.from({ length: count }, () => {
      const connection = {};
      return room.begins(connection, ip) ? [connection] : [];
    }).flat();
  const begun = begin(100, '10.0.0.1');
  assert.equal(begun.length, BOUNDS.pendingConnectionsFromOne);
  assert.ok(begun.length < BOUNDS.pendingConnections);
  assert.equal(begin(1, '10.0.0.2').length, 1);
  for (const connection of begun.slice(0, 3)) room.ended(connection);
  assert.equal(begin(100, '10.0.0.1').length, 3);
});
