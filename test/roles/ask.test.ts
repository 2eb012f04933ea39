import assert from 'node:assert/strict';
import { test } from 'node:test';
import { questionOf } from '../../src/roles/ask.js';

test('what a peer chose cannot move the cursor, hide the DID or turn the writing', () => {
  const question = questionOf({
    bundle: 'a\u001b[8m\nb',
    from: 'stick\u202e/x\u009b2J',
    source: 'did:key:z6Mk\r',
  });
  assert.doesNotMatch(question.replaceAll('\n', ''), /[\p{Cc}\p{Cf}]/u);
  assert.equal(question.split('\n').length, 3);
  assert.match(question, /"a\\u\{1b\}\[8m\\u\{a\}b" from stick\\u\{202e\}/);
});
