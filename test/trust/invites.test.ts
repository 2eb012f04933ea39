import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BOUNDS } from '../../src/domain/bounds.js';
import { formatInviteBook, parseInviteBook } from '../../src/trust/invite-book.js';
import {
  addInvite,
  EMPTY_BOOK,
  redeem,
  revoke,
  revokedSerials,
  type InviteBook,
  type Member,
} from '../../src/trust/invites.js';
import { addDays } from '../../src/trust/time.js';
import { identity, seededRandom } from './sample.js';

const START = new Date('2026-11-01T00:00:00Z');
const WISH = { uses: 1, days: 7, memberDays: 30, bundles: ['*'] };
const random = seededRandom('invites');
const [a, b, c] = ['a', 'b', 'c'].map((name) => identity(name).did) as [string, string, string];
const after = (days: number): Date => addDays(START, days);

function invited(book: InviteBook = EMPTY_BOOK, change: Partial<typeof WISH> = {}, day = 0) {
  return addInvite(book, { ...WISH, ...change }, { now: after(day), random });
}

function enter(
  book: InviteBook,
  token: string,
  peer: string,
  day = 0,
): { book: InviteBook; member: Member } {
  const result = redeem(book, { token, peer }, { now: after(day), random });
  assert.ok('member' in result, JSON.stringify(result));
  return result;
}

function refusal(book: InviteBook, token: string, peer: string, day = 0): string {
  const result = redeem(book, { token, peer }, { now: after(day), random });
  return 'refusal' in result ? result.refusal : 'let in';
}

describe('an invitation', () => {
  test('lets the first machine in, the same one again with the same membership, and no other', () => {
    const { book, token } = invited();
    const first = enter(book, token, a);
    assert.equal(first.member.notAfter, '2026-12-01T00:00:00Z');
    const again = enter(first.book, token, a, 3);
    assert.deepEqual(again.member, first.member);
    assert.equal(again.book, first.book, 'nothing to write');
    assert.equal(refusal(first.book, token, b), 'token-used');
  });

  test('for several lets in so many', () => {
    const { book, token } = invited(EMPTY_BOOK, { uses: 2 });
    const one = enter(book, token, a);
    const two = enter(one.book, token, b);
    assert.notEqual(one.member.serial, two.member.serial);
    assert.equal(refusal(two.book, token, c), 'token-used');
  });

  test('expires to the second, for those that it has not let in', () => {
    const { book, token } = invited();
    assert.equal(refusal(book, token, a, 7), 'token-expired');
    const just = redeem(
      book,
      { token, peer: a },
      { now: new Date(after(7).getTime() - 1000), random },
    );
    assert.ok('member' in just);
    assert.equal(enter(just.book, token, a, 20).member, just.member);
    assert.equal(refusal(just.book, token, b, 20), 'token-expired');
  });

  test('is remembered for a while after it is over, then forgotten', () => {
    const { book, token } = invited();
    const next = invited(book, {}, 36).book;
    assert.equal(refusal(next, token, a, 36), 'token-expired');
    const later = invited(next, {}, 38).book;
    assert.equal(refusal(later, token, a, 38), 'token-unknown');
    assert.equal(later.invites.length, 2);
  });

  test('is for nobody who guesses', () => {
    const { book, token } = invited();
    for (const guess of [
      '',
      token.slice(0, -1),
      `${token}A`,
      token.toLowerCase(),
      book.invites[0]?.tokenSha256 ?? '',
    ])
      if (guess !== token) assert.equal(refusal(book, guess, a), 'token-unknown', guess);
    assert.ok(!formatInviteBook(book).includes(token));
  });

  test('taken back lets nobody in, and takes its members along where that is said', () => {
    const { book, token, invite } = invited(EMPTY_BOOK, { uses: 3 });
    const { book: one, member } = enter(book, token, a);
    const back = revoke(one, invite.id, { now: START, withMembers: false });
    assert.deepEqual([back.invites.length, back.members.length], [1, 0]);
    assert.equal(refusal(back.book, token, b), 'token-revoked');
    assert.deepEqual(revokedSerials(back.book, START), []);
    const all = revoke(one, invite.id, { now: START, withMembers: true });
    assert.deepEqual(revokedSerials(all.book, START), [member.serial]);
    assert.equal(refusal(all.book, token, a), 'token-revoked');
  });
});

describe('who is revoked', () => {
  test('by DID loses every membership, and comes back by a later invitation alone', () => {
    const first = invited(EMPTY_BOOK, { uses: 2 });
    const second = invited(first.book);
    const one = enter(second.book, first.token, a);
    const two = enter(one.book, second.token, a);
    const result = revoke(two.book, a, { now: START, withMembers: false });
    assert.deepEqual(
      revokedSerials(result.book, START).sort(),
      [one.member.serial, two.member.serial].sort(),
    );
    assert.deepEqual(
      result.stillOpen.map(({ id }) => id),
      [first.invite.id],
    );
    assert.equal(refusal(result.book, first.token, a), 'revoked');
    assert.equal(refusal(result.book, second.token, a), 'revoked');
    const third = invited(result.book, {}, -5);
    const back = enter(third.book, third.token, a);
    assert.ok(!revokedSerials(back.book, START).includes(back.member.serial));
  });

  test('by serial loses that one', () => {
    const { book, token } = invited(EMPTY_BOOK, { uses: 2 });
    const one = enter(book, token, a);
    const two = enter(one.book, token, b);
    const result = revoke(two.book, two.member.serial, { now: START, withMembers: false });
    assert.deepEqual(revokedSerials(result.book, START), [two.member.serial]);
  });

  test('twice is no harm; who is nobody is a usage error', () => {
    const { book, token } = invited();
    const { book: one } = enter(book, token, a);
    const once = revoke(one, a, { now: START, withMembers: false }).book;
    const twice = revoke(once, a, { now: START, withMembers: false });
    assert.deepEqual([twice.members, twice.invites], [[], []]);
    assert.deepEqual(revokedSerials(twice.book, START), revokedSerials(once, START));
    for (const what of [b, '', 'bundle', '*'])
      assert.throws(() => revoke(one, what, { now: START, withMembers: false }), { code: 'USAGE' });
  });

  test('stays named until its membership would be over, and is kept out after that', () => {
    const { book, token } = invited(EMPTY_BOOK, { uses: 5, days: 300 });
    const one = enter(book, token, a);
    const { book: gone } = revoke(one.book, a, { now: START, withMembers: false });
    assert.equal(revokedSerials(gone, after(29)).length, 1);
    assert.equal(revokedSerials(gone, after(30)).length, 0);
    const later = invited(gone, {}, 200).book;
    assert.equal(refusal(later, token, a, 200), 'revoked');
  });
});

describe('what was published as revoked', () => {
  test('stays so where the book is lost or old, until it is over by the book that knows', () => {
    const { book, token } = invited();
    const one = enter(book, token, a);
    const { book: ended } = revoke(one.book, a, { now: START, withMembers: false });
    const published = [...revokedSerials(ended, START), '00000000000000aa'];
    for (const lost of [EMPTY_BOOK, book, one.book])
      assert.deepEqual(revokedSerials(lost, START, published).sort(), [...published].sort());
    assert.deepEqual(revokedSerials(ended, after(30), published), ['00000000000000aa']);
  });
});

describe('the book', () => {
  test('has bounds', () => {
    const invites = Array.from({ length: BOUNDS.invites }, (_, i) => ({
      ...invited().invite,
      id: i.toString(16).padStart(12, '0'),
    }));
    assert.throws(() => invited({ order: 1, invites, members: [] }), { code: 'LIMIT_EXCEEDED' });
    const { book, token } = invited(EMPTY_BOOK, { uses: 2 });
    const { member } = enter(book, token, a);
    const members = Array.from({ length: BOUNDS.members }, () => member);
    assert.equal(refusal({ ...book, members }, token, b), 'full');
    const full = { order: 9, invites: book.invites, members };
    assert.ok(formatInviteBook(full).length < BOUNDS.inviteBookBytes);
  });

  const wrong: readonly [string, string][] = [
    ['nothing', ''],
    ['no JSON', '{'],
    ['another kind', '{"type":"x-request","format":1}'],
    ['a later format', '{"type":"x-invite-book","format":2,"order":0,"invites":[],"members":[]}'],
    [
      'members that are none',
      '{"type":"x-invite-book","format":1,"order":0,"invites":[],"members":[{}]}',
    ],
    ['no order', '{"type":"x-invite-book","format":1,"order":-1,"invites":[],"members":[]}'],
  ];
  for (const [what, text] of wrong) {
    test(`${what} is said, not taken for an empty one`, () => {
      assert.throws(() => parseInviteBook(text, 'book'), { code: 'STORE_DAMAGED' });
    });
  }

  test('whatever happens: no invitation lets more in than it may, no revoked one is a member, and it comes back from disk', () => {
    const step = fc.record({
      what: fc.constantFrom('invite', 'enter', 'revoke', 'wait'),
      who: fc.nat(3),
      which: fc.nat(4),
      uses: fc.integer({ min: 1, max: 3 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        let book = EMPTY_BOOK;
        let day = 0;
        const tokens: string[] = [];
        const bound = new Map<string, { uses: number; peers: Set<string> }>();
        const revoked = new Set<string>();
        for (const { what, who, which, uses } of steps) {
          const peer = identity(`peer ${who}`).did;
          const token = tokens[which % Math.max(tokens.length, 1)] ?? '';
          if (what === 'wait') day += which;
          if (what === 'invite') {
            const made = invited(book, { uses, days: 4, memberDays: 9 }, day);
            book = made.book;
            tokens.push(made.token);
            bound.set(made.token, { uses, peers: new Set() });
          }
          if (what === 'enter') {
            const result = redeem(book, { token, peer }, { now: after(day), random });
            if ('refusal' in result) continue;
            assert.ok(!revoked.has(result.member.serial));
            assert.equal(result.member.member, peer);
            bound.get(token)?.peers.add(peer);
            book = result.book;
          }
          if (what === 'revoke' && book.members.some(({ member }) => member === peer)) {
            const result = revoke(book, peer, { now: after(day), withMembers: false });
            for (const { serial } of result.members) revoked.add(serial);
            book = result.book;
          }
          const saved = parseInviteBook(formatInviteBook(book), 'book');
          assert.deepEqual(JSON.parse(formatInviteBook(saved)), JSON.parse(formatInviteBook(book)));
          const named = new Set(revokedSerials(book, after(day)));
          for (const { serial, notAfter } of book.members)
            if (revoked.has(serial))
              assert.equal(named.has(serial), new Date(notAfter) > after(day));
        }
        for (const { uses, peers } of bound.values()) assert.ok(peers.size <= uses);
      }),
      { numRuns: 200 },
    );
  });
});
