import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import { PIECE_PROTOCOL, PieceLink, type LinkHandlers } from '../../src/swarm/piece-link.js';
import { noise } from './nodes.js';
import { LoopbackHost } from './public/loopback-host.js';

const MANIFEST = '5a'.repeat(32);

test('what waits for a peer is as much as its stream takes at once, however much it is', async () => {
  const [here, there] = await Promise.all([LoopbackHost.start(91), LoopbackHost.start(92)]);
  try {
    const came: number[] = [];
    const ends: (Error | undefined)[] = [];
    const handlers: LinkHandlers = {
      onFrame: (_, { hello }) => came.push(hello?.held.length ?? 0),
      onBytes: () => undefined,
      onEnd: (_, error) => ends.push(error),
    };
    await there.libp2p.handle(PIECE_PROTOCOL, (stream, connection) => {
      new PieceLink(stream, connection, false, handlers);
    });
    const connection = await here.libp2p.dial(there.libp2p.getMultiaddrs());
    const stream = await connection.newStream(PIECE_PROTOCOL);
    const link = new PieceLink(stream, connection, true, handlers);
    // The have-maps of as many huge bundles: more than a stream keeps for its line.
    const lengths = Array.from({ length: 12 }, (_, at) => 1_000_000 + at);
    for (const length of lengths) {
      const hello = { held: Uint8Array.from(noise(length, length)), reply: false, addresses: [] };
      link.send(MANIFEST, { hello });
    }
    for (let turns = 0; came.length < lengths.length && turns < 3_000; turns += 1) {
      assert.deepEqual(ends, []);
      await wait(10);
    }
    assert.deepEqual(came, lengths);
  } finally {
    await Promise.all([here.stop(), there.stop()]);
  }
});
