import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BOUNDS } from '../../src/domain/bounds.js';
import {
  claimedAnnouncement,
  encodeAnnouncement,
  type AnnouncementBody,
} from '../../src/network/announcements.js';
import type { JsonObject } from '../../src/domain/plan.js';
import { canonicalText } from '../../src/trust/canonical.js';
import { identityFromSeed } from '../../src/trust/identity.js';
import { START_MS } from './kit.js';

const author = identityFromSeed(Buffer.alloc(32, 1));
const other = identityFromSeed(Buffer.alloc(32, 2));
const HEAD = { network: 'x', sequence: START_MS };
const NODE: Extract<AnnouncementBody, { type: 'node' }> = {
  type: 'node',
  addresses: ['/ip4/203.0.113.9/tcp/8471'],
  kind: 'heavy',
  freeBytes: 2 ** 40,
  load: 0.29,
};

const words = fc.stringMatching(/^[!-~]{1,100}$/);
const bodies: fc.Arbitrary<AnnouncementBody> = fc.oneof(
  fc.record({
    type: fc.constant('node' as const),
    addresses: fc.array(fc.stringMatching(/^(\/[a-z0-9.:]{1,30}){2,4}$/), { maxLength: 8 }),
    kind: fc.constantFrom('light' as const, 'heavy' as const),
    freeBytes: fc.maxSafeNat(),
    load: fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100),
  }),
  fc.record({
    type: fc.constant('heartbeat' as const),
    freeBytes: fc.maxSafeNat(),
    load: fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100),
  }),
  fc.constant({ type: 'leaving' as const }),
  fc.record({
    type: fc.constantFrom('version' as const, 'withdrawal' as const),
    ecosystem: fc.constantFrom('pypi' as const, 'npm' as const, 'debian' as const),
    name: words,
    version: words,
  }),
);

test('what is announced is read again, the same, by whoever gets it', () => {
  fc.assert(
    fc.property(bodies, fc.maxSafeNat(), (body, sequence) => {
      const bytes = encodeAnnouncement(body, { network: 'x', sequence }, author);
      const claimed = claimedAnnouncement(bytes);
      assert.deepEqual(claimed?.announcement, {
        ...body,
        network: 'x',
        sequence,
        author: author.did,
      });
      assert.ok(claimed?.isSigned());
    }),
    { numRuns: 300 },
  );
});

test('one bit more or less and it is nobody’s word', () => {
  const bytes = encodeAnnouncement(NODE, HEAD, author);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const flipped = Uint8Array.from(bytes);
    flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    assert.ok(claimedAnnouncement(flipped)?.isSigned() !== true, `bit ${bit}`);
  }
  for (let length = 0; length < bytes.length; length++)
    assert.equal(claimedAnnouncement(bytes.subarray(0, length)), undefined);
});

/** Signed as it should be, but saying what it should not. */
function forged(fields: JsonObject): Uint8Array {
  const line = canonicalText({ ...HEAD, author: author.did, ...fields });
  const signature = author.sign(Buffer.from(`x-announcement 1\n${line}`));
  return Buffer.from(`${line}\n${Buffer.from(signature).toString('hex')}\n`);
}

test('what is not one of the five, or says more, less or other things, is malformed', () => {
  const node = { ...NODE, addresses: [...NODE.addresses], load: 29 };
  assert.ok(claimedAnnouncement(forged(node)), 'the form itself is right');
  const wrong: JsonObject[] = [
    { type: 'unknown' },
    { ...node, type: 'toString' },
    { ...node, more: 1 },
    { ...node, kind: 'huge' },
    { ...node, load: 101 },
    { ...node, load: -1 },
    { ...node, freeBytes: -1 },
    { ...node, freeBytes: 2 ** 53 },
    { ...node, freeBytes: '1' },
    { ...node, addresses: 'x' },
    { ...node, addresses: new Array<string>(9).fill('/ip4/203.0.113.9/tcp/1') },
    { ...node, addresses: ['/ip4/203.0.113.9/tcp/1\n'] },
    { ...node, addresses: [`/${'a'.repeat(300)}`] },
    { ...node, addresses: ['no slash'] },
    { ...node, sequence: -1 },
    { ...node, network: 'Upper Case' },
    { ...node, network: '' },
    { ...node, author: 'did:key:z6MkNobody' },
    { type: 'version', ecosystem: 'cargo', name: 'a', version: '1' },
    { type: 'version', ecosystem: 'npm', name: 'a b', version: '1' },
    { type: 'version', ecosystem: 'npm', name: 'a\u001b[2J', version: '1' },
    { type: 'version', ecosystem: 'npm', name: 'a'.repeat(215), version: '1' },
    { type: 'withdrawal', ecosystem: 'npm', name: 'a', version: '' },
    { type: 'leaving', load: 1 },
  ];
  for (const fields of wrong)
    assert.equal(claimedAnnouncement(forged(fields)), undefined, JSON.stringify(fields));
});

test('another spelling of the same is another message, and refused', () => {
  const text = Buffer.from(encodeAnnouncement(NODE, HEAD, author)).toString();
  const [line = '', signature = ''] = text.split('\n');
  for (const spelled of [
    line.replace(',', ', '),
    line.replace('{', '{"load":29,'),
    line.replace('"heavy"', '"\\u0068eavy"'),
    line.replace('1099511627776', '1099511627776.0'),
  ]) {
    assert.notEqual(spelled, line);
    assert.equal(claimedAnnouncement(Buffer.from(`${spelled}\n${signature}\n`)), undefined);
  }
  assert.equal(
    claimedAnnouncement(Buffer.from(`${line}\n${signature.toUpperCase()}\n`)),
    undefined,
  );
});

test('signed by another than it says it is forged', () => {
  const text = Buffer.from(encodeAnnouncement(NODE, HEAD, author)).toString();
  const moved = Buffer.from(text.replace(author.did, other.did));
  assert.equal(claimedAnnouncement(moved)?.isSigned(), false);
});

test('100,000 messages of noise, cut, joined and altered: none is taken, none throws', (t) => {
  const seeds = [NODE, { type: 'leaving' } as const].map((body) =>
    Buffer.from(encodeAnnouncement(body, HEAD, author)),
  );
  let state = 7;
  const next = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  let claimed = 0;
  for (let i = 0; i < 100_000; i++) {
    const seed = seeds[next(2)]!;
    const bytes = Buffer.from(next(4) === 0 ? seed : seed.subarray(0, next(seed.length)));
    for (let change = 0; change <= next(4); change++)
      if (bytes.length > 0) bytes[next(bytes.length)] = next(256);
    const long =
      next(50) === 0 ? Buffer.concat([bytes, Buffer.alloc(next(8_192), next(256))]) : bytes;
    const result = claimedAnnouncement(long);
    if (result === undefined || seeds.some((one) => one.equals(long))) continue;
    claimed++;
    assert.ok(!result.isSigned());
    assert.ok(long.length <= BOUNDS.announcementBytes);
  }
  t.diagnostic(`${claimed} of 100,000 have the right form; none is signed`);
});
