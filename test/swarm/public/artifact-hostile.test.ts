import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as wait } from 'node:timers/promises';
import type { Stream } from '@libp2p/interface';
import { BOUNDS } from '../../../src/domain/bounds.js';
import { sha256, sha512 } from '../../../src/domain/digest.js';
import { packLeaves, PIECE_SIZE_BYTES, TreeHasher, treeRoot } from '../../../src/domain/piece.js';
import { networkId } from '../../../src/network/position.js';
import type { OfficialSource } from '../../../src/ports/public-swarm.js';
import { FrameStream } from '../../../src/swarm/frames.js';
import {
  ARTIFACT_PROTOCOL,
  decodeMessage,
  encodeMessage,
  type ArtifactAsk,
  type ArtifactMessage,
} from '../../../src/swarm/public/artifact-frames.js';
import { noise } from '../nodes.js';
import { NETWORK, ownerOf, startHolder, startSeeker } from './artifact-kit.js';
import { LoopbackHost } from './loopback-host.js';

const BYTES = noise(3_000_000, 7);
const OTHER = noise(3_000_000, 8);
const DIGESTS = { sha256: sha256(BYTES), sha512: sha512(BYTES) };
const never = new AbortController().signal;

function treeOf(bytes: Uint8Array): { root: string; leaves: Uint8Array[] } {
  const hasher = new TreeHasher();
  hasher.update(bytes);
  const leaves = hasher.finish();
  return { root: Buffer.from(treeRoot(leaves)).toString('hex'), leaves };
}

type Say = (message: ArtifactMessage) => void;

/** Answers as an honest node does, but with these bytes. */
function answerWith(bytes: Uint8Array, ask: ArtifactAsk, say: Say): void {
  const { root, leaves } = treeOf(bytes);
  const { id, portion } = ask;
  if (portion.kind === 'tree') {
    const tree = { root, lengthBytes: bytes.length };
    say({ type: 'part', id, data: packLeaves(leaves), isLast: true, tree });
    return;
  }
  const first = portion.kind === 'pieces' ? portion.first : 0;
  const start = first * PIECE_SIZE_BYTES;
  const end = portion.kind === 'pieces' ? (first + portion.count) * PIECE_SIZE_BYTES : bytes.length;
  const data = bytes.subarray(start, Math.min(end, bytes.length));
  for (let at = 0; at < data.length; at += BOUNDS.runBytes) {
    const part = data.subarray(at, at + BOUNDS.runBytes);
    const isLast = at + BOUNDS.runBytes >= data.length;
    say({ type: 'part', id, data: part, isLast, tree: undefined });
  }
}

interface Liar {
  /** Whether it is to be hung up on for long. */
  isBlamed: boolean;
  network?: string;
  answer(ask: ArtifactAsk, say: Say, stream: Stream): void;
}

const LIARS: Record<string, Liar> = {
  'the tree of other bytes, and those': {
    isBlamed: true,
    answer: (ask, say) => answerWith(OTHER, ask, say),
  },
  'the right tree and wrong pieces': {
    isBlamed: true,
    answer: (ask, say) => answerWith(ask.portion.kind === 'tree' ? BYTES : OTHER, ask, say),
  },
  'leaves that are not those of the root': {
    isBlamed: true,
    answer: ({ id }, say) => {
      const { root } = treeOf(BYTES);
      const data = packLeaves(treeOf(OTHER).leaves);
      say({ type: 'part', id, data, isLast: true, tree: { root, lengthBytes: BYTES.length } });
    },
  },
  'a tree with a leaf less': {
    isBlamed: true,
    answer: ({ id }, say) => {
      const { root, leaves } = treeOf(BYTES);
      const tree = { root, lengthBytes: BYTES.length };
      say({ type: 'part', id, data: packLeaves(leaves.slice(1)), isLast: true, tree });
    },
  },
  'less than it was asked for': {
    isBlamed: true,
    answer: (ask, say) => {
      if (ask.portion.kind === 'tree') answerWith(BYTES, ask, say);
      else
        say({
          type: 'part',
          id: ask.id,
          data: BYTES.subarray(0, 9),
          isLast: true,
          tree: undefined,
        });
    },
  },
  'more than it was asked for': {
    isBlamed: true,
    answer: (ask, say) => {
      if (ask.portion.kind === 'tree') answerWith(BYTES, ask, say);
      else
        for (let i = 0; i < 9; i++) {
          const data = BYTES.subarray(0, 1 << 20);
          say({ type: 'part', id: ask.id, data, isLast: false, tree: undefined });
        }
    },
  },
  'a length that is another': {
    isBlamed: false,
    answer: ({ id }, say) => {
      const { root, leaves } = treeOf(OTHER.subarray(0, 3_500_000));
      const tree = { root, lengthBytes: 3_500_000 };
      say({ type: 'part', id, data: packLeaves(leaves), isLast: true, tree });
    },
  },
  'answers to what nobody asked': {
    isBlamed: true,
    answer: ({ id }, say) => {
      say({ type: 'part', id: id + 77, data: BYTES.subarray(0, 9), isLast: true, tree: undefined });
    },
  },
  garbage: {
    isBlamed: true,
    answer: (_, __, stream) => {
      stream.send(Uint8Array.from([5, 255, 254, 253, 252, 251]));
    },
  },
  'a frame without end': {
    isBlamed: true,
    answer: (_, __, stream) => {
      stream.send(Uint8Array.from([0xff, 0xff, 0xff, 0x7f, 1, 2, 3]));
    },
  },
  nothing: { isBlamed: false, answer: () => undefined },
  'that it is busy': {
    isBlamed: false,
    answer: ({ id }, say) => say({ type: 'refusal', id, reason: 'busy' }),
  },
  'a byte now and then': {
    isBlamed: false,
    answer: (_, __, stream) => {
      stream.send(Uint8Array.from([200, 1]));
      const timer = setInterval(() => {
        if (stream.status !== 'open') clearInterval(timer);
        else stream.send(Uint8Array.from([34]));
      }, 50);
      timer.unref();
    },
  },
  'that it is of another network': {
    isBlamed: false,
    network: 'another',
    answer: (ask, say) => answerWith(BYTES, ask, say),
  },
};

async function startLiar(number: number, liar: Liar): Promise<LoopbackHost> {
  const host = await LoopbackHost.start(number);
  await host.handle(
    ARTIFACT_PROTOCOL,
    (stream) => {
      const say: Say = (message) => void frames.send(encodeMessage(message));
      const frames: FrameStream = new FrameStream(stream, {
        onFrame: (frame) => {
          const message = decodeMessage(frame);
          if (message.type === 'ask') liar.answer(message, say, stream);
        },
        onEnd: () => undefined,
      });
      // What it says beyond what its line takes would end its own stream, before it was heard.
      stream.maxWriteBufferLength = Infinity;
      say({ type: 'network', id: networkId(liar.network ?? NETWORK) });
    },
    { inbound: 8, outbound: 8 },
  );
  return host;
}

/** @param mayBegin when it answers. */
function officialOf(bytes: Uint8Array, mayBegin: () => boolean = () => true): OfficialSource {
  return {
    open: async (offset, signal) => {
      while (!mayBegin()) await wait(5, undefined, { signal });
      const stream = (async function* () {
        for (let at = offset; at < bytes.length; at += 60_000) {
          await Promise.resolve();
          yield bytes.subarray(at, at + 60_000);
        }
      })();
      return { offset, lengthBytes: bytes.length, stream };
    },
  };
}

for (const [answers, liar] of Object.entries(LIARS)) {
  for (const isAlone of [true, false]) {
    const others = isAlone ? 'alone' : 'beside an honest one';
    test(`a liar ${others} answers ${answers}: the right bytes come, and nothing else is kept`, async () => {
      const host = await startLiar(2, liar);
      const honest = isAlone ? undefined : await startHolder(3);
      const seeker = await startSeeker(1);
      try {
        await honest?.hold(BYTES);
        // Nobody is quicker than the liar is found out.
        const { refused } = seeker.host;
        const isFoundOut = (): boolean => !isAlone || !liar.isBlamed || refused.size > 0;
        seeker.finder.owners = [host, ...(honest === undefined ? [] : [honest.host])].map(ownerOf);
        const brought = await seeker.fetching.fetch(
          { digests: DIGESTS, sizeBytes: BYTES.length, official: officialOf(BYTES, isFoundOut) },
          never,
        );
        // Where nobody else is left the caller asks the official source by itself.
        if (brought !== undefined) assert.equal(brought.blob.sha256, DIGESTS.sha256);
        assert.deepEqual(
          [...seeker.open.store.held()],
          brought === undefined ? [] : [DIGESTS.sha256],
        );
        if (!liar.isBlamed) assert.deepEqual([...seeker.host.refused.keys()], []);
        else if (isAlone) assert.deepEqual([...seeker.host.refused.keys()], [host.did]);
        if (honest !== undefined) {
          assert.ok(!seeker.host.refused.has(honest.host.did), 'the honest one is not blamed');
        }
        assert.equal(seeker.fetching.size, 0);
      } finally {
        await seeker.stop();
        await honest?.stop();
        await host.stop();
      }
    });
  }
}

test('a tree that is longer than the file of the official source is false: it is not asked for the rest for ever', async () => {
  const longer = noise(BYTES.length + 2 * PIECE_SIZE_BYTES, 7);
  longer.set(BYTES);
  const host = await startLiar(2, {
    isBlamed: true,
    answer: (ask, say) => {
      if (ask.portion.kind === 'tree') answerWith(longer, ask, say);
      else say({ type: 'refusal', id: ask.id, reason: 'absent' });
    },
  });
  const seeker = await startSeeker(1);
  try {
    seeker.finder.owners = [ownerOf(host)];
    const official = officialOf(BYTES);
    let asked = 0;
    const counted: OfficialSource = {
      open: (...given) => {
        asked += 1;
        if (asked > 1_000) throw new Error('it was asked a thousand times');
        return official.open(...given);
      },
    };
    const wanted = { digests: DIGESTS, sizeBytes: undefined, official: counted };
    const brought = await seeker.fetching.fetch(wanted, never);
    assert.ok(asked < 10, `${asked} times`);
    assert.equal(brought?.blob.sha256, DIGESTS.sha256);
    assert.deepEqual([...seeker.host.refused.keys()], [host.did]);
  } finally {
    await seeker.stop();
    await host.stop();
  }
});

/** Says what it likes on a stream of the protocol. */
async function openRaw(
  from: LoopbackHost,
  to: LoopbackHost,
): Promise<{
  frames: FrameStream;
  heard: Uint8Array[];
  messages: () => ArtifactMessage[];
  ended: Promise<void>;
}> {
  const connection = await from.connect(ownerOf(to));
  const heard: Uint8Array[] = [];
  const messages: ArtifactMessage[] = [];
  const ended = Promise.withResolvers<void>();
  const frames = new FrameStream(await connection.open(ARTIFACT_PROTOCOL), {
    onFrame: (frame) => {
      heard.push(Uint8Array.from(frame.subarray()));
      messages.push(decodeMessage(frame));
    },
    onEnd: () => ended.resolve(),
  });
  return { frames, heard, messages: () => messages, ended: ended.promise };
}

const hello = encodeMessage({ type: 'network', id: networkId(NETWORK) });
const askTree = (id: number, digest: string): Uint8Array =>
  encodeMessage({
    type: 'ask',
    id,
    digests: { sha256: digest },
    portion: { kind: 'tree' },
    root: undefined,
  });

async function until(isSo: () => boolean, limit = 2_000): Promise<void> {
  for (let tries = 0; !isSo(); tries++) {
    assert.ok(tries < limit, 'it comes to that');
    await wait(5);
  }
}

test('what is private is answered with the same bytes as what is not there', async () => {
  const holder = await startHolder(4);
  const host = await LoopbackHost.start(5);
  try {
    const { sha256: held } = await holder.open.store.putBytes(BYTES);
    const raw = await openRaw(host, holder.host);
    raw.frames.send(hello);
    raw.frames.send(askTree(1, held));
    raw.frames.send(askTree(1, sha256('nothing')));
    await until(() => raw.heard.length >= 3);
    assert.deepEqual(raw.heard[1], raw.heard[2]);
    assert.deepEqual(raw.messages()[1], { type: 'refusal', id: 1, reason: 'absent' });
  } finally {
    await host.stop();
    await holder.stop();
  }
});

const RUDE: Record<string, (send: (bytes: Uint8Array) => void, held: string) => void> = {
  'another network': (send, held) => {
    send(encodeMessage({ type: 'network', id: networkId('another') }));
    send(askTree(1, held));
  },
  'a question before a word of its network': (send, held) => send(askTree(1, held)),
  garbage: (send) => send(Uint8Array.from([255, 255, 255])),
  'an answer': (send) => {
    send(hello);
    send(encodeMessage({ type: 'refusal', id: 1, reason: 'busy' }));
  },
  'pieces that are not there': (send, held) => {
    const portion = { kind: 'pieces', first: 1_000, count: 1 } as const;
    const { root } = treeOf(BYTES);
    send(hello);
    send(encodeMessage({ type: 'ask', id: 1, digests: { sha256: held }, portion, root }));
  },
  'a run that is too long': (send, held) => {
    const portion = { kind: 'pieces', first: 0, count: 1_000 } as const;
    const { root } = treeOf(BYTES);
    send(hello);
    send(encodeMessage({ type: 'ask', id: 1, digests: { sha256: held }, portion, root }));
  },
  'questions without end': (send, held) => {
    send(hello);
    const portion = { kind: 'whole' } as const;
    for (let id = 1; id < 1_000; id++) {
      const ask = { id, digests: { sha256: held }, portion, root: undefined };
      send(encodeMessage({ type: 'ask', ...ask }));
    }
  },
};

for (const [what, say] of Object.entries(RUDE)) {
  test(`who asks with ${what} is cut off, and others are served`, async () => {
    const holder = await startHolder(4);
    const [rude, other] = [await LoopbackHost.start(5), await LoopbackHost.start(6)];
    try {
      const { sha256: held = '' } = await holder.hold(BYTES);
      const raw = await openRaw(rude, holder.host);
      say((bytes) => void raw.frames.send(bytes), held);
      await raw.ended;
      assert.ok(raw.messages().every(({ type }) => type !== 'refusal'));
      const polite = await openRaw(other, holder.host);
      polite.frames.send(hello);
      polite.frames.send(askTree(1, held));
      await until(() => polite.messages().some(({ type }) => type === 'part'));
      await until(() => holder.server.queued === 0);
    } finally {
      await Promise.all([rude.stop(), other.stop()]);
      await holder.stop();
    }
  });
}

test('who does not read holds its places only, and loses them', async () => {
  const holder = await startHolder(4, { slots: 4 });
  const [deaf, other] = [await LoopbackHost.start(5), await LoopbackHost.start(6)];
  try {
    const long = noise(60_000_000, 3);
    const { sha256: held = '' } = await holder.hold(long);
    const connection = await deaf.connect(ownerOf(holder.host));
    const stream = await connection.open(ARTIFACT_PROTOCOL);
    stream.pause();
    const portion = { kind: 'whole' } as const;
    const frames = new FrameStream(stream, { onFrame: () => undefined, onEnd: () => undefined });
    frames.send(hello);
    for (let id = 1; id <= 50; id++)
      frames.send(
        encodeMessage({ type: 'ask', id, digests: { sha256: held }, portion, root: undefined }),
      );
    await until(() => holder.server.queued > 0);
    const polite = await openRaw(other, holder.host);
    polite.frames.send(hello);
    for (let id = 1; id <= 5; id++) polite.frames.send(askTree(id, held));
    await until(() => polite.messages().filter(({ type }) => type === 'part').length === 5);
    await deaf.stop();
    await until(() => holder.server.queued === 0);
  } finally {
    await Promise.all([deaf.stop(), other.stop()]);
    await holder.stop();
  }
});

test('who reads a little now and then, in as many networks as it takes to hold every place, stops nobody', async () => {
  const holder = await startHolder(4, { slots: 4 });
  const drips = await Promise.all([5, 6, 7, 8].map((number) => LoopbackHost.start(number)));
  const other = await LoopbackHost.start(9);
  const timers: NodeJS.Timeout[] = [];
  try {
    const { sha256: held = '' } = await holder.hold(noise(60_000_000, 3));
    for (const drip of drips) {
      const connection = await drip.connect(ownerOf(holder.host));
      const stream = await connection.open(ARTIFACT_PROTOCOL);
      stream.pause();
      const frames = new FrameStream(stream, { onFrame: () => undefined, onEnd: () => undefined });
      frames.send(hello);
      const portion = { kind: 'whole' } as const;
      for (let id = 1; id <= 4; id++)
        frames.send(
          encodeMessage({ type: 'ask', id, digests: { sha256: held }, portion, root: undefined }),
        );
      // Enough that its stream is not ended for taking nothing.
      timers.push(setInterval(() => (stream.resume(), stream.pause()), 10_000));
    }
    await until(() => holder.server.queued > 0);
    const polite = await openRaw(other, holder.host);
    polite.frames.send(hello);
    for (let id = 1; id <= 5; id++) polite.frames.send(askTree(id, held));
    await until(() => polite.messages().filter(({ type }) => type === 'part').length === 5);
  } finally {
    for (const timer of timers) clearInterval(timer);
    await Promise.all([other, ...drips].map((host) => host.stop()));
    await holder.stop();
  }
});

test('what waits for readers that take nothing stays in its bound, as many as they are, and others are served', async (t) => {
  const holder = await startHolder(4);
  const deaf = await Promise.all(Array.from({ length: 16 }, (_, i) => LoopbackHost.start(20 + i)));
  const other = await LoopbackHost.start(9);
  try {
    const { sha256: held = '' } = await holder.hold(noise(20_000_000, 3));
    const portion = { kind: 'whole' } as const;
    for (const host of deaf) {
      const connection = await host.connect(ownerOf(holder.host));
      const stream = await connection.open(ARTIFACT_PROTOCOL);
      stream.pause();
      const frames = new FrameStream(stream, { onFrame: () => undefined, onEnd: () => undefined });
      frames.send(hello);
      const ask = { type: 'ask', digests: { sha256: held }, portion, root: undefined } as const;
      for (let id = 1; id <= 12; id++) frames.send(encodeMessage({ ...ask, id }));
    }
    let most = 0;
    const isSo = (holds: () => boolean) => (): boolean => {
      most = Math.max(most, holder.server.waitingBytes);
      return holds();
    };
    // As many as may be are under way: each that does not move leaves its slot to the next.
    const full = BOUNDS.uploadWaitingBytes - BOUNDS.uploadLeastPartBytes;
    await until(
      isSo(() => most > full),
      20_000,
    );
    const polite = await openRaw(other, holder.host);
    polite.frames.send(hello);
    for (let id = 1; id <= 5; id++) polite.frames.send(askTree(id, held));
    const isPart = ({ type }: ArtifactMessage): boolean => type === 'part';
    await until(
      isSo(() => polite.messages().filter(isPart).length === 5),
      20_000,
    );
    t.diagnostic(`${most} bytes at most, array buffers ${process.memoryUsage().arrayBuffers}`);
    assert.ok(most <= BOUNDS.uploadWaitingBytes, `${most} bytes`);
  } finally {
    await Promise.all([other, ...deaf].map((host) => host.stop()));
    await holder.stop();
  }
});

/** Takes a long answer at this rate, as over a slow line: a little at a time. */
async function readSlowly(
  from: LoopbackHost,
  holder: Awaited<ReturnType<typeof startHolder>>,
  held: string,
  bytesPerMs: number,
): Promise<{ bytes: () => number; isOpen: () => boolean }> {
  const connection = await from.connect(ownerOf(holder.host));
  const stream = await connection.open(ARTIFACT_PROTOCOL);
  // What is on its way is not more than yamux begins with.
  Object.assign(stream, { maxStreamWindowSize: 256 << 10 });
  let bytes = 0;
  let dueMs = performance.now();
  const passed = (some: number): number => {
    dueMs = Math.max(dueMs, performance.now()) + some / bytesPerMs;
    return dueMs - performance.now();
  };
  const frames = new FrameStream(stream, {
    onFrame: () => undefined,
    onBytes: (some) => (bytes += some),
    onEnd: () => undefined,
    limit: { rate: () => 1_000 * bytesPerMs, passed, pass: () => Promise.resolve() },
  });
  frames.send(hello);
  const portion = { kind: 'whole' } as const;
  const ask = { id: 1, digests: { sha256: held }, portion, root: undefined };
  frames.send(encodeMessage({ type: 'ask', ...ask }));
  return { bytes: () => bytes, isOpen: () => frames.isOpen };
}

test('who reads slowly, and goes on reading, keeps its slot while others wait', async () => {
  const holder = await startHolder(4, { slots: 1 });
  const hosts = await Promise.all([5, 6, 7, 8].map((number) => LoopbackHost.start(number)));
  try {
    const { sha256: held = '' } = await holder.hold(noise(20_000_000, 3));
    const [first, ...others] = await Promise.all(
      hosts.map((host) => readSlowly(host, holder, held, 200)),
    );
    assert.ok(first);
    const all = [first, ...others];
    const isServed = ({ bytes }: typeof first): boolean => bytes() > 100_000;
    await until(() => all.some(isServed));
    const served = all.find(isServed);
    // One part of its answer, a megabyte, is longer on its way than one that stands still may be.
    while (served?.isOpen() === true && served.bytes() < 3_500_000) await wait(100);
    assert.ok((served?.bytes() ?? 0) >= 3_500_000, `it ended after ${served?.bytes()} bytes`);
  } finally {
    await Promise.all(hosts.map((host) => host.stop()));
    await holder.stop();
  }
});

test('an answer comes in as few parts as may be: one where it is short, whatever its length', async () => {
  const holder = await startHolder(4);
  const host = await LoopbackHost.start(5);
  try {
    const raw = await openRaw(host, holder.host);
    raw.frames.send(hello);
    const lengths = [1, 100_003, 3 * PIECE_SIZE_BYTES + 7, 2_900_001];
    for (const [i, length] of lengths.entries()) {
      const { sha256: held = '' } = await holder.hold(BYTES.subarray(i, i + length));
      const ask = { id: i, digests: { sha256: held }, root: undefined } as const;
      raw.frames.send(encodeMessage({ type: 'ask', ...ask, portion: { kind: 'whole' } }));
    }
    const partsOf = (id: number): Uint8Array[] =>
      raw.messages().flatMap((one) => (one.type === 'part' && one.id === id ? [one.data] : []));
    const bytesOf = (id: number): number =>
      partsOf(id).reduce((sum, { length }) => sum + length, 0);
    await until(() => lengths.every((length, i) => bytesOf(i) === length));
    assert.deepEqual(
      lengths.map((_, i) => partsOf(i).length),
      [1, 1, 1, 3],
    );
  } finally {
    await host.stop();
    await holder.stop();
  }
});

test('what is cancelled is sent no further', async () => {
  const holder = await startHolder(4);
  const host = await LoopbackHost.start(5);
  try {
    const long = noise(100_000_000, 3);
    const { sha256: held = '' } = await holder.hold(long);
    const raw = await openRaw(host, holder.host);
    raw.frames.send(hello);
    const portion = { kind: 'whole' } as const;
    raw.frames.send(
      encodeMessage({ type: 'ask', id: 1, digests: { sha256: held }, portion, root: undefined }),
    );
    await until(() => raw.messages().some(({ type }) => type === 'part'));
    raw.frames.send(encodeMessage({ type: 'cancel', id: 1 }));
    raw.frames.send(askTree(2, held));
    const isOver = (message: ArtifactMessage): boolean =>
      message.type === 'part' && message.id === 2 && message.isLast;
    await until(() => raw.messages().some(isOver));
    assert.ok(!raw.messages().some((one) => one.type === 'part' && one.id === 1 && one.isLast));
  } finally {
    await host.stop();
    await holder.stop();
  }
});
