import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import { startFixtureUpstream } from '../../fixtures/upstream/server.js';
import { sha256 } from '../../src/domain/digest.js';
import { XError } from '../../src/domain/errors.js';
import { temporaryStore } from '../store/temporary.js';
import { openUpstream } from './http-harness.js';

const file = Uint8Array.from({ length: 6 << 20 }, (_, index) => (index * 17) >> 3);
const expected = {
  digests: { sha256: sha256(file), sha512: createHash('sha512').update(file).digest('hex') },
  lengthBytes: file.length,
  maxBytes: file.length,
};

test('a download that breaks off twice goes on where it was, into the store', async (t) => {
  const temporary = await temporaryStore();
  t.after(() => temporary.dispose());
  const server = await startFixtureUpstream({
    npm: { handle: () => ({ status: 200, headers: {}, body: file }) },
  });
  t.after(() => server.close());
  const upstream = openUpstream(t);
  server.inject({ path: '/npm/a.tgz', times: 2, dropAfterBytes: 2_500_000 });

  const url = `${server.url}/npm/a.tgz`;
  const download = (): Promise<{ sha256: string }> =>
    temporary.current.store.putResumable(
      'a.tgz',
      (offset) => upstream.open({ ecosystem: 'npm', url, offset }),
      expected,
    );
  for (let broken = 0; broken < 2; broken++) {
    await assert.rejects(
      download(),
      (thrown) => thrown instanceof XError && /broke off/.test(thrown.message),
    );
  }
  assert.equal((await download()).sha256, expected.digests.sha256);
  const ranges = server.requests.map(({ headers }) => headers['range']);
  assert.equal(ranges[0], undefined);
  for (const range of ranges.slice(1)) {
    const from = Number(/^bytes=(\d+)-$/.exec(range ?? '')?.[1]);
    assert.ok(from > 0 && from <= 5_000_000, `resumed with ${range}`);
  }
  assert.equal(server.requests[1]?.headers['if-range'] !== undefined, true);
});
