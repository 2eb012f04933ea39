import assert from 'node:assert/strict';
import { test, type TestContext } from 'node:test';
import { decode } from 'dns-packet';
import { generateKeyPairFromSeed } from '@libp2p/crypto/keys';
import { peerIdFromPrivateKey } from '@libp2p/peer-id';
import { encodeQuery, serviceTag } from '../../src/swarm/announcement.js';
import { Discovery } from '../../src/swarm/discovery.js';
import { BOUNDS } from '../../src/domain/bounds.js';
import { JudgedPackets } from '../../src/swarm/judged-packets.js';
import { Neighbourhood } from '../../src/swarm/interfaces.js';
import type { Channel, OnPacket } from '../../src/swarm/multicast.js';

const SOURCE = 'did:key:z6Mklink';

interface Sent {
  from: string;
  type: string | undefined;
  asked: readonly string[];
}

/** A link in virtual time: whoever sends is heard by all, itself too. */
class Link {
  nowMs = 0;
  readonly sent: Sent[] = [];
  readonly #ears = new Map<Channel, OnPacket>();
  readonly #t: TestContext;

  constructor(t: TestContext) {
    this.#t = t;
    t.mock.timers.enable({ apis: ['setInterval', 'setTimeout'] });
  }

  /** A host of which nobody is enough, and all that it heard of. */
  async host(
    number: number,
    heard: string[] = [],
    sources: readonly string[] = [SOURCE],
  ): Promise<string[]> {
    const seed = new Uint8Array(32).fill(number);
    const key = await generateKeyPairFromSeed('Ed25519', seed);
    const ip = `10.99.0.${number}`;
    const addresses = [{ ip, cidr: `${ip}/24` }];
    const network = { name: 'eth0', isLoopback: false, isVirtual: false, addresses };
    const neighbourhood = new Neighbourhood([network], []);
    const discovery = new Discovery({
      peer: peerIdFromPrivateKey(key).toString(),
      clock: {
        now: () => new Date(0),
        monotonicMs: () => this.nowMs,
        sleep: () => Promise.resolve(),
      },
      random: { bytes: (count) => new Uint8Array(count), integer: (below) => number % below },
      openChannel: (_, family, onPacket) => {
        const channel: Channel = {
          family,
          network,
          send: (bytes) => this.send(bytes, ip),
          close: () => this.#ears.delete(channel),
        };
        this.#ears.set(channel, onPacket);
        return Promise.resolve(channel);
      },
      neighbourhood: () => neighbourhood,
      listensOn: () => [{ ip, port: 8471 }],
      wantsMore: () => true,
      onFound: ({ addresses: [address], from }) => heard.push(`${from} ${String(address)}`),
    });
    for (const source of sources) await discovery.look(source);
    this.#t.after(() => discovery.stop());
    return heard;
  }

  send(bytes: Uint8Array, from: string): void {
    const { type, questions = [] } = decode(Buffer.from(bytes));
    this.sent.push({ from, type, asked: questions.map(({ name }) => name) });
    for (const [channel, onPacket] of [...this.#ears]) onPacket(channel, bytes, from);
  }

  pass(ms: number): void {
    for (let passed = 0; passed < ms; passed += 10) {
      this.nowMs += 10;
      this.#t.mock.timers.tick(10);
    }
  }

  queries(from?: string): number {
    return this.sent.filter((one) => one.type === 'query' && (from ?? one.from) === one.from)
      .length;
  }
}

const alike = (number: number): string => `10.99.0.${number} /ip4/10.99.0.${number}/tcp/8471`;

test('what another asked, and was told, is not asked again by the rest of a large group', async (t) => {
  const link = new Link(t);
  const heard: string[][] = [];
  for (let number = 1; number <= 30; number += 1) {
    heard.push(await link.host(number));
    link.pass(70);
  }
  const atFirst = link.queries();
  assert.ok(atFirst >= 30, 'each asks when it comes');
  link.pass(60_000);
  // Alone each asks four times more in that minute.
  assert.ok(link.queries() - atFirst < 30, `${link.queries() - atFirst} queries`);
  for (const [i, ofOne] of heard.entries())
    assert.equal(new Set(ofOne).size, 29, `host ${i + 1} heard of all others`);
});

test('where nobody answers what another asks, a host asks itself', async (t) => {
  const link = new Link(t);
  await link.host(1);
  const question = encodeQuery([serviceTag(SOURCE)]);
  for (let i = 0; i < 120; i += 1) {
    link.send(question, '10.99.0.9');
    link.pass(500);
  }
  assert.ok(link.queries('10.99.0.1') >= 5, `${link.queries('10.99.0.1')} queries`);
});

test('what another asked of one source says nothing of another', async (t) => {
  const link = new Link(t);
  const other = 'did:key:z6Mkother';
  await link.host(1, [], [SOURCE, other]);
  await link.host(2);
  link.pass(3_000);
  const begin = link.sent.length;
  const question = encodeQuery([serviceTag(SOURCE)]);
  for (let i = 0; i < 120; i += 1) {
    link.send(question, '10.99.0.9');
    link.pass(1_000);
  }
  const asked = link.sent
    .slice(begin)
    .filter(({ from, type }) => from === '10.99.0.1' && type === 'query')
    .flatMap((one) => one.asked);
  assert.ok(asked.some((name) => name.includes(serviceTag(other))));
  assert.ok(asked.every((name) => !name.includes(serviceTag(SOURCE))));
});

test('who says the same as before is heard each time', async (t) => {
  const link = new Link(t);
  const heard = await link.host(1);
  await link.host(2);
  link.pass(60_000);
  const before = heard.length;
  assert.ok(before > 1);
  assert.deepEqual([...new Set(heard)], [alike(2)]);
  link.pass(120_000);
  assert.ok(heard.length > before, 'once a minute it speaks');
});

test('a packet is judged again where sender or surroundings are others, and of many the last are kept', () => {
  const judged = new JudgedPackets<number>();
  const [here, there] = [{}, {}];
  let count = 0;
  const judge = (): number => (count += 1);
  const bytes = Buffer.from('some packet');
  assert.equal(judged.of('eth0 a', bytes, here, judge), 1);
  assert.equal(judged.of('eth0 a', Buffer.from(bytes), here, judge), 1);
  assert.equal(judged.of('eth0 b', bytes, here, judge), 2);
  assert.equal(judged.of('eth0 a', bytes, there, judge), 3);
  assert.equal(judged.of('eth0 a', bytes, there, judge), 3);
  for (let i = 0; i < BOUNDS.judgedPackets; i += 1)
    judged.of('eth0 a', Buffer.from(`other ${i}`), there, judge);
  const before = count;
  judged.of('eth0 a', Buffer.from('other 0'), there, judge);
  assert.equal(count, before);
  judged.of('eth0 a', bytes, there, judge);
  assert.equal(count, before + 1);
});
