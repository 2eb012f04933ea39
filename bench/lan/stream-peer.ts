/**
 * stream-peer.js serve BYTES | fetch BYTES GATE ADDRESS: a bare libp2p stream, with the transport,
 * encryption and multiplexer that X uses and nothing else: what there is to lose.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import type { Stream } from '@libp2p/interface';
import { tcp } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';

const PROTOCOL = '/bench/bytes';
const PORT = 8471;
const CHUNK_BYTES = 256 << 10;

const [verb, bytes = '0', gate = '', address = ''] = process.argv.slice(2);
const total = Number(bytes);
const host = await createLibp2p({
  addresses: { listen: verb === 'serve' ? [`/ip4/0.0.0.0/tcp/${PORT}`] : [] },
  ...{ transports: [tcp()], connectionEncrypters: [noise()], streamMuxers: [yamux()] },
});
if (verb === 'serve') {
  await host.handle(PROTOCOL, (stream) => {
    send(stream).catch((error: Error) => stream.abort(error));
  });
  tell('serving');
} else {
  const { user, system } = process.cpuUsage();
  tell('loaded', { cpuSeconds: (user + system) / 1e6 });
  while (!existsSync(gate)) await sleep(10);
  const connection = await host.dial(multiaddr(`/ip4/${address}/tcp/${PORT}`));
  tell('connected');
  const stream = await connection.newStream(PROTOCOL);
  await receive(stream);
  tell('complete');
  await host.stop();
}

async function send(stream: Stream): Promise<void> {
  const chunk = randomBytes(CHUNK_BYTES);
  for (let left = total; left > 0; left -= chunk.length) {
    if (!stream.send(chunk.subarray(0, Math.min(left, chunk.length)))) await stream.onDrain();
  }
  await stream.close();
}

function receive(stream: Stream): Promise<void> {
  return new Promise((resolve, reject) => {
    let received = 0;
    stream.addEventListener('message', ({ data }) => {
      received += data.byteLength;
      if (received >= total) resolve();
    });
    stream.addEventListener('close', () => reject(new Error(`the stream ended at ${received}`)));
  });
}

function tell(event: string, fields: object = {}): void {
  process.stdout.write(`${JSON.stringify({ at: Date.now(), event, ...fields })}\n`);
}
