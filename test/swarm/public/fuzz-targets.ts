import type { TestContext } from 'node:test';
import type { Connection } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { sha512 } from '../../../src/domain/digest.js';
import { networkId, positionOfDigest } from '../../../src/network/position.js';
import { Scores } from '../../../src/network/scores.js';
import { BundleRequest, PieceFrame } from '../../../src/swarm/messages.pb.js';
import { ARTIFACT_PROTOCOL, encodeMessage } from '../../../src/swarm/public/artifact-frames.js';
import { ArtifactServer } from '../../../src/swarm/public/artifact-server.js';
import { IndexClient } from '../../../src/swarm/public/index-client.js';
import { INDEX_PROTOCOL, IndexServer } from '../../../src/swarm/public/index-server.js';
import { SeenIndexMemory } from '../../../src/swarm/public/seen-index-memory.js';
import { IndexRequest } from '../../../src/swarm/public/index.pb.js';
import { encodeRequest, LOOKUP_PROTOCOL } from '../../../src/swarm/public/lookup-messages.js';
import { identityFromSeed } from '../../../src/trust/identity.js';
import { temporaryStore } from '../../store/temporary.js';
import { noise, startNode as startSibling, storeBundle } from '../nodes.js';
import { emptyHello, startStranger } from '../strangers.js';
import { ListedArtifacts, ownerOf, startSeeker } from './artifact-kit.js';
import { STRANGERS, type FuzzedProtocol } from './fuzz.js';
import { digestsOf, findAll, introduce, NETWORK, startFinding } from './kit.js';
import { LoopbackHost } from './loopback-host.js';

/** A protocol with somebody who answers it, and a question to which the right answer is known. */
export interface FuzzTarget {
  protocol: FuzzedProtocol;
  /** Throws where an honest one is not served any more. */
  serves: () => Promise<void>;
}

const id = networkId(NETWORK);

/** `/x/lookup/1`, `/x/index/1` and `/x/artifact/1` of one node. */
export async function publicTargets(t: TestContext): Promise<FuzzTarget[]> {
  // Its time goes faster, so that bounds in time are not all that is met.
  let questions = 0;
  const started = Date.now();
  const now = (): number => started + performance.now() + 20 * questions++;
  const node = await startFinding(1, { now });
  const honest = await startFinding(2);
  const strangers = await Promise.all(
    Array.from({ length: STRANGERS }, (_, i) => LoopbackHost.start(100 + i)),
  );
  const seeker = await startSeeker(3);
  const temporary = await temporaryStore();
  t.after(async () => {
    for (const stranger of strangers) await stranger.stop();
    await seeker.stop();
    await honest.stop();
    await node.stop();
    await temporary.dispose();
  });
  const artifacts = new ListedArtifacts(temporary.current);
  const bytes = noise(600_000, 1);
  const blob = await temporary.current.store.putBytes(bytes, { sha512: sha512(bytes) });
  artifacts.listed.add(blob.sha256);
  const scores = new Scores();
  await new ArtifactServer({ host: node.host, network: NETWORK, artifacts, scores, now }).start();
  const seen = new SeenIndexMemory();
  seen.note(blob.sha256, { bytes, contentType: 'text/html', seenAt: new Date() });
  // As its host has it.
  const identity = identityFromSeed(Uint8Array.from({ length: 32 }, (_, i) => Number(i === 3)));
  await new IndexServer({ seen, identity, isStable: () => true, now }).start(node.host);

  const contact = { did: node.host.did, addresses: node.host.addresses() };
  const open = (protocol: string) => async (stranger: number) =>
    (await strangers[stranger]!.connect(contact)).open(protocol, AbortSignal.timeout(30_000));
  introduce(honest, node);
  const trusting = new IndexClient({
    trusted: [contact.did],
    reach: () => honest.host.connect(contact),
    now,
  });
  const key = positionOfDigest(NETWORK, 'sha256', blob.sha256);
  const word = { addresses: strangers[0]!.addresses(), kind: 'heavy' } as const;
  const digests = { sha256: blob.sha256, sha512: blob.sha512 };
  const ask = { type: 'ask', id: 1, digests, root: undefined } as const;
  const pieces = { kind: 'pieces', first: 0, count: 2 } as const;
  const one = { name: '', perStream: 1, preface: [] };
  return [
    {
      protocol: {
        ...one,
        name: LOOKUP_PROTOCOL,
        samples: [
          encodeRequest(id, { type: 'question', keys: [key], isSearch: true }, word),
          encodeRequest(
            id,
            { type: 'question', keys: Array.from({ length: 64 }, () => key), isSearch: true },
            word,
          ),
          encodeRequest(id, { type: 'leave', keys: [key, key, key] }, word),
          encodeRequest(id, { type: 'withdraw', keys: [key] }, word),
        ],
        open: open(LOOKUP_PROTOCOL),
      },
      serves: async () => {
        const digests = digestsOf(`after ${questions}`);
        honest.artifacts.add(digests);
        honest.publisher.held([digests]);
        await honest.publisher.publish();
        const [owner] = node.finder.known(digests);
        if (owner?.did !== honest.host.did) throw new Error('the record was not taken');
        await findAll(honest, digests);
      },
    },
    {
      protocol: {
        ...one,
        name: INDEX_PROTOCOL,
        samples: [IndexRequest.encode({ name: Buffer.from(blob.sha256, 'hex') })],
        open: open(INDEX_PROTOCOL),
      },
      serves: async () => {
        const page = await trusting.find(blob.sha256, AbortSignal.timeout(60_000));
        if (page?.bytes.length !== bytes.length) throw new Error('the page did not come');
      },
    },
    {
      protocol: {
        name: ARTIFACT_PROTOCOL,
        perStream: 16,
        preface: [encodeMessage({ type: 'network', id })],
        samples: [
          encodeMessage({ type: 'network', id }),
          encodeMessage({ ...ask, portion: { kind: 'tree' } }),
          encodeMessage({ ...ask, id: 2, portion: pieces, root: blob.pieceRoot }),
          encodeMessage({
            ...ask,
            id: 3,
            portion: { kind: 'whole' },
            digests: { sha256: 'ab'.repeat(32) },
          }),
          encodeMessage({ type: 'cancel', id: 2 }),
          encodeMessage({ type: 'refusal', id: 1, reason: 'busy' }),
        ],
        open: open(ARTIFACT_PROTOCOL),
      },
      serves: async () => {
        seeker.finder.owners = [ownerOf(node.host)];
        const wanted = { digests, sizeBytes: bytes.length };
        const came = await seeker.fetching.seek(wanted, AbortSignal.timeout(120_000));
        if (!came) throw new Error('the artifact did not come');
      },
    },
  ];
}

/** `/x/bundle/1` and `/x/piece/1` of a client or source. */
export async function siblingTargets(t: TestContext): Promise<FuzzTarget[]> {
  const source = await startSibling(1);
  const strangers = await Promise.all(
    Array.from({ length: STRANGERS }, (_, i) => startStranger(undefined, `127.8.0.${1 + i}`)),
  );
  t.after(async () => {
    for (const stranger of strangers) await stranger.stop();
    await source.stop();
  });
  const manifest = await storeBundle(source.open.store, [600_000]);
  await source.swarm.share(manifest, { masters: [] });
  const connections: Connection[] = [];
  const open = (protocol: string) => async (stranger: number) => {
    let connection = connections[stranger];
    // The address names no key, so libp2p would dial anew each time.
    if (connection?.status !== 'open') {
      connection = await strangers[stranger]!.dial(multiaddr(source.address));
      connections[stranger] = connection;
    }
    return connection.newStream(protocol);
  };
  const digest = Buffer.from(manifest.digest, 'hex');
  const sha256 = Buffer.from(manifest.entries[0]?.sha256 ?? '', 'hex');
  const name = { name: 'demo', source: manifest.source, file: 'timestamp.json' };
  const piece = (fields: Partial<PieceFrame>): Uint8Array =>
    PieceFrame.encode({ manifest: digest, bye: false, ...fields });
  const serves = async (): Promise<void> => {
    const asker = await startSibling(2);
    try {
      await asker.swarm.listBundles(source.address);
    } finally {
      await asker.stop();
    }
  };
  return [
    {
      protocol: {
        name: '/x/bundle/1',
        perStream: 1,
        preface: [],
        samples: [
          BundleRequest.encode({ list: {}, memberships: [new Uint8Array(40)] }),
          BundleRequest.encode({ file: name, memberships: [] }),
          BundleRequest.encode({ trees: { sha256: [sha256, sha256] }, memberships: [] }),
          BundleRequest.encode({ join: { token: 'ab' }, memberships: [] }),
        ],
        open: open('/x/bundle/1'),
      },
      serves,
    },
    {
      protocol: {
        name: '/x/piece/1',
        perStream: 16,
        preface: [emptyHello(manifest)],
        samples: [
          emptyHello(manifest),
          piece({ ask: { id: 1, runs: [0, 2], maxBytes: 1 << 20, siblings: 1, inOrder: true } }),
          piece({ change: { gained: [0, 1], lost: [] } }),
          piece({ answer: { id: 1, pieces: [{ leaf: 0, data: new Uint8Array(100) }] } }),
          piece({ cancel: 1 }),
          piece({ siblings: { siblings: [{ peer: 'x', addresses: ['/ip4/127.0.0.1/tcp/1'] }] } }),
          piece({ members: { memberships: [new Uint8Array(30)] } }),
          piece({ bye: true }),
        ],
        open: open('/x/piece/1'),
      },
      serves,
    },
  ];
}
