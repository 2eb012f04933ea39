import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stream } from '@libp2p/interface';
import type { Did } from '../../src/domain/bundle.js';
import type { NodeConnection, NodeHost } from '../../src/swarm/public/node-host.js';

/** Two or more hosts of one network that can reach each other. */
export type MakeHosts = (t: TestContext, count: number) => Promise<NodeHost[]>;

const ECHO = '/x/test-echo/1';

/** What every NodeHost does. */
export function describeNodeHost(name: string, make: MakeHosts): void {
  test(`${name}: a connection proves who is there, and both ends are told`, async (t) => {
    const [a, b] = (await make(t, 2)) as [NodeHost, NodeHost];
    const atA: Did[] = [];
    const atB: NodeConnection[] = [];
    a.onConnected(({ did }) => atA.push(did));
    b.onConnected((connection) => atB.push(connection));
    const connection = await a.connect(contactOf(b));
    assert.equal(connection.did, b.did);
    assert.equal(connection.isRelayed, false);
    assert.equal(connection.wasDialled, true);
    await until(() => atB.length === 1);
    assert.deepEqual(atA, [b.did]);
    assert.equal(atB[0]?.did, a.did);
    assert.equal(atB[0]?.wasDialled, false);
    assert.equal(a.connectionOf(b.did), connection);
    assert.equal(await a.connect(contactOf(b)), connection, 'there is one already');
    assert.equal(a.connections().length, 1);
    assert.ok((await connection.roundTripMs(AbortSignal.timeout(30_000))) >= 0);
  });

  test(`${name}: whoever asks at once for the same node gets one connection`, async (t) => {
    const [a, b] = (await make(t, 2)) as [NodeHost, NodeHost];
    const all = await Promise.all(Array.from({ length: 8 }, () => a.connect(contactOf(b))));
    assert.equal(new Set(all).size, 1);
    await until(() => b.connections().length === 1);
  });

  test(`${name}: one that gives up does not take the dial from the others`, async (t) => {
    const [a, b] = (await make(t, 2)) as [NodeHost, NodeHost];
    const impatient = new AbortController();
    const first = a.connect(contactOf(b), impatient.signal);
    const second = a.connect(contactOf(b));
    impatient.abort(new Error('no time'));
    await assert.rejects(first, /no time/);
    assert.equal((await second).did, b.did);
  });

  test(`${name}: streams carry bytes both ways and are bounded for each connection`, async (t) => {
    const [a, b] = (await make(t, 2)) as [NodeHost, NodeHost];
    const held: Stream[] = [];
    await b.handle(
      ECHO,
      (stream, from) => {
        assert.equal(from.did, a.did);
        held.push(stream);
        stream.addEventListener('message', ({ data }) => void stream.send(data));
      },
      { inbound: 2, outbound: 2 },
    );
    const connection = await a.connect(contactOf(b));
    const first = await connection.open(ECHO);
    first.send(Uint8Array.of(1, 2, 3));
    const [event] = (await once(first as unknown as EventTarget, 'message')) as [MessageEvent];
    assert.deepEqual([...(event.data as { subarray: () => Uint8Array }).subarray()], [1, 2, 3]);
    await connection.open(ECHO);
    const third = await connection.open(ECHO).catch(() => undefined);
    if (third !== undefined) await until(() => third.status !== 'open');
    assert.equal(held.length, 2);
    await assert.rejects(connection.open('/x/nobody-speaks-this/1'));
  });

  test(`${name}: who leaves is gone once, and can be met again`, async (t) => {
    const [a, b] = (await make(t, 2)) as [NodeHost, NodeHost];
    const gone: Did[] = [];
    a.onGone((did) => gone.push(did));
    const connection = await a.connect(contactOf(b));
    await until(() => b.connections().length === 1);
    b.connections()[0]?.close('enough');
    await until(() => gone.length > 0);
    assert.deepEqual(gone, [b.did]);
    assert.equal(connection.isOpen, false);
    assert.equal(a.connectionOf(b.did), undefined);
    assert.equal((await a.connect(contactOf(b))).did, b.did);
  });

  test(`${name}: a liar is hung up on, and comes neither in nor out until its time is over`, async (t) => {
    const [a, b] = (await make(t, 2)) as [NodeHost, NodeHost];
    await a.connect(contactOf(b));
    await until(() => b.connections().length === 1);
    a.refuse(b.did, Date.now() + 3_600_000);
    await until(() => a.connections().length === 0 && b.connections().length === 0);
    await assert.rejects(a.connect(contactOf(b)));
    const inbound = await b.connect(contactOf(a)).catch(() => undefined);
    // It may seem open to whoever dialled until it is told.
    if (inbound !== undefined) await until(() => !inbound.isOpen);
    assert.equal(a.connectionOf(b.did), undefined);
    a.refuse(b.did, Date.now() - 1);
    assert.equal((await a.connect(contactOf(b))).did, b.did);
  });

  test(`${name}: another key at the address is not taken for it`, async (t) => {
    const [a, b, c] = (await make(t, 3)) as [NodeHost, NodeHost, NodeHost];
    await assert.rejects(a.connect({ did: b.did, addresses: c.addresses() }));
    assert.equal(a.connectionOf(b.did), undefined);
  });

  test(`${name}: nobody is dialled without an address that may be`, async (t) => {
    const [a, b] = (await make(t, 2)) as [NodeHost, NodeHost];
    const addresses = ['/ip4/10.255.0.1/tcp/8471', '/ip4/224.0.0.1/tcp/8471', 'nonsense', ''];
    await assert.rejects(a.connect({ did: b.did, addresses }), /may be dialled/);
    await assert.rejects(a.connect({ did: b.did, addresses: [] }), /may be dialled/);
    await assert.rejects(a.connect(contactOf(a)), /not to be dialled/);
  });

  test(`${name}: five hosts are connected with one another`, async (t) => {
    const hosts = await make(t, 5);
    for (const [i, host] of hosts.entries())
      for (const other of hosts.slice(i + 1)) await host.connect(contactOf(other));
    await until(() => hosts.every((host) => host.connections().length === 4));
  });
}

function contactOf(host: NodeHost): { did: Did; addresses: string[] } {
  return { did: host.did, addresses: host.addresses() };
}

async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; !isSo(); tries += 1) {
    assert.ok(tries < 3_000, 'in time');
    await sleep(20);
  }
}
