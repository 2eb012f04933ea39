import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bitmap, LeafMap, Scheduler, type TransferAction } from '../../src/transfer/index.js';
import { PIECE, manifestOf, seededRandom } from '../simulation/lan.js';

test('readers that never take their answers do not keep all places from one that would', () => {
  const map = new LeafMap(manifestOf(new Array<number>(64).fill(PIECE)));
  const scheduler = new Scheduler(map, Bitmap.full(map.leafCount), seededRandom(1));
  let id = 0;
  const ask = (peer: string, now: number): TransferAction[] => {
    const event = { type: 'asked', peer, id: ++id, leaves: [id % 64], maxBytes: PIECE } as const;
    return scheduler.handle({ ...event, siblings: 1, inOrder: false }, now);
  };
  const sendsTo = (actions: TransferAction[], peer: string): number =>
    actions.filter((action) => action.type === 'send' && action.peer === peer).length;

  for (let i = 0; i < 12; i++) {
    const peer = `stuck-${i}`;
    const held = new Bitmap(map.leafCount);
    scheduler.handle({ type: 'joined', peer, isSource: false, held }, 0);
    assert.ok(sendsTo([...ask(peer, 0), ...ask(peer, 0)], peer) >= 1);
  }
  const held = new Bitmap(map.leafCount);
  scheduler.handle({ type: 'joined', peer: 'honest', isSource: false, held }, 500);
  assert.equal(sendsTo(ask('honest', 500), 'honest'), 1, 'a newcomer does not wait');
  const asked = ask('honest', 500);
  assert.equal(sendsTo(asked, 'honest'), 0, 'the places are taken for now');
  const wake = asked.findLast((action) => action.type === 'wake');
  assert.ok(wake, 'the request is looked at again');
  let now = wake.atMs;
  let sent = 0;
  for (let ticks = 0; sent === 0 && ticks < 100; ticks++) {
    const actions = scheduler.handle({ type: 'tick' }, now);
    sent = sendsTo(actions, 'honest');
    now = actions.findLast((action) => action.type === 'wake')?.atMs ?? Infinity;
  }
  assert.equal(sent, 1);
});
