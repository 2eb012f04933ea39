import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import type { Connection } from '@libp2p/interface';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { streamPair } from '@libp2p/utils';
import { multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../../src/domain/bounds.js';
import { Links } from '../../src/swarm/links.js';

/** Links whose clock is moved by hand, and peers that open a stream to them. */
function start(): {
  links: Links;
  pass: (ms: number) => void;
  come: (seed: number, isNamed?: boolean, ip?: string) => Promise<string>;
} {
  let nowMs = 0;
  const named = new Set<string>();
  const clock = {
    now: () => new Date(nowMs),
    monotonicMs: () => nowMs,
    sleep: () => Promise.resolve(),
  };
  const ignore = (): void => undefined;
  const links = new Links('self', clock, {
    onLink: ignore,
    onUnlink: ignore,
    onFrame: ignore,
    onBytes: ignore,
    mostSiblings: () => BOUNDS.neighbours,
    isNamed: (peer) => named.has(peer),
  });
  const come = async (seed: number, isNamed = false, ip = '127.0.0.1'): Promise<string> => {
    const bytes = new Uint8Array(32);
    new DataView(bytes.buffer).setUint32(0, seed);
    const remotePeer = peerIdFromPrivateKey(await generateKeyPairFromSeed('Ed25519', bytes));
    const [stream] = await streamPair();
    const connection = {
      remotePeer,
      remoteAddr: multiaddr(`/ip4/${ip}/tcp/1`),
      close: () => Promise.resolve(),
      abort: ignore,
    } as unknown as Connection;
    if (isNamed) named.add(remotePeer.toString());
    links.accept(stream, connection, isNamed);
    return remotePeer.toString();
  };
  return { links, come, pass: (ms) => (nowMs += ms) };
}

test('a full house makes room for a newcomer: those that never greeted go first, in time', async () => {
  const { links, come, pass } = start();
  const asked = await come(0, true);
  const peers: string[] = [];
  for (let seed = 1; seed <= BOUNDS.neighbours; seed++) peers.push(await come(seed));
  const [greeted] = peers as [string];
  links.busy(links.get(greeted)!);
  assert.equal(links.all().length, BOUNDS.neighbours + 1);

  const early = await come(1_000);
  assert.equal(links.get(early), undefined, 'nobody is sent away before the greeting is due');

  pass(BOUNDS.greetingMs);
  const late = await come(1_001);
  assert.ok(links.get(late), 'the newcomer has the place');
  assert.equal(links.all().length, BOUNDS.neighbours + 1);
  assert.ok(links.get(asked) && links.get(greeted));

  for (const peer of peers.slice(1)) {
    const link = links.get(peer);
    if (link !== undefined) links.busy(link);
  }
  links.busy(links.get(late)!);
  assert.equal(links.get(await come(1_002)), undefined, 'those that are busy stay');
  pass(BOUNDS.idlePeerMs);
  assert.ok(links.get(await come(1_003)), 'those that are idle for long do not');
  assert.ok(links.get(asked), 'whom the user named stays');
  await links.closeAll();
});

test('one machine with many keys does not get all places', async () => {
  const { links, come } = start();
  const most = Math.min(BOUNDS.linksFromOne, BOUNDS.neighbours / 2);
  for (let seed = 1; seed <= most; seed++)
    assert.ok(links.get(await come(seed, false, '10.0.0.6')));
  assert.equal(links.get(await come(100, false, '10.0.0.6')), undefined);
  assert.ok(links.get(await come(101, true, '10.0.0.6')), 'whom the user named is let in');
  assert.ok(links.get(await come(102, false, '10.0.0.7')));
  await links.closeAll();
});
