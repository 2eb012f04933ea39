import assert from 'node:assert/strict';
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { XError } from '../../src/domain/errors.js';
import { didOfPublicKey, isDid, publicKeyOfDid } from '../../src/trust/did.js';
import {
  createIdentity,
  identityFromPem,
  identityFromSeed,
  identityToPem,
} from '../../src/trust/identity.js';
import { formatInvitation, parseInvitation } from '../../src/trust/invitation.js';
import { tufKeyId } from '../../src/trust/tuf-key.js';
import { identity, seededRandom } from './sample.js';

const isUsage = (error: unknown): boolean => error instanceof XError && error.code === 'USAGE';

test('RFC 8032 section 7.1, test 2: seed, public key and signature', () => {
  const one = identityFromSeed(
    Buffer.from('4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb', 'hex'),
  );
  assert.equal(
    Buffer.from(one.publicKey).toString('hex'),
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
  );
  assert.equal(
    Buffer.from(one.sign(Uint8Array.of(0x72))).toString('hex'),
    '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
  );
});

test('the did:key specification’s Ed25519 example reads and writes', () => {
  // https://w3c-ccg.github.io/did-key-spec/#ed25519-x25519
  const did = 'did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp';
  const key = publicKeyOfDid(did);
  assert.equal(
    Buffer.from(key).toString('hex'),
    '3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29',
  );
  assert.equal(didOfPublicKey(key), did);
});

test('every public key has one DID, and no other text is one', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (key) => {
      assert.deepEqual(Buffer.from(publicKeyOfDid(didOfPublicKey(key))), Buffer.from(key));
    }),
  );
  const did = identity('a').did;
  const wrong = [
    '',
    'did:key:z',
    did.slice(0, -1),
    `${did}1`,
    did.replace('did:key', 'did:web'),
    `${did} `,
  ];
  // A P-256 key, and a key whose length is wrong.
  wrong.push('did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169');
  for (const text of wrong) {
    assert.equal(isDid(text), false, text);
    assert.throws(() => publicKeyOfDid(text), isUsage);
  }
});

test('an identity survives its PEM form, and signs what the public key verifies', () => {
  const one = createIdentity(seededRandom('key'));
  const again = identityFromPem(identityToPem(one), 'key.pem');
  assert.equal(again.did, one.did);
  assert.deepEqual(Buffer.from(again.seed), Buffer.from(one.seed));
  const message = Buffer.from('hello');
  const prefix = Buffer.from('302a300506032b6570032100', 'hex');
  const key = createPublicKey({
    key: Buffer.concat([prefix, one.publicKey]),
    format: 'der',
    type: 'spki',
  });
  assert.ok(verify(null, message, key, again.sign(message)));
});

test('a PEM that is no Ed25519 key is named', () => {
  const rsa = generateKeyPairSync('x25519').privateKey.export({ format: 'pem', type: 'pkcs8' });
  for (const pem of ['nothing', rsa.toString()]) {
    assert.throws(
      () => identityFromPem(pem, '/data/key.pem'),
      (error: unknown) =>
        error instanceof XError &&
        error.code === 'INPUT_MALFORMED' &&
        error.message.includes('/data/key.pem'),
    );
  }
});

test('a TUF key id is the SHA-256 of the key’s canonical JSON, as sha256sum computes it', () => {
  const publicKey = 'edcd0a32a07dce33f7c7873aaffbff36d20ea30787574ead335eefd337e4dacd';
  assert.equal(
    tufKeyId(Buffer.from(publicKey, 'hex')),
    '2345a90ad8d76f3677f9ad6695b0ba0b5c7b7fbf27fb0ed35fbdf7b71264a679',
  );
});

test('invitations are read back as they were written', () => {
  const { did } = identity('source');
  const invitations = [
    { did, host: '10.0.0.7', port: 8471 },
    { did, host: 'build.example', port: 1, token: 'abc_-9' },
    { did, host: 'fe80::1', port: 65_535 },
  ];
  for (const one of invitations) assert.deepEqual(parseInvitation(formatInvitation(one)), one);
  assert.equal(formatInvitation(invitations[1]!), `x://${did}@build.example:1?token=abc_-9`);
  assert.equal(parseInvitation(`x://${did}@host`).port, 8471);
});

test('what is no invitation is said to be none', () => {
  const { did } = identity('source');
  const wrong = [
    `x://${did}`,
    `x://did:key:zzz@host:1`,
    `x://${did}@host:0`,
    `x://${did}@host:65536`,
    `x://${did}@ho st:1`,
    `x://${did}@host:1/path`,
    `x://${did}@host:1?token=`,
    `http://${did}@host:1`,
  ];
  for (const text of wrong) assert.throws(() => parseInvitation(text), isUsage, text);
});
