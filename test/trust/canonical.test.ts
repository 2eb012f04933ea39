import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Metadata, Signature, Targets } from '@tufjs/models';
import fc from 'fast-check';
import type { JsonValue } from '../../src/domain/plan.js';
import { canonicalText, orderedJson } from '../../src/trust/canonical.js';
import { binNames, binOfPath } from '../../src/trust/delegation.js';

/** What the models sign for a value. */
function modelsText(value: JsonValue): string {
  let text = '';
  const metadata = new Metadata({ toJSON: () => value } as unknown as Targets);
  metadata.sign((bytes) => {
    text = bytes.toString();
    return new Signature({ keyID: 'a', sig: 'b' });
  });
  return text;
}

function modelsBins(bits: number) {
  const succinct = { keyids: [], threshold: 1, bit_length: bits, name_prefix: 'bin' };
  const targets = Targets.fromJSON({
    _type: 'targets',
    spec_version: '1.0.31',
    version: 1,
    expires: '2027-01-01T00:00:00Z',
    targets: {},
    delegations: { keys: {}, succinct_roles: succinct },
  });
  const bins = targets.delegations?.succinctRoles;
  assert.ok(bins);
  return bins;
}

const values = fc.letrec<{ value: JsonValue }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'binary' }),
    fc.maxSafeInteger(),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      fc.oneof(fc.string(), fc.nat().map(String), fc.constant('__proto__')),
      tie('value'),
      {
        maxKeys: 5,
      },
    ),
  ),
})).value;

test('canonical JSON is what the models sign, for any value', () => {
  fc.assert(fc.property(values, (value) => assert.equal(canonicalText(value), modelsText(value))));
});

test('a number that is no whole one is no canonical JSON', () => {
  assert.throws(() => canonicalText({ a: 1.5 }));
});

test('JSON in canonical order reads as the same value', () => {
  fc.assert(
    fc.property(values, (value) => {
      assert.deepEqual(JSON.parse(orderedJson(value)), JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('a path’s bin is the one that the models find', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 14 }), (path, bits) => {
      const bins = modelsBins(bits);
      assert.equal(binOfPath(path, bits), bins.getRoleForTarget(path));
      assert.deepEqual(binNames(bits), [...bins.getRoles()]);
    }),
    { numRuns: 50 },
  );
});
