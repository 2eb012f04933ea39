import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XError } from '../../../src/domain/errors.js';
import { sha256 } from '../../../src/domain/digest.js';
import { PIECE_SIZE_BYTES, TreeHasher, treeRoot } from '../../../src/domain/piece.js';
import type { Quarantine } from '../../../src/ports/store.js';
import { askOfficial } from '../../../src/swarm/public/official-ask.js';
import { WantedArtifact } from '../../../src/swarm/public/wanted-artifact.js';
import { noise } from '../nodes.js';

/** No disk of a test is full: this is what one says. */
const FULL: Quarantine = {
  write: () => Promise.reject(new XError('DISK_FULL', 'no space left')),
  admit: () => Promise.reject(new XError('DISK_FULL', 'no space left')),
  discard: () => Promise.resolve(),
};

test('pieces of the official source that a full disk does not take did not come', async () => {
  const bytes = noise(3 * PIECE_SIZE_BYTES, 1);
  const hasher = new TreeHasher();
  hasher.update(bytes);
  const leaves = hasher.finish();
  const root = Buffer.from(treeRoot(leaves)).toString('hex');
  const wanted = {
    digests: { sha256: sha256(bytes) },
    sizeBytes: bytes.length,
    official: undefined,
  };
  const artifact = new WantedArtifact(1, wanted, 0, { quarantine: () => FULL });
  artifact.claim({ root, lengthBytes: bytes.length, leaves });
  artifact.useTree(root);
  const asking = askOfficial({
    source: {
      open: () => {
        const stream = (async function* () {
          await Promise.resolve();
          yield bytes;
        })();
        return Promise.resolve({ offset: 0, lengthBytes: bytes.length, stream });
      },
    },
    artifact,
    portion: { kind: 'pieces', first: 0, count: 3 },
    signal: new AbortController().signal,
    now: () => 0,
    onHeard: () => undefined,
  });
  await assert.rejects(asking, { code: 'DISK_FULL' });
});
