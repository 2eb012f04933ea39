import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, Libp2p } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { BOUNDS } from '../../src/domain/bounds.js';
import type { Manifest } from '../../src/domain/bundle.js';
import { BookFile, OwnMemberships } from '../../src/roles/members-files.js';
import { MembersGate } from '../../src/roles/members-gate.js';
import { BUNDLE_PROTOCOL } from '../../src/swarm/bundle-server.js';
import { FrameStream } from '../../src/swarm/frames.js';
import { BundleReply, BundleRequest, PieceFrame } from '../../src/swarm/messages.pb.js';
import { PIECE_PROTOCOL } from '../../src/swarm/piece-link.js';
import { wireBytes } from '../../src/swarm/wire-bytes.js';
import { openStore } from '../../src/store/open-store.js';
import { identityFromSeed, type Identity } from '../../src/trust/identity.js';
import { makeMetadata } from '../../src/trust/make.js';
import { encodeMembership } from '../../src/trust/membership.js';
import { membersExtra } from '../../src/trust/members-rule.js';
import { addDays, formatTime } from '../../src/trust/time.js';
import { pull, startNode, storeBundle, type TestNode } from './nodes.js';
import { emptyHello, startStranger } from './strangers.js';

const [SOURCE, SIBLING, MEMBER, STRANGER, OTHER] = [1, 2, 3, 4, 5].map(identityOf) as [
  Identity,
  Identity,
  Identity,
  Identity,
  Identity,
];
const REVOKED = 'ffffffffffffffff';
/** The same for all: the same metadata is signed on each node. */
const now = new Date();

/** The key of the node that `startNode` makes of a seed. */
function identityOf(seed: number): Identity {
  return identityFromSeed(new Uint8Array(32).fill(seed));
}

function certificate(
  member: string,
  change: Partial<{ days: number; serial: string; bundles: string[]; by: Identity }> = {},
): Uint8Array<ArrayBuffer> {
  const { days = 1, serial = '0000000000000001', bundles = ['*'], by = SOURCE } = change;
  const notAfter = formatTime(addDays(new Date(), days));
  return wireBytes(encodeMembership({ member, bundles, notAfter, serial }, by));
}

interface MemberNode extends TestNode {
  manifest: Manifest;
  /** The next version, in its catalog alone. */
  publish(revoked: string[]): Manifest;
  own: OwnMemberships;
}

/** A node with a bundle for members in its catalog and store, behind the real gate. */
async function startMember(
  seed: number,
  { bundle = 'demo', holds = true, own = [] as Uint8Array[], peers = [] as string[] } = {},
): Promise<MemberNode> {
  const folder = await mkdtemp(join(tmpdir(), 'x-members-'));
  const first = await openStore({ folder: holds ? folder : `${folder}-elsewhere` });
  const stored = await storeBundle(first.store, [900_000, 1000], bundle);
  const entries = stored.entries.map((one) => ({ ...one, purl: 'pkg:pypi/demo@1.0' }));
  await first.close();
  await rm(`${folder}-elsewhere`, { recursive: true, force: true });
  const warn = (message: string): void => assert.fail(message);
  const memberships = await OwnMemberships.open(folder);
  for (const bytes of own)
    memberships.add(bytes, { source: SOURCE.did, member: identityOf(seed).did }, now);
  const book = seed === 1 ? await BookFile.open(folder) : undefined;
  const gate = {
    shown: () => memberships.shown,
    read: (...args: Parameters<MembersGate['read']>) => real().read(...args),
    refusal: (...args: Parameters<MembersGate['refusal']>) => real().refusal(...args),
    isFellow: (...args: Parameters<MembersGate['isFellow']>) => real().isFellow(...args),
    hasMembers: () => real().hasMembers(),
    redeem: (...args: Parameters<MembersGate['redeem']>) => real().redeem(...args),
  };
  let made: MembersGate | undefined;
  const real = (): MembersGate => {
    return (made ??= new MembersGate({
      catalog: node.open.catalog,
      identity: identityOf(seed),
      own: memberships,
      book,
      warn,
    }));
  };
  const node = await startNode(seed, { folder, gate, peers });
  let previous: ReadonlyMap<string, Uint8Array> | undefined;
  const publish = (revoked: string[]): Manifest => {
    const extra = membersExtra(revoked);
    const signed = makeMetadata({ bundle, identity: SOURCE, entries, previous, now, extra });
    previous = signed.files;
    node.open.catalog.saveBundle(signed.manifest, seed === 1 ? 'source' : 'client', signed.files);
    return signed.manifest;
  };
  return {
    ...node,
    manifest: publish([REVOKED]),
    publish,
    own: memberships,
    stop: async () => {
      await node.stop();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

let source: MemberNode;
let sibling: MemberNode;
const started: { stop: () => Promise<void> }[] = [];

before(async () => {
  source = await startMember(1);
  started.push(source);
  sibling = await startMember(2, { own: [certificate(SIBLING.did)] });
  started.push(sibling);
  for (const node of [source, sibling]) await node.swarm.share(node.manifest, { masters: [] });
});
after(async () => {
  for (const node of started) await node.stop();
});

/** Everything that a peer answers to one request, or that the stream ended. */
async function ask(
  connection: Connection,
  request: Partial<BundleRequest>,
): Promise<BundleReply[] | 'ended'> {
  const stream = await connection.newStream(BUNDLE_PROTOCOL);
  return new Promise((resolve) => {
    const replies: BundleReply[] = [];
    const frames = new FrameStream(stream, {
      onFrame: (frame) => {
        replies.push(BundleReply.decode(frame));
        if (replies.at(-1)?.last === true) resolve(replies);
      },
      onEnd: () => resolve('ended'),
    });
    frames.send(BundleRequest.encode({ memberships: [], ...request }));
  });
}

/** Sends frames over a piece stream; what came back within a while. */
async function pieces(connection: Connection, sent: readonly Uint8Array[]): Promise<PieceFrame[]> {
  const stream = await connection.newStream(PIECE_PROTOCOL);
  const got: PieceFrame[] = [];
  const frames = new FrameStream(stream, {
    onFrame: (frame) => void got.push(PieceFrame.decode(frame)),
    onEnd: () => undefined,
  });
  for (const bytes of sent) frames.send(bytes);
  for (let tries = 0; tries < 30 && got.every(({ answer }) => answer === undefined); tries += 1)
    await sleep(20);
  await frames.close();
  return got;
}

function frame(manifest: Manifest | undefined, fields: Partial<PieceFrame>): Uint8Array {
  const digest = manifest === undefined ? new Uint8Array() : Buffer.from(manifest.digest, 'hex');
  return PieceFrame.encode({ manifest: wireBytes(digest), bye: false, ...fields });
}

function showing(...memberships: Uint8Array<ArrayBuffer>[]): Uint8Array {
  return frame(undefined, { members: { memberships } });
}

function asking(manifest: Manifest): Uint8Array {
  return frame(manifest, {
    ask: { id: 1, runs: [0, 2], maxBytes: 1 << 20, siblings: 0, inOrder: false },
  });
}

async function withStranger(
  who: Identity,
  work: (dial: (node: TestNode) => Promise<Connection>, libp2p: Libp2p) => Promise<void>,
): Promise<void> {
  const libp2p = await startStranger(who.seed);
  try {
    await work((node) => libp2p.dial(multiaddr(node.address)), libp2p);
  } finally {
    await libp2p.stop();
  }
}

const nodes = [
  ['the source', () => source],
  ['a sibling', () => sibling],
] as const;

/** What a stranger may try to be let in by, and why it is not. */
const ATTEMPTS: readonly [what: string, shown: () => Uint8Array<ArrayBuffer>[], refusal: string][] =
  [
    ['nothing', () => [], 'not-a-member'],
    ['somebody else’s membership', () => [certificate(MEMBER.did)], 'not-a-member'],
    ['one that it signed itself', () => [forged()], 'not-a-member'],
    ['one of another source', () => [certificate(STRANGER.did, { by: OTHER })], 'not-a-member'],
    ['one that is over', () => [certificate(STRANGER.did, { days: -1 })], 'expired'],
    ['one that is revoked', () => [certificate(STRANGER.did, { serial: REVOKED })], 'revoked'],
    [
      'one for other bundles',
      () => [certificate(STRANGER.did, { bundles: ['x'] })],
      'other-bundle',
    ],
    ['noise', () => [wireBytes(Buffer.alloc(5_000, 7))], 'not-a-member'],
    [
      'something endless',
      () => [wireBytes(Buffer.alloc(BOUNDS.frameBytes - 200, 7))],
      'not-a-member',
    ],
  ];

/** In the source's name, by a stranger's key. */
function forged(): Uint8Array<ArrayBuffer> {
  return certificate(STRANGER.did, { by: { ...STRANGER, did: SOURCE.did } });
}

for (const [where, nodeOf] of nodes) {
  for (const [what, shown, refusal] of ATTEMPTS) {
    test(`${where} gives a stranger nothing by any protocol for ${what}`, async () => {
      const node = nodeOf();
      await withStranger(STRANGER, async (dial) => {
        const connection = await dial(node);
        const memberships = shown();
        const { name, source: did } = { name: 'demo', source: SOURCE.did };
        const list = await ask(connection, { list: {}, memberships });
        assert.deepEqual(list, [{ ...NOTHING, refusal, last: true }]);
        for (const file of ['timestamp.json', '1.root.json']) {
          const answer = await ask(connection, { file: { name, source: did, file }, memberships });
          assert.deepEqual(answer, [{ ...NOTHING, refusal, last: true }]);
        }
        const sha256 = node.manifest.entries.map((one) =>
          wireBytes(Buffer.from(one.sha256, 'hex')),
        );
        const trees = await ask(connection, { trees: { sha256 }, memberships });
        assert.deepEqual(trees, [{ ...NOTHING, last: true }]);
        const sent = [showing(...memberships), emptyHello(node.manifest), asking(node.manifest)];
        assert.deepEqual(await pieces(connection, sent), []);
      });
    });
  }

  test(`${where} gives a member all of that`, async () => {
    const node = nodeOf();
    await withStranger(MEMBER, async (dial) => {
      const connection = await dial(node);
      const memberships = [certificate(MEMBER.did)];
      const list = await ask(connection, { list: {}, memberships });
      assert.ok(list !== 'ended');
      assert.deepEqual([list[0]?.bundles.length, list[0]?.refusal], [1, '']);
      const file = { name: 'demo', source: SOURCE.did, file: 'timestamp.json' };
      const answer = await ask(connection, { file, memberships });
      assert.ok(answer !== 'ended' && answer[0]?.found === true);
      const sha256 = node.manifest.entries.map((one) => wireBytes(Buffer.from(one.sha256, 'hex')));
      const trees = await ask(connection, { trees: { sha256 }, memberships });
      assert.ok(trees !== 'ended' && trees.some((one) => one.trees.length > 0));
      const sent = [showing(...memberships), emptyHello(node.manifest), asking(node.manifest)];
      const got = await pieces(connection, sent);
      assert.ok(got.some((one) => one.hello !== undefined));
      assert.ok(got.some((one) => (one.answer?.pieces.length ?? 0) > 0));
      // The sibling shows that it is a member too; the source needs not.
      assert.equal(
        got.some((one) => one.members !== undefined),
        node === sibling,
      );
    });
  });
}

const NOTHING = {
  bundles: [],
  data: new Uint8Array(),
  found: false,
  trees: [],
  last: false,
  refusal: '',
  membership: new Uint8Array(),
};

test('memberships without an end close their stream, and a second token on a sibling is no door', async () => {
  await withStranger(STRANGER, async (dial) => {
    const connection = await dial(sibling);
    const many = Array.from({ length: BOUNDS.memberships + 1 }, () =>
      certificate(STRANGER.did, { by: OTHER }),
    );
    assert.equal(await ask(connection, { list: {}, memberships: many }), 'ended');
    const stream = await connection.newStream(PIECE_PROTOCOL);
    const ended = new Promise<void>((resolve) => stream.addEventListener('close', () => resolve()));
    const frames = new FrameStream(stream, { onFrame: () => undefined, onEnd: () => undefined });
    for (let i = 0; i <= BOUNDS.shownMemberships; i += 1) frames.send(showing(forged()));
    await Promise.race([ended, sleep(5_000).then(() => assert.fail('the stream is still open'))]);
    const join = await ask(connection, { join: { token: 'A'.repeat(22) } });
    assert.deepEqual(join, [{ ...NOTHING, refusal: 'not-the-source', last: true }]);
  });
  await withStranger(STRANGER, async (dial) => {
    const connection = await dial(source);
    for (const token of ['', 'A'.repeat(22), 'A'.repeat(500_000)]) {
      const join = await ask(connection, { join: { token } });
      assert.deepEqual(join, [{ ...NOTHING, refusal: 'token-unknown', last: true }]);
    }
  });
});

test('who calls a member learns nothing of it; who is called by one that is none neither', async () => {
  await withStranger(STRANGER, async (dial) => {
    assert.deepEqual(await pieces(await dial(sibling), []), []);
  });
  const heard: PieceFrame[] = [];
  const stranger = await startStranger(STRANGER.seed);
  try {
    await stranger.handle(PIECE_PROTOCOL, (stream) => {
      new FrameStream(stream, {
        onFrame: (bytes) => void heard.push(PieceFrame.decode(bytes)),
        onEnd: () => undefined,
      });
    });
    await withListener(async (address) => {
      const caller = await startMember(6, { own: [certificate(identityOf(6).did)] });
      try {
        await caller.swarm.share(caller.manifest, { masters: [address] });
        await sleep(1_000);
      } finally {
        await caller.stop();
      }
    }, heard);
  } finally {
    await stranger.stop();
  }
  assert.ok(heard.length > 0, 'it was called');
  for (const one of heard) {
    assert.ok(one.members !== undefined, 'it hears who calls, and no more');
    assert.equal(one.manifest.length, 0);
  }
});

/** A stranger that listens, and notes what it hears. */
async function withListener(
  work: (address: string) => Promise<void>,
  heard: PieceFrame[],
): Promise<void> {
  const { createLibp2p } = await import('libp2p');
  const { noise } = await import('@chainsafe/libp2p-noise');
  const { yamux } = await import('@chainsafe/libp2p-yamux');
  const { tcp } = await import('@libp2p/tcp');
  const listener = await createLibp2p({
    addresses: { listen: ['/ip4/127.0.0.1/tcp/0'] },
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
  });
  try {
    await listener.handle(PIECE_PROTOCOL, (stream) => {
      new FrameStream(stream, {
        onFrame: (bytes) => void heard.push(PieceFrame.decode(bytes)),
        onEnd: () => undefined,
      });
    });
    await work(listener.getMultiaddrs()[0]?.toString() ?? '');
  } finally {
    await listener.stop();
  }
}

test('two members swap where the source is not there', async () => {
  const client = await startMember(7, { holds: false, own: [certificate(identityOf(7).did)] });
  try {
    const { share } = await pull(client, client.manifest, { masters: [sibling.address] });
    await share.complete(AbortSignal.timeout(10_000));
  } finally {
    await client.stop();
  }
});

test('a member gets its bundle over a link that its source opened', async () => {
  const member = identityOf(7).did;
  const client = await startMember(7, { holds: false, own: [certificate(member)] });
  const caller = await startMember(1, { peers: [client.address] });
  try {
    await until(() => client.swarm.peers().length === 1);
    await caller.swarm.share(caller.manifest, { masters: [] });
    const { share } = await pull(client, client.manifest, {
      masters: [],
      listed: [SOURCE.did],
      paths: new Set(client.manifest.entries.map(({ path }) => path)),
    });
    await share.complete(AbortSignal.timeout(10_000));
  } finally {
    await caller.stop();
    await client.stop();
  }
});

test('who becomes a member while a link stands is let in over it', async () => {
  const client = await startMember(7, { holds: false });
  try {
    const { share } = await pull(client, client.manifest, { masters: [sibling.address] });
    await until(() => client.swarm.peers().length === 1);
    await sleep(500);
    assert.deepEqual([share.heldBytes(), share.peers()], [0, []]);
    const member = identityOf(7).did;
    client.own.add(certificate(member), { source: SOURCE.did, member }, new Date());
    await share.complete(AbortSignal.timeout(10_000));
  } finally {
    await client.stop();
  }
});

test('a member that is revoked is dropped in the middle by who has the newer metadata', async () => {
  const serial = '0000000000000007';
  const server = await startMember(1);
  const client = await startMember(7, {
    holds: false,
    own: [certificate(identityOf(7).did, { serial })],
  });
  try {
    const share = await server.swarm.share(server.manifest, { masters: [] });
    const { share: pulling } = await pull(client, server.manifest, {
      masters: [server.address],
      paths: new Set(),
    });
    await until(() => share.peers().length === 1 && pulling.peers().length === 1);
    const next = server.publish([REVOKED, serial]);
    assert.equal(next.version, 2);
    await until(() => share.peers().length === 0);
    await until(() => pulling.peers().length === 0);
    await assert.rejects(
      client.swarm.listBundles(server.address).then(({ bundles, refusal }) => {
        assert.deepEqual([bundles, refusal], [[], 'revoked']);
        return client.swarm.fetchMetadata(
          server.address,
          { name: 'demo', source: SOURCE.did },
          'timestamp.json',
          1000,
        );
      }),
      { code: 'NOT_A_MEMBER' },
    );
  } finally {
    await client.stop();
    await server.stop();
  }
});

async function until(isSo: () => boolean): Promise<void> {
  const untilMs = performance.now() + 4 * BOUNDS.membersCheckMs;
  while (!isSo()) {
    assert.ok(performance.now() < untilMs, isSo.toString());
    await sleep(50);
  }
}
