import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { isSealed, sealSeed, unsealSeed } from '../../src/trust/sealed-seed.js';
import { identity, seededRandom } from './sample.js';

const key = identity('sealed');
const secret = Buffer.from('correct horse battery');
const text = sealSeed(key, secret, seededRandom('seal'));
const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof XError, String(error));
    return error.code;
  }
  return 'opened';
};

test('a sealed key opens with its secret alone, and shows nothing of the seed', () => {
  assert.ok(isSealed(text));
  assert.ok(!text.includes(Buffer.from(key.seed).toString('hex')));
  assert.equal(unsealSeed(text, secret, 'keys/identity').did, key.did);
  assert.equal(
    codeOf(() => unsealSeed(text, Buffer.from('wrong'), 'keys/identity')),
    'KEY_LOCKED',
  );
});

test('another DID, another byte, and costs beyond all bounds are refused', () => {
  const edit = (from: string, to: string): string => text.replace(from, to);
  const other = edit(key.did, identity('other').did);
  assert.equal(
    codeOf(() => unsealSeed(other, secret, 'k')),
    'KEY_LOCKED',
  );
  const sealed = /"sealed":"(..)/.exec(text)![1]!;
  const flipped = edit(`"sealed":"${sealed}`, `"sealed":"${sealed === '00' ? '01' : '00'}`);
  assert.equal(
    codeOf(() => unsealSeed(flipped, secret, 'k')),
    'KEY_LOCKED',
  );
  for (const bad of [
    edit('"N":131072', '"N":1073741824'),
    edit('"N":131072', '"N":131071'),
    edit('"N":131072', '"N":1'),
    edit('"N":131072', '"N":"131072"'),
    edit('"r":8', '"r":-1'),
    edit('"nonce":"', '"nonce":"zz'),
    text.slice(0, 100),
  ]) {
    assert.equal(
      codeOf(() => unsealSeed(bad, secret, 'k')),
      'STORE_DAMAGED',
    );
  }
});
