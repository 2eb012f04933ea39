/**
 * stranger.js lying|silent FOLDER ADDRESS…: a peer that holds the whole bundle as far as it says, and
 * answers every request with other bytes and every protocol with noise, or answers nothing.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { noise } from '@chainsafe/libp2p-noise';
import { yamux } from '@chainsafe/libp2p-yamux';
import { tcp } from '@libp2p/tcp';
import { multiaddr } from '@multiformats/multiaddr';
import { createLibp2p } from 'libp2p';
import { openGate } from '../../fixtures/open-gate.js';
import { systemClock } from '../../src/platform/clock.js';
import { systemRandom } from '../../src/platform/random.js';
import type { Store } from '../../src/ports/store.js';
import { manifestOf } from '../../src/roles/manifest-of.js';
import { openData } from '../../src/roles/open-data.js';
import { openIdentity } from '../../src/roles/open-keys.js';
import { PIECE_PROTOCOL } from '../../src/swarm/piece-link.js';
import { createSwarm } from '../../src/swarm/swarm.js';

const NOISE_EVERY_MS = 1_000;
const NOISE_BYTES = 4_096;

const [kind = '', folder = '', ...addresses] = process.argv.slice(2);
const data = await openData(folder);
const swarm = createSwarm({
  identity: await openIdentity(folder),
  store: kind === 'silent' ? withReads(data.store, never) : withReads(data.store, flipped),
  catalog: data.catalog,
  gate: openGate,
  clock: systemClock,
  random: systemRandom,
  options: { listenPort: 8471, mdns: true, peers: addresses },
});
await swarm.start();
for (const record of data.catalog.bundles())
  await swarm.share(manifestOf(record, data.catalog), { masters: [] });
process.stdout.write(`${JSON.stringify({ at: Date.now(), event: 'serving' })}\n`);
if (kind === 'lying') await makeNoise();

/** A store whose bytes pass through `change` on their way out, by whatever method they are read. */
function withReads(store: Store, change: (bytes: Uint8Array) => Promise<Uint8Array>): Store {
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => changed(Reflect.apply(value, target, args), change);
    },
  });
}

function changed(answer: unknown, change: (bytes: Uint8Array) => Promise<Uint8Array>): unknown {
  if (answer instanceof Uint8Array) return change(answer);
  if (answer instanceof Promise) return answer.then((bytes: unknown) => changed(bytes, change));
  const isStream = typeof answer === 'object' && answer !== null && Symbol.asyncIterator in answer;
  return isStream ? each(answer as AsyncIterable<unknown>, change) : answer;
}

async function* each(
  chunks: AsyncIterable<unknown>,
  change: (bytes: Uint8Array) => Promise<Uint8Array>,
): AsyncGenerator {
  for await (const chunk of chunks) yield chunk instanceof Uint8Array ? await change(chunk) : chunk;
}

function flipped(bytes: Uint8Array): Promise<Uint8Array> {
  const copy = Uint8Array.from(bytes);
  copy[copy.length >> 1] = (copy[copy.length >> 1] ?? 0) ^ 1;
  return Promise.resolve(copy);
}

function never(): Promise<Uint8Array> {
  return new Promise(() => undefined);
}

/** Bytes without sense at both protocols of everybody, from another identity each time. */
async function makeNoise(): Promise<void> {
  for (;;) {
    const host = await createLibp2p({
      ...{ transports: [tcp()], connectionEncrypters: [noise()], streamMuxers: [yamux()] },
    });
    for (const address of addresses) {
      const [ip, port] = address.split(':');
      try {
        const connection = await host.dial(multiaddr(`/ip4/${ip}/tcp/${port}`));
        for (const protocol of [PIECE_PROTOCOL, '/x/bundle/1']) {
          const stream = await connection.newStream(protocol);
          stream.send(randomBytes(NOISE_BYTES));
        }
      } catch {
        // Refused, as it should be; the next round tries again.
      }
    }
    await sleep(NOISE_EVERY_MS);
    await host.stop();
  }
}
