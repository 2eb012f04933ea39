import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { BOUNDS } from '../../../src/domain/bounds.js';
import { UploadRoom } from '../../../src/swarm/public/upload-room.js';

const ANSWERS = BOUNDS.uploadSlots * (1 + BOUNDS.uploadHeldOfSlot);

test('few answers have long parts; of as many as may be each has a short one at least, and all stay in the bound', async () => {
  const room = new UploadRoom(ANSWERS);
  const parts: number[] = [];
  for (let id = 0; id < ANSWERS; id++) parts.push(await room.take(id, BOUNDS.runBytes));
  assert.ok(parts.slice(0, 8).every((bytes) => bytes === BOUNDS.runBytes));
  assert.ok(parts.every((bytes) => bytes >= BOUNDS.uploadLeastPartBytes));
  assert.ok(room.heldBytes <= BOUNDS.uploadWaitingBytes);
  let taken = 0;
  const late = room.take(ANSWERS, BOUNDS.runBytes).then((bytes) => (taken = bytes));
  await Promise.resolve();
  assert.equal(taken, 0, 'one has to end before');
  room.leave(5);
  await late;
  assert.ok(taken >= BOUNDS.uploadLeastPartBytes);
  for (let id = 0; id <= ANSWERS; id++) room.leave(id);
  assert.equal(room.heldBytes, 0);
});

test('whatever is asked and leaves, in whatever order, what is held stays in the bound', async () => {
  const steps = fc.array(
    fc.record({ id: fc.nat(7), bytes: fc.integer({ min: 1, max: 2_000 }), leaves: fc.boolean() }),
  );
  await fc.assert(
    fc.asyncProperty(steps, async (all) => {
      const room = new UploadRoom(8, 4_000);
      const held = new Map<number, number>();
      for (const { id, bytes, leaves } of all) {
        if (leaves) room.leave(id);
        const part = leaves ? 0 : await room.take(id, bytes);
        held.set(id, part);
        assert.ok(leaves || part >= Math.min(bytes, 500), 'nobody waits for another');
        const sum = [...held.values()].reduce((total, one) => total + one, 0);
        assert.ok(sum <= room.heldBytes && room.heldBytes <= 4_000);
      }
    }),
  );
});
