import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS } from '../../../src/domain/bounds.js';
import type { Digests } from '../../../src/domain/digest.js';
import { encodeAnnouncement } from '../../../src/network/announcements.js';
import { LookupClient } from '../../../src/swarm/public/lookup-client.js';
import { LOOKUP_PROTOCOL } from '../../../src/swarm/public/lookup-messages.js';
import { positionOfDigest } from '../../../src/network/position.js';
import { gossipTopic } from '../../../src/swarm/public/gossip.js';
import { identityFromSeed } from '../../../src/trust/identity.js';
import { noise } from '../nodes.js';
import { answerWith, contactOf, startHonest, sybils } from './attacks.js';
import { crowdUnderCongestion } from './congestion.js';
import { startHolder, startSeeker } from './artifact-kit.js';
import { seedOf, startNode, until } from './hosts.js';
import { digestsOf, findAll, introduce, NETWORK, startFinding, type FindingNode } from './kit.js';
import { LoopbackHost } from './loopback-host.js';

/** Of these ten are taken at most. */
const FLOOD = 120;

test('names at one address get few places and records, and the owner is found among them', (t) =>
  sybils(t, 12));

test('who is silent, or drips, holds up no search', async (t) => {
  const [asker, owner] = (await startHonest(t, 2)) as [FindingNode, FindingNode];
  const timers: NodeJS.Timeout[] = [];
  for (let i = 0; i < 4; i++) {
    const silent = await LoopbackHost.start(500 + i);
    t.after(() => silent.stop());
    await silent.handle(
      LOOKUP_PROTOCOL,
      (stream) => {
        if (i % 2 === 0) return;
        const drip = (): void =>
          void (stream.status === 'open' && stream.send(Uint8Array.of(0xff)));
        timers.push(setInterval(drip, 50));
      },
      { inbound: 64, outbound: 64 },
    );
    const contact = contactOf(silent, 'light');
    asker.table.heard({ ...contact, freeBytes: 0, load: 0 }, Date.now());
  }
  t.after(() => timers.forEach((timer) => clearInterval(timer)));
  const digests = digestsOf('wanted');
  owner.artifacts.add(digests);
  asker.records.add(
    positionOfDigest(NETWORK, 'sha256', digests.sha256!),
    contactOf(owner.host),
    Date.now(),
  );
  owner.publisher.held([digests]);
  await owner.publisher.publish();
  assert.equal((await findAll(asker, digestsOf('nobody has it'))).length, 0, 'it ends');
  assert.equal(asker.finder.known(digests)[0]?.did, owner.host.did);
  assert.equal(asker.walks.running, 0);
  const silent = asker.table.nodes().filter(({ answeredAtMs }) => answeredAtMs === 0);
  assert.equal(silent.length, 0, 'who never answered is known no longer');
});

test('lying records: eight say that they have it, one does, and it comes whole', async (t) => {
  const [node] = await startHonest(t, 1);
  const holder = await startHolder(600);
  const seeker = await startSeeker(601, { finder: node!.finder });
  t.after(async () => {
    await seeker.stop();
    await holder.stop();
  });
  const digests = await holder.hold(noise(700_000, 4));
  const key = positionOfDigest(NETWORK, 'sha256', digests.sha256!);
  // The seeker's own finder asks a node that was told lies.
  const liars: LoopbackHost[] = [];
  for (let i = 0; i < 8; i++) {
    const liar = await LoopbackHost.start(610 + i);
    t.after(() => liar.stop());
    liars.push(liar);
    await answerWith(liar, () => ({ owners: [], closer: [] }));
  }
  for (const host of [...liars, holder.host]) {
    const client = new LookupClient(NETWORK, () => ({
      addresses: host.addresses(),
      kind: 'light',
    }));
    const connection = await host.connect(contactOf(node!.host));
    const { refused } = await client.ask(
      connection,
      { type: 'leave', keys: [key] },
      AbortSignal.timeout(60_000),
    );
    assert.equal(refused.size, 0);
  }
  assert.equal(node!.finder.known(digests).length, 9);
  const wanted = { digests, sizeBytes: 700_000 };
  assert.ok(await seeker.fetching.seek(wanted, AbortSignal.timeout(120_000)));
  assert.equal(seeker.open.store.stat(digests.sha256!)?.lengthBytes, 700_000);
});

test('gossip floods and replays reach nobody, and silence nobody', async (t) => {
  const hints: string[] = [];
  const node = await startNode(t, 111, { onHint: ({ name }) => void hints.push(name) });
  const peers = node.host.addresses();
  const flooder = await startNode(t, 112, { peers });
  const honest = await startNode(t, 113, { peers });
  await until('they are neighbours', () => node.table.size === 2);
  const at = Date.now();
  const { gossip } = flooder.host.services;
  const topic = gossipTopic(NETWORK);
  for (let i = 0; i < FLOOD; i++) {
    const bytes = encodeAnnouncement(
      { type: 'version', ecosystem: 'npm', name: `flood-${i % 200}`, version: '1.0.0' },
      // Every second one says an old thing anew.
      { network: NETWORK, sequence: at + (i % 2 === 0 ? i : 1) },
      identityFromSeed(seedOf(112)),
    );
    await gossip.publish(topic, bytes).catch(() => undefined);
    if (i % 16 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  await honest.tell({ type: 'version', ecosystem: 'npm', name: 'honest', version: '1.0.0' });
  await until('an honest one is heard', () => hints.includes('honest'));
  const floods = hints.filter((name) => name.startsWith('flood'));
  const tally = [...node.gossipTally].map(([word, count]) => `${count} ${word}`).join(', ');
  t.diagnostic(`${FLOOD} messages of one author: ${floods.length} taken (${tally})`);
  assert.ok(floods.length <= 10, String(floods.length));
});

test('under congestion who gave is served before who only takes', async (t) => {
  const holder = await startHolder(700, { slots: 2 });
  const giver = await startSeeker(701);
  const rider = await startSeeker(702);
  t.after(async () => {
    await rider.stop();
    await giver.stop();
    await holder.stop();
  });
  holder.scores.served(giver.host.did, 256 << 20, Date.now());
  const count = 40;
  const all: Digests[] = [];
  for (let i = 0; i < count; i++) all.push(await holder.hold(noise(200_000, 100 + i)));
  const owner = contactOf(holder.host);
  const came = { giver: 0, rider: 0 };
  let whenGiverHadAll = 0;
  const fetchAll = async (who: 'giver' | 'rider', seeker: typeof giver): Promise<void> => {
    seeker.finder.owners = [owner];
    const signal = AbortSignal.timeout(300_000);
    const fetches = all.map(async (digests) => {
      assert.ok(await seeker.fetching.seek({ digests, sizeBytes: 200_000 }, signal));
      came[who] += 1;
      if (came.giver === count && who === 'giver') whenGiverHadAll = came.rider;
    });
    await Promise.all(fetches);
  };
  await Promise.all([fetchAll('rider', rider), fetchAll('giver', giver)]);
  t.diagnostic(`when who gave had all ${count}, who only takes had ${whenGiverHadAll}`);
  assert.deepEqual(came, { giver: count, rider: count }, 'nobody goes without');
  assert.ok(whenGiverHadAll < count / 2, String(whenGiverHadAll));
});

test('under congestion many names at one address get what one newcomer gets', (t) =>
  crowdUnderCongestion(t, 24));

test('a forged directory is asked only for what nobody else has, and what it says is bounded', async (t) => {
  let asked = 0;
  const [first, owner] = await startHonest(t, 2);
  const asker = await startFinding(720, {
    directory: {
      provide: () => Promise.resolve(1_000),
      find: async (_, onFound) => {
        asked += 1;
        for (let i = 0; i < 500; i++)
          onFound([
            { ...contactOf(first!.host), addresses: [`/ip4/127.9.${i >> 8}.${i & 255}/tcp/9`] },
          ]);
        await Promise.resolve();
      },
    },
  });
  t.after(() => asker.stop());
  introduce(asker, first!);
  const digests = digestsOf('wanted');
  owner!.artifacts.add(digests);
  owner!.publisher.held([digests]);
  await owner!.publisher.publish();
  const found = await findAll(asker, digests);
  // A walk that is slow has asked it too.
  assert.ok(found.some(({ did }) => did === owner!.host.did));
  assert.ok(found.length <= 1 + BOUNDS.directoryOwners, String(found.length));
  asked = 0;
  const forged = await findAll(asker, digestsOf('nobody has it'));
  assert.equal(asked, 1);
  assert.ok(forged.length <= BOUNDS.directoryOwners, String(forged.length));
});
