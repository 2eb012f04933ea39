import assert from 'node:assert/strict';
import { gunzipSync, gzipSync } from 'node:zlib';
import { test } from 'node:test';
import fc from 'fast-check';
import { packTarball } from '../../../fixtures/upstream/npm.js';
import { readFromTarball } from '../../../src/ecosystems/npm/tarball.js';
import { XError } from '../../../src/domain/errors.js';

async function* portions(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Uint8Array, size = 1000): Promise<string | undefined> {
  const files = await readFromTarball(portions(bytes, size), ['package.json'], 'test');
  const found = files['package.json'];
  return found === undefined ? undefined : Buffer.from(found).toString('utf8');
}

test('package.json is found among files of any size, in portions of any size', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.string({ maxLength: 2000 }),
      fc.array(fc.uint8Array({ maxLength: 1500 }), { maxLength: 4 }),
      fc.integer({ min: 1, max: 4000 }),
      async (text, others, size) => {
        const files: Record<string, string | Uint8Array> = {};
        others.forEach((body, index) => (files[`lib/${index}/package.json`] = body));
        files['package.json'] = text;
        assert.equal(await read(packTarball(files), size), Buffer.from(text).toString('utf8'));
      },
    ),
    { numRuns: 50 },
  );
});

test('as in npm, the last entry of a name wins, and long names follow their pax record', async () => {
  const first = gunzipSync(packTarball({ 'package.json': 'first' }));
  const second = gunzipSync(packTarball({ 'package.json': 'second' }));
  assert.equal(await read(gzipSync(Buffer.concat([first.subarray(0, -1024), second]))), 'second');
  const record = '28 path=package/package.json';
  const pax = gunzipSync(packTarball({ x: `${record}\n`, y: 'by pax' }));
  pax[156] = 'x'.charCodeAt(0);
  let sum = 0;
  for (let at = 0; at < 512; at += 1) sum += at >= 148 && at < 156 ? 0x20 : pax[at]!;
  pax.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  assert.equal(await read(gzipSync(pax)), 'by pax');
});

test('what is no tarball, or breaks off, is refused', async () => {
  const whole = packTarball({ 'package.json': 'x'.repeat(5000) });
  const refused = (bytes: Uint8Array): Promise<void> =>
    assert.rejects(read(bytes), { code: 'UPSTREAM_MALFORMED' });
  await refused(Buffer.from('not gzip'));
  await refused(whole.subarray(0, whole.length - 10));
  await refused(gzipSync(Buffer.alloc(600, 1)));
  await refused(gzipSync(gunzipSync(whole).subarray(0, 2000)));
  assert.equal(await read(gzipSync(Buffer.alloc(1024))), undefined);
});

test('damage is noticed or harmless, never a crash or a hang', async () => {
  const whole = packTarball({ 'package.json': '{"name":"a"}', 'b.txt': 'b' });
  await fc.assert(
    fc.asyncProperty(
      fc.nat(whole.length - 1),
      fc.integer({ min: 1, max: 255 }),
      async (at, flip) => {
        const damaged = Uint8Array.from(whole);
        damaged[at]! ^= flip;
        await read(damaged).catch((thrown: unknown) =>
          assert.ok(thrown instanceof XError, String(thrown)),
        );
      },
    ),
    { numRuns: 200 },
  );
});

test('a package.json of absurd size is not read into memory', async () => {
  const tar = gunzipSync(packTarball({ 'package.json': new Uint8Array(9 << 20) }));
  await assert.rejects(read(gzipSync(tar)), { code: 'LIMIT_EXCEEDED' });
});
