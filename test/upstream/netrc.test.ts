import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { lookUpNetrc, parseNetrc } from '../../src/upstream/netrc.js';

test('entries on one line or on several, comments, macros, quotes and default', () => {
  const entries = parseNetrc(`# comment
machine one.example login me password p#w
machine two.example
  login "a b"  # who
  account ignored
  password "q\\"uote"
macdef init
machine not.example login x password y

machine three.example user u password machine
machine empty.example
default login anonymous password guest
`);
  assert.deepEqual(entries, [
    { machine: 'one.example', login: 'me', password: 'p#w' },
    { machine: 'two.example', login: 'a b', password: 'q"uote' },
    { machine: 'three.example', login: 'u', password: 'machine' },
    { machine: undefined, login: 'anonymous', password: 'guest' },
  ]);
  assert.equal(lookUpNetrc(entries, 'TWO.example')?.login, 'a b');
  assert.equal(lookUpNetrc(entries, 'other')?.login, 'anonymous');
  assert.equal(lookUpNetrc(entries.slice(0, 3), 'other'), undefined);
});

test('a password may look like a comment or a keyword', () => {
  assert.deepEqual(parseNetrc('machine h login default password #macdef'), [
    { machine: 'h', login: 'default', password: '#macdef' },
  ]);
});

test('any text is read without failing', () => {
  const word = fc.constantFrom(
    'machine',
    'default',
    'login',
    'password',
    'macdef',
    '"',
    '#',
    '\n',
    ' ',
    'x',
  );
  fc.assert(
    fc.property(fc.array(fc.oneof(word, fc.string()), { maxLength: 40 }), (words) => {
      for (const entry of parseNetrc(words.join(' '))) assert.equal(typeof entry.login, 'string');
    }),
  );
});
