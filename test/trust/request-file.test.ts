import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sha256 } from '../../src/domain/digest.js';
import { XError } from '../../src/domain/errors.js';
import { decodeRequest, encodeRequest, type RequestContent } from '../../src/trust/request-file.js';
import { identity } from './sample.js';

const ship = identity('ship');
const held = Array.from({ length: 100 }, (_, i) => sha256(`held ${i}`));
const content: RequestContent = {
  createdAt: '2026-11-01T10:00:00Z',
  target: 'linux/arm64/glibc2.36,python=3.11',
  sections: { debian: { architectures: ['arm64'], installed: { dpkg: '1.21.22' } } },
  bundles: [{ name: 'demo', source: identity('source').did, version: 3 }],
  held,
  wishes: [{ ecosystem: 'npm' as const, name: '@scope/wanted' }],
  salt: Buffer.alloc(16, 1),
};
const bytes = Buffer.from(encodeRequest(content, ship));
const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof XError, String(error));
    return error.code;
  }
  return 'accepted';
};

test('what was written is read back, and the same content gives the same bytes', () => {
  const request = decodeRequest(bytes, 'me.xreq');
  const { held: set, ...rest } = request;
  const { held: _held, salt: _salt, ...expected } = content;
  assert.deepEqual(rest, { requester: ship.did, ...expected });
  assert.ok(held.every((digest) => set.has(digest)));
  assert.ok(!set.has(sha256('another')));
  assert.deepEqual(Buffer.from(encodeRequest(content, ship)), bytes);
});

test('no bit of it can be changed, and no end cut off', () => {
  for (let at = 0; at < bytes.length; at += 1) {
    const bad = Buffer.from(bytes);
    bad[at] = (bad[at] as number) ^ (1 << (at % 8));
    const code = codeOf(() => decodeRequest(bad, 'bad.xreq'));
    assert.ok(['INPUT_MALFORMED', 'SIGNATURE_INVALID'].includes(code), `byte ${at}: ${code}`);
  }
  for (let length = 0; length < bytes.length; length += 7) {
    assert.notEqual(
      codeOf(() => decodeRequest(bytes.subarray(0, length), 'cut.xreq')),
      'accepted',
    );
  }
  const longer = Buffer.concat([bytes, Buffer.from('x')]);
  assert.equal(
    codeOf(() => decodeRequest(longer, 'long.xreq')),
    'SIGNATURE_INVALID',
  );
});

test('a request under another’s DID is refused', () => {
  const end = bytes.indexOf('\n');
  const line = bytes.subarray(0, end).toString().replace(ship.did, identity('thief').did);
  const forged = Buffer.concat([Buffer.from(line), bytes.subarray(end)]);
  assert.equal(
    codeOf(() => decodeRequest(forged, 'forged.xreq')),
    'SIGNATURE_INVALID',
  );
});

test('fields that cannot be are all named at once', () => {
  const wrong = { ...content, createdAt: 'yesterday', target: 'a\u001b[2J' };
  const encoded = encodeRequest(wrong, ship);
  assert.throws(() => decodeRequest(encoded, 'odd.xreq'), /createdAt, target/);
});

test('a signature for a request is none for metadata', () => {
  const line = bytes.subarray(0, bytes.indexOf('\n'));
  assert.notDeepEqual(
    Buffer.from(ship.sign(line)).toString('hex'),
    bytes.subarray(line.length + 1, line.length + 129).toString(),
  );
});
