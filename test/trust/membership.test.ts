import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BOUNDS } from '../../src/domain/bounds.js';
import type { Membership, MembersRule, Refusal } from '../../src/domain/membership.js';
import { canonicalText } from '../../src/trust/canonical.js';
import { ShownCredentials } from '../../src/trust/credentials.js';
import { encodeMembership, readMembership, refusalOf } from '../../src/trust/membership.js';
import { membersExtra, readMembersRule } from '../../src/trust/members-rule.js';
import {
  formatOwnMemberships,
  parseOwnMemberships,
  withMembership,
} from '../../src/trust/own-memberships.js';
import { identity } from './sample.js';

const source = identity('source');
const thief = identity('thief');
const member = identity('member').did;
const FIELDS = {
  member,
  bundles: ['*'],
  notAfter: '2027-01-01T00:00:00Z',
  serial: '0123456789abcdef',
};
const NOW = new Date('2026-11-01T00:00:00Z');

/** A signed line of any content. */
function signed(line: string, prefix = 'x-membership 1\n', signer = source): Uint8Array {
  const signature = Buffer.from(signer.sign(Buffer.from(prefix + line))).toString('hex');
  return Buffer.from(`${line}\n${signature}\n`);
}

function lineOf(change: Record<string, unknown> = {}): string {
  const all = { type: 'x-membership', format: 1, source: source.did, ...FIELDS, ...change };
  return canonicalText(all);
}

describe('a membership', () => {
  test('is read as it was written, and is the same bytes for the same words', () => {
    const bytes = encodeMembership(FIELDS, source);
    assert.deepEqual(readMembership(bytes), { ...FIELDS, source: source.did });
    assert.deepEqual(Buffer.from(encodeMembership(FIELDS, source)), Buffer.from(bytes));
    assert.deepEqual(Buffer.from(signed(lineOf())), Buffer.from(bytes));
  });

  const wrong: readonly [string, Uint8Array][] = [
    ['nothing', new Uint8Array()],
    ['noise', Buffer.alloc(500, 7)],
    ['one that a thief signed in the source’s name', signed(lineOf(), undefined, thief)],
    ['a signature over something else', signed(lineOf(), 'x-request 1\n')],
    ['another type', signed(lineOf({ type: 'x-request' }))],
    ['another format', signed(lineOf({ format: 2 }))],
    ['a field more', signed(lineOf({ admin: true }))],
    ['a field less', signed(lineOf({ serial: undefined }))],
    ['a member that is no DID', signed(lineOf({ member: 'did:key:z6MkNobody' }))],
    ['a source that is no DID', signed(lineOf({ source: 'me' }))],
    ['no bundles', signed(lineOf({ bundles: [] }))],
    ['all bundles and one', signed(lineOf({ bundles: ['*', 'a'] }))],
    ['a bundle that climbs', signed(lineOf({ bundles: ['../a'] }))],
    [
      'bundles without an end',
      signed(
        lineOf({
          bundles: Array.from({ length: BOUNDS.membershipBundles + 1 }, (_, i) => `b${i}`),
        }),
      ),
    ],
    ['a day that is none', signed(lineOf({ notAfter: '2027-13-01T00:00:00Z' }))],
    ['a time for ever', signed(lineOf({ notAfter: '9' }))],
    ['a serial that is none', signed(lineOf({ serial: '0123456789ABCDEF' }))],
    ['another spelling of the same', signed(lineOf().replace(',', ', '))],
    ['a member twice', signed(lineOf().replace('"format":1,', '"format":1,"format":1,'))],
    ['a byte more', Buffer.concat([encodeMembership(FIELDS, source), Buffer.from('\n')])],
    ['a longer one than any', Buffer.alloc(BOUNDS.membershipBytes + 1, 0x20)],
  ];
  for (const [what, bytes] of wrong) {
    test(`is not ${what}`, () => assert.equal(readMembership(bytes), undefined));
  }

  test('with any byte changed is none', () => {
    const bytes = Buffer.from(encodeMembership(FIELDS, source));
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
        const other = Buffer.from(bytes);
        other[at] = (other[at] ?? 0) ^ change;
        assert.equal(readMembership(other), undefined);
      }),
      { numRuns: 500 },
    );
  });

  test('is read from no bytes at all that are not one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 600 }), (bytes) => {
        assert.equal(readMembership(bytes), undefined);
      }),
    );
  });
});

describe('who may have a bundle', () => {
  const bundle = { name: 'tools', source: source.did };
  const rule: MembersRule = { revoked: new Set(['ffffffffffffffff']) };
  const ASKED = { peer: member, isNear: true, bundle, masters: [], now: NOW };
  const base: Membership = { ...FIELDS, source: source.did };
  const of = (change: Partial<Membership>): Membership => ({ ...base, ...change });
  const cases: readonly [string, readonly Membership[], Refusal | undefined][] = [
    ['nobody without a membership', [], 'not-a-member'],
    ['a member of everything', [base], undefined],
    ['a member of this', [of({ bundles: ['other', 'tools'] })], undefined],
    ['not a member of others', [of({ bundles: ['other'] })], 'other-bundle'],
    ['not one whose time is over', [of({ notAfter: '2026-10-31T23:59:59Z' })], 'expired'],
    [
      'not in the second in which it is over',
      [of({ notAfter: '2026-11-01T00:00:00Z' })],
      'expired',
    ],
    ['one second before', [of({ notAfter: '2026-11-01T00:00:01Z' })], undefined],
    ['not the revoked', [of({ serial: 'ffffffffffffffff' })], 'revoked'],
    [
      'not the revoked by one that is over',
      [of({ serial: 'ffffffffffffffff', notAfter: '2020-01-01T00:00:00Z' })],
      'revoked',
    ],
    ['the revoked who was let in anew', [of({ serial: 'ffffffffffffffff' }), base], undefined],
    ['not somebody else’s membership', [of({ member: identity('else').did })], 'not-a-member'],
    ['not another source’s', [of({ source: thief.did })], 'not-a-member'],
    [
      'not another source’s word for all',
      [of({ source: thief.did, bundles: ['*'] }), of({ bundles: ['x'] })],
      'other-bundle',
    ],
  ];
  for (const [what, memberships, verdict] of cases) {
    test(what, () => {
      const question = { ...ASKED, memberships, rule };
      assert.equal(refusalOf(question), verdict);
      assert.equal(refusalOf({ ...question, memberships: [...memberships].reverse() }), verdict);
    });
  }

  test('an open bundle everybody near; one for members its source and its masters, wherever they are', () => {
    const question = { ...ASKED, memberships: [] };
    const far = { ...question, isNear: false };
    assert.equal(refusalOf({ ...question, rule: undefined }), undefined);
    assert.equal(refusalOf({ ...far, rule: undefined }), 'not-a-member');
    for (const asked of [question, far]) {
      assert.equal(refusalOf({ ...asked, rule, peer: source.did }), undefined);
      assert.equal(refusalOf({ ...asked, rule, masters: [member] }), undefined);
    }
  });

  test('whatever memberships are shown: let in is who has a sound one, and nobody else', () => {
    const membership = fc.record({
      member: fc.constantFrom(member, thief.did),
      source: fc.constantFrom(source.did, thief.did),
      bundles: fc.constantFrom<string[]>(['*'], ['tools'], ['other']),
      notAfter: fc.constantFrom('2026-10-01T00:00:00Z', '2026-12-01T00:00:00Z'),
      serial: fc.constantFrom('ffffffffffffffff', '0000000000000000'),
    });
    fc.assert(
      fc.property(fc.array(membership, { maxLength: 6 }), fc.boolean(), (memberships, isNear) => {
        const isIn = memberships.some(
          (one) =>
            one.member === member &&
            one.source === source.did &&
            !one.bundles.includes('other') &&
            one.notAfter.startsWith('2026-12') &&
            one.serial.startsWith('0'),
        );
        const question = { ...ASKED, isNear, memberships, rule };
        assert.equal(refusalOf(question) === undefined, isIn);
      }),
    );
  });
});

describe('the rule in signed metadata', () => {
  test('is read as it was written; without one a bundle is open', () => {
    assert.equal(readMembersRule({}), undefined);
    const extra = membersExtra(['00000000000000bb', '00000000000000aa', '00000000000000aa']);
    assert.deepEqual(extra, { members: { revoked: ['00000000000000aa', '00000000000000bb'] } });
    assert.deepEqual(readMembersRule(extra), {
      revoked: new Set(['00000000000000aa', '00000000000000bb']),
    });
  });

  const many = Array.from({ length: BOUNDS.revokedMemberships + 1 }, () => '00000000000000aa');
  for (const members of [
    null,
    true,
    [],
    'all',
    {},
    { revoked: 'x' },
    { revoked: [1] },
    { revoked: ['AA'] },
    { revoked: many },
  ]) {
    test(`${JSON.stringify(members).slice(0, 40)} is refused, not taken for open`, () => {
      assert.throws(() => readMembersRule({ members }), { code: 'METADATA_INVALID' });
    });
  }
});

describe('a machine’s own memberships', () => {
  const own = (change: Partial<typeof FIELDS>, signer = source) => {
    const bytes = encodeMembership({ ...FIELDS, ...change }, signer);
    const membership = readMembership(bytes);
    assert.ok(membership);
    return { membership, bytes: Buffer.from(bytes) };
  };

  test('are read from the file; what is torn or forged is left out', () => {
    const two = [own({}), own({ serial: '00000000000000aa' }, thief)];
    const text = formatOwnMemberships(two);
    assert.deepEqual(parseOwnMemberships(text), two);
    assert.deepEqual(parseOwnMemberships(text.slice(0, -20)), [two[0]]);
    assert.deepEqual(parseOwnMemberships(''), []);
    assert.deepEqual(parseOwnMemberships('a\nb\nc\n'), []);
  });

  test('a new one replaces what it covers and what is over, and they have a bound', () => {
    const over = own({ notAfter: '2020-01-01T00:00:00Z', bundles: ['b'] }, thief);
    const narrow = own({ bundles: ['a'], serial: '00000000000000aa' });
    const theirs = own({}, thief);
    const all = own({ serial: '00000000000000bb' });
    assert.deepEqual(withMembership([over, narrow, theirs], all, NOW), [all, theirs]);
    assert.deepEqual(withMembership([all], narrow, NOW), [narrow, all]);
    let many: ReturnType<typeof withMembership> = [];
    for (let i = 0; i < 2 * BOUNDS.memberships; i += 1)
      many = withMembership(many, own({ bundles: [`b${i}`] }), NOW);
    assert.equal(many.length, BOUNDS.memberships);
    assert.deepEqual(many[0]?.membership.bundles, [`b${2 * BOUNDS.memberships - 1}`]);
  });
});

describe('what a peer shows', () => {
  const foreign = encodeMembership({ ...FIELDS, member: thief.did }, source);
  const forged = encodeMembership(FIELDS, { ...thief, did: source.did });

  test('is checked for the source that is asked about, whenever that becomes known', () => {
    const theirs = encodeMembership(FIELDS, thief);
    const shown = new ShownCredentials(member, [theirs, encodeMembership(FIELDS, source)], true);
    assert.deepEqual(shown.of(thief.did), [{ ...FIELDS, source: thief.did }]);
    assert.deepEqual(shown.of(source.did), [{ ...FIELDS, source: source.did }]);
    assert.deepEqual(shown.of(identity('nobody').did), []);
  });

  test('ends at the first that is forged, and somebody else’s is not looked at', () => {
    const good = encodeMembership(FIELDS, source);
    assert.deepEqual(new ShownCredentials(member, [forged, good], true).of(source.did), []);
    assert.deepEqual(new ShownCredentials(member, [foreign], true).of(source.did), []);
    assert.equal(new ShownCredentials(member, [foreign, good], true).of(source.did).length, 1);
    const many = Array.from({ length: BOUNDS.memberships }, () => foreign);
    assert.deepEqual(new ShownCredentials(member, [...many, good], true).of(source.did), []);
  });
});
