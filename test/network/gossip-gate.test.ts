import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import { encodeAnnouncement, type AnnouncementBody } from '../../src/network/announcements.js';
import { GossipGate, type GossipVerdict } from '../../src/network/gossip-gate.js';
import { identityFromSeed, type Identity } from '../../src/trust/identity.js';
import { didOf, START_MS } from './kit.js';

const SELF = didOf(0);
const NEIGHBOUR = didOf(1);
const identityOf = (number: number): Identity => {
  const seed = Buffer.alloc(32);
  seed.writeUInt32BE(number + 1);
  return identityFromSeed(seed);
};
const A = identityOf(1);
const BEAT: AnnouncementBody = { type: 'heartbeat', freeBytes: 1, load: 0 };
const beat = (sequence: number, author = A, network = 'x'): Uint8Array =>
  encodeAnnouncement(BEAT, { network, sequence }, author);
const said = (verdict: GossipVerdict): string =>
  verdict.verdict === 'accept' ? 'accept' : verdict.reason;

test('a message is taken once, from whomever it comes first', () => {
  const gate = new GossipGate('x', SELF, START_MS);
  const bytes = beat(START_MS);
  assert.equal(said(gate.check(bytes, NEIGHBOUR, START_MS)), 'accept');
  assert.equal(said(gate.check(bytes, NEIGHBOUR, START_MS)), 'replay');
  assert.equal(said(gate.check(bytes, didOf(2), START_MS)), 'replay');
  assert.equal(said(gate.check(beat(START_MS - 1), didOf(2), START_MS)), 'replay');
  assert.equal(said(gate.check(beat(START_MS + 1), didOf(2), START_MS)), 'accept');
});

test('old ones, those from the future, of other networks, forged and malformed ones are not', () => {
  const gate = new GossipGate('x', SELF, START_MS);
  const check = (bytes: Uint8Array): string => said(gate.check(bytes, NEIGHBOUR, START_MS));
  assert.equal(check(beat(START_MS - BOUNDS.announcementAgeMs - 1)), 'old');
  assert.equal(check(beat(START_MS + BOUNDS.announcementAheadMs + 1)), 'ahead');
  assert.equal(check(beat(START_MS, A, 'y')), 'other-network');
  assert.equal(check(Buffer.from('nonsense')), 'malformed');
  const forged = Buffer.from(beat(START_MS)).toString().replace(A.did, identityOf(2).did);
  assert.equal(check(Buffer.from(forged)), 'forged');
  assert.equal(gate.authors, 0, 'nothing is kept of them');
  const own = new GossipGate('x', A.did, START_MS);
  assert.equal(said(own.check(beat(START_MS), NEIGHBOUR, START_MS)), 'replay');
});

test('nobody silences another by forging its messages', () => {
  const gate = new GossipGate('x', SELF, START_MS);
  gate.check(beat(START_MS), didOf(9), START_MS);
  for (let i = 1; i <= 100; i++) {
    const bytes = Buffer.from(beat(START_MS + i));
    bytes[bytes.length - 2] = bytes[bytes.length - 2] === 0x30 ? 0x31 : 0x30;
    assert.equal(said(gate.check(bytes, NEIGHBOUR, START_MS)), i < 100 ? 'forged' : 'busy');
  }
  assert.equal(said(gate.check(beat(START_MS + 1), didOf(2), START_MS + 1_000)), 'accept');
});

test('a neighbour that floods is not listened to; the others are', (t) => {
  const gate = new GossipGate('x', SELF, START_MS);
  const counts = new Map<string, number>();
  const seconds = 60;
  const authors = Array.from({ length: 20 }, (_, i) => identityOf(100 + i));
  let honest = 0;
  for (let second = 0; second < seconds; second++) {
    const now = START_MS + second * 1_000;
    // A recorded message, again and again; then new ones of its own.
    const recorded = beat(START_MS);
    for (let i = 0; i < 1_000; i++) {
      const bytes = i % 100 === 0 ? beat(now + i) : recorded;
      const reason = said(gate.check(bytes, NEIGHBOUR, now));
      counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    const one = authors[second % 20]!;
    if (said(gate.check(beat(now, one), didOf(2), now)) === 'accept') honest++;
  }
  t.diagnostic(`of 60,000: ${[...counts].map(([what, n]) => `${n} ${what}`).join(', ')}`);
  assert.equal(honest, seconds, 'every message of the others is taken');
  assert.ok((counts.get('accept') ?? 0) <= BOUNDS.authorBurst + seconds / 15 + 1);
  assert.ok((counts.get('flood') ?? 0) > 55_000);
});

test('memory is bounded by how many signatures are checked while a message is young', () => {
  const { gossipSignaturesPerSecond, announcementAgeMs, announcementAheadMs } = BOUNDS;
  const young = (gossipSignaturesPerSecond * (announcementAgeMs + announcementAheadMs)) / 1_000;
  assert.ok(young + gossipSignaturesPerSecond <= BOUNDS.gossipAuthors);
  const gate = new GossipGate('x', SELF, START_MS);
  let accepted = 0;
  for (let i = 0; i < 400; i++) {
    const now = START_MS + i * 20;
    if (said(gate.check(beat(now, identityOf(1_000 + i)), didOf(1 + (i % 8)), now)) === 'accept')
      accepted++;
  }
  assert.equal(gate.authors, accepted);
  const later = START_MS + announcementAgeMs + announcementAheadMs + 60_000;
  for (let i = 0; i < 120; i++) gate.check(beat(later + i * 15_000), didOf(3), later + i * 15_000);
  assert.ok(gate.authors < 5, `${gate.authors} are left`);
});
