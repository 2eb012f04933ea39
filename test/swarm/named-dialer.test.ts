import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo } from 'node:net';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import { tcpOf } from '../../src/swarm/addresses.js';
import { multiaddr } from '@multiformats/multiaddr';
import { startNode } from './nodes.js';

/** Hangs up on so many, then passes on to a port. */
async function startDoor(hangsUp: number, port: number) {
  let calls = 0;
  const door = createServer((caller) => {
    caller.on('error', () => undefined);
    calls += 1;
    if (calls <= hangsUp) {
      caller.destroy();
      return;
    }
    const inner = connect(port, '127.0.0.1');
    inner.on('error', () => caller.destroy());
    caller.pipe(inner).pipe(caller);
  });
  await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
  const address = `127.0.0.1:${(door.address() as AddressInfo).port}`;
  return { address, calls: () => calls, close: () => door.close() };
}

test('who is hung up on while others are let in calls again, a few times', async () => {
  const [source, client] = [await startNode(1), await startNode(2)];
  const { port = 0 } = tcpOf(multiaddr(source.address)) ?? {};
  const crowded = await startDoor(BOUNDS.callAttempts - 1, port);
  const shut = await startDoor(Infinity, port);
  try {
    const { did } = await client.swarm.listBundles(crowded.address);
    assert.equal(did, source.did);
    await assert.rejects(client.swarm.listBundles(shut.address), { code: 'MASTER_UNREACHABLE' });
    assert.equal(shut.calls(), BOUNDS.callAttempts);
  } finally {
    crowded.close();
    shut.close();
    await client.stop();
    await source.stop();
  }
});
