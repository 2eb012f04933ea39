import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { generateKeyPair } from '@libp2p/crypto/keys';
import type { MessageStream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { createLibp2p, type Libp2p } from 'libp2p';
import { BOUNDS } from '../../src/domain/bounds.js';
import { noiseLine } from '../../src/swarm/noise-line.js';
import { tlsLine } from '../../src/swarm/tls-line.js';
import { yamuxWithWideWindows } from '../../src/swarm/wide-windows.js';

const WAIT_MS = 20_000;
/** Version 0, a ping that asks for an answer, of no stream. */
const PING = Buffer.from([0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7]);
const PINGS = 3_000;

const ENCRYPTERS = { TLS: [tlsLine()], Noise: [noiseLine()] };

async function host(name: keyof typeof ENCRYPTERS): Promise<Libp2p> {
  return createLibp2p({
    privateKey: await generateKeyPair('Ed25519'),
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: ENCRYPTERS[name],
    streamMuxers: [yamuxWithWideWindows({})],
    connectionMonitor: { enabled: false },
  });
}

for (const name of ['TLS', 'Noise'] as const) {
  test(`who pings on and on over ${name} is answered, and hung up on where it takes no answers`, async (t) => {
    const [a, b] = await Promise.all([host(name), host(name)]);
    t.after(() => Promise.all([a.stop(), b.stop()]));
    const connection = await a.dial(b.getMultiaddrs());
    const muxer: unknown = Reflect.get(connection, 'muxer');
    const line = Reflect.get(Object(muxer), 'maConn') as MessageStream;
    const endMs = performance.now() + WAIT_MS;
    while (b.getConnections().length === 0) await sleep(1);
    let sent = 0;
    line.pause();
    while (b.getConnections().length > 0) {
      assert.ok(performance.now() < endMs, 'it is answered on and on');
      if (line.status === 'open' && line.writeBufferLength === 0) {
        line.send(Buffer.concat(Array.from({ length: PINGS }, () => PING)));
        sent += PINGS;
      }
      await sleep(1);
    }
    assert.ok(sent > BOUNDS.unsentAnswers, 'as many as may wait are answered');
  });
}
