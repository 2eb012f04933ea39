import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { BOUNDS } from '../../../src/domain/bounds.js';
import type { NodeKind } from '../../../src/domain/network-node.js';
import type { Contact } from '../../../src/network/events.js';
import { networkId, positionOfDigest } from '../../../src/network/position.js';
import { FrameStream } from '../../../src/swarm/frames.js';
import { LookupClient } from '../../../src/swarm/public/lookup-client.js';
import {
  decodeRequest,
  encodeAnswer,
  LOOKUP_PROTOCOL,
} from '../../../src/swarm/public/lookup-messages.js';
import {
  digestsOf,
  findAll,
  introduce,
  NETWORK,
  startFinding,
  type FindingNode,
  type FindingOptions,
} from './kit.js';
import { LoopbackHost } from './loopback-host.js';

/** Where all Sybils are. */
const SYBIL_PLACE = 40_000;
const SYBIL_GROUP = `127.9.${SYBIL_PLACE >> 8}.${SYBIL_PLACE & 255}`;

/** Honest nodes that know each other. */
export async function startHonest(
  t: TestContext,
  count: number,
  options: FindingOptions = {},
): Promise<FindingNode[]> {
  const nodes: FindingNode[] = [];
  for (let number = 1; number <= count; number++) {
    const node = await startFinding(number, options);
    t.after(() => node.stop());
    const before = nodes.at(-1);
    nodes.push(node);
    if (before === undefined) continue;
    introduce(node, before);
    await node.finder.refresh(256, AbortSignal.timeout(60_000));
  }
  return nodes;
}

export function contactOf(host: LoopbackHost, kind: NodeKind = 'heavy'): Contact {
  const [address = ''] = host.addresses();
  const group = /\/ip4\/([\d.]+)\//.exec(address)?.[1] ?? '';
  return { did: host.did, addresses: host.addresses(), group, kind };
}

/** Names at one address that name only each other, as owners and as nodes, whatever they are asked. */
async function startSybils(t: TestContext, count: number): Promise<LoopbackHost[]> {
  const sybils: LoopbackHost[] = [];
  t.after(async () => {
    for (const sybil of sybils) await sybil.stop();
  });
  for (let i = 0; i < count; i++) {
    const host = await LoopbackHost.start(SYBIL_PLACE + i, SYBIL_PLACE);
    sybils.push(host);
    await answerWith(host, () => {
      const some = Array.from({ length: 16 }, (_, at) => sybils[(i + at + 1) % sybils.length]);
      const contacts = some.flatMap((one) => (one === undefined ? [] : [contactOf(one)]));
      return { owners: contacts, closer: contacts };
    });
  }
  return sybils;
}

/** Speaks `/x/lookup/1` as it likes. */
export async function answerWith(
  host: LoopbackHost,
  answer: () => { owners: Contact[]; closer: Contact[] },
): Promise<void> {
  const id = networkId(NETWORK);
  await host.handle(
    LOOKUP_PROTOCOL,
    (stream) => {
      const frames = new FrameStream(stream, {
        onFrame: (frame) => {
          decodeRequest(frame, id);
          frames.send(encodeAnswer({ ...answer(), more: [], refused: new Set(), kind: 'heavy' }));
          void frames.close();
        },
        onEnd: () => undefined,
      });
    },
    { inbound: 64, outbound: 64 },
  );
}

/**
 * So many names at one address make themselves known to every honest node, and say to have what one
 * honest node has: it is found all the same, and they get few places.
 */
export async function sybils(t: TestContext, count: number): Promise<void> {
  const honest = await startHonest(t, 6);
  const [victim, owner, asker] = [honest[0]!, honest[2]!, honest[5]!];
  const known = new Set([...victim.table.dids()]);
  const digests = digestsOf('wanted');
  const key = positionOfDigest(NETWORK, 'sha256', digests.sha256!);
  const crowd = await startSybils(t, count);
  for (const sybil of crowd) {
    const client = new LookupClient(NETWORK, () => ({
      addresses: sybil.addresses(),
      kind: 'heavy',
    }));
    for (const node of honest) {
      const connection = await sybil.connect(contactOf(node.host));
      const signal = AbortSignal.timeout(60_000);
      await client.ask(connection, { type: 'leave', keys: [key] }, signal).catch(() => undefined);
    }
  }
  owner.artifacts.add(digests);
  owner.publisher.held([digests]);
  await owner.publisher.publish();
  const found = await findAll(asker, digests);
  const ofCrowd = (node: FindingNode): number =>
    node.table.nodes().filter(({ group }) => group === SYBIL_GROUP).length;
  for (const node of honest) {
    assert.ok(ofCrowd(node) <= BOUNDS.nodesOfGroup, 'few places in a table');
    const records = node.records.owners(key, 64, Date.now());
    const theirs = records.filter(({ group }) => group === SYBIL_GROUP).length;
    assert.ok(theirs <= BOUNDS.recordsOfKeyAndGroup, 'few records of one key');
  }
  for (const did of known) assert.ok(victim.table.get(did), 'who was known stays known');
  assert.ok(
    found.some(({ did }) => did === owner.host.did),
    'the owner is found',
  );
  const lies = found.filter(({ group }) => group === SYBIL_GROUP).length;
  assert.ok(lies <= BOUNDS.lookupOwnersOfGroup, String(lies));
  t.diagnostic(
    `${count} names at one address: ${Math.max(...honest.map(ofCrowd))} places in a table at most, ${lies} of ${found.length} owners that were told`,
  );
}
