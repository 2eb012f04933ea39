import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pacedUpstream } from '../../../src/operations/paced-upstream.js';
import { ScheduleLimit } from '../../../src/platform/schedule-limit.js';
import type { OfficialSource } from '../../../src/ports/public-swarm.js';
import { noise, systemClock } from '../nodes.js';
import { ownerOf, startHolder, startSeeker } from './artifact-kit.js';

const never = new AbortController().signal;
const RATE = 1_000_000;
const LENGTH = 3_000_000;
/** Half a second of the rate may pass at once. */
const AT_LEAST_MS = ((LENGTH - RATE / 2) / RATE) * 1_000 - 100;

const nobodys: OfficialSource = {
  open: () => Promise.reject(new Error('the official source was asked')),
};

function limit(): ScheduleLimit {
  return new ScheduleLimit({ otherwise: RATE, windows: [] }, systemClock);
}

for (const side of ['up', 'down'] as const) {
  test(`--${side}: what comes of a node comes whole, and no faster than that`, async () => {
    const holder = await startHolder(31, side === 'up' ? { upload: limit() } : {});
    const seeker = await startSeeker(32, side === 'down' ? { download: limit() } : {});
    try {
      const digests = await holder.hold(noise(LENGTH, 3));
      seeker.finder.owners = [ownerOf(holder.host)];
      const beganMs = performance.now();
      const brought = await seeker.fetching.fetch(
        { digests, sizeBytes: LENGTH, official: nobodys },
        never,
      );
      const tookMs = performance.now() - beganMs;
      assert.equal(brought?.blob.sha256, digests.sha256);
      assert.equal(brought?.bytes.get('swarm'), LENGTH, 'none of it came from elsewhere');
      assert.ok(tookMs >= AT_LEAST_MS, `${tookMs} ms for what takes ${AT_LEAST_MS} ms`);
    } finally {
      await seeker.stop();
      await holder.stop();
    }
  });
}

test('--down: what is longer than all that a line holds comes of one node, over one stream', async () => {
  const lengthBytes = 16_000_000;
  const holder = await startHolder(33);
  const download = new ScheduleLimit({ otherwise: 4 * RATE, windows: [] }, systemClock);
  const seeker = await startSeeker(34, { download });
  try {
    const digests = await holder.hold(noise(lengthBytes, 4));
    seeker.finder.owners = [ownerOf(holder.host)];
    const wanted = { digests, sizeBytes: lengthBytes, official: nobodys };
    const brought = await seeker.fetching.fetch(wanted, never);
    assert.equal(brought?.bytes.get('swarm'), lengthBytes, 'none of it came from elsewhere');
    const row = seeker.scores.ranking(Date.now()).find(({ did }) => did === holder.host.did);
    assert.equal(row?.failures, 0, 'nothing broke');
  } finally {
    await seeker.stop();
    await holder.stop();
  }
});

test('--down holds for the official source too, two files at once sharing it', async () => {
  const body = (): AsyncIterable<Uint8Array> =>
    (async function* () {
      for (let at = 0; at < LENGTH / 2; at += 50_000) {
        await Promise.resolve();
        yield new Uint8Array(50_000);
      }
    })();
  const paced = pacedUpstream(
    {
      open: ({ url }) =>
        Promise.resolve({
          url,
          lengthBytes: LENGTH / 2,
          offset: 0,
          contentType: undefined,
          etag: undefined,
          stream: body(),
        }),
      read: () => Promise.reject(new Error('nothing is read whole')),
    },
    limit(),
  );
  const beganMs = performance.now();
  const lengths = await Promise.all(
    ['a', 'b'].map(async (url) => {
      let bytes = 0;
      const { stream } = await paced.open({ ecosystem: 'pypi', url });
      for await (const chunk of stream) bytes += chunk.length;
      return bytes;
    }),
  );
  assert.deepEqual(lengths, [LENGTH / 2, LENGTH / 2]);
  assert.ok(performance.now() - beganMs >= AT_LEAST_MS);
});
