import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bitmap, LeafMap, Scheduler, type TransferAction } from '../../src/transfer/index.js';
import { PIECE, manifestOf, seededRandom } from '../simulation/lan.js';

const map = new LeafMap(manifestOf(new Array<number>(64).fill(PIECE)));

type Ask = Extract<TransferAction, { type: 'ask' }>;
type Send = Extract<TransferAction, { type: 'send' }>;

function newClient(): Scheduler {
  const client = new Scheduler(map, new Bitmap(map.leafCount), seededRandom(1));
  const leaves = Array.from({ length: map.leafCount }, (_, leaf) => leaf);
  client.handle({ type: 'want', leaves, urgent: false }, 0);
  return client;
}

function join(client: Scheduler, peer: string, isSource: boolean): Ask[] {
  const held = Bitmap.full(map.leafCount);
  const actions = client.handle({ type: 'joined', peer, isSource, held }, 0);
  return actions.filter((action) => action.type === 'ask');
}

test('who pulls from one source alone asks for what is in order; beside others nobody does', () => {
  const alone = newClient();
  assert.ok(join(alone, 'source', true).every(({ inOrder }) => inOrder));
  const [ask] = join(alone, 'sibling', false);
  assert.equal(ask?.inOrder, false);
  const two = newClient();
  join(two, 'one', true);
  assert.ok(join(two, 'other', true).every(({ inOrder }) => !inOrder));
});

test('a source that is asked for what is in order gives it from the first leaf on', () => {
  const source = new Scheduler(map, Bitmap.full(map.leafCount), seededRandom(2));
  const held = new Bitmap(map.leafCount);
  source.handle({ type: 'joined', peer: 'client', isSource: false, held }, 0);
  const given: number[] = [];
  let now = 10_000;
  for (let id = 1; given.length < map.leafCount && id <= map.leafCount; id += 1) {
    const event = {
      type: 'asked',
      peer: 'client',
      id,
      leaves: undefined,
      maxBytes: PIECE,
    } as const;
    now += 10;
    const actions = source.handle({ ...event, siblings: 0, inOrder: true }, now);
    const send = actions.find((action): action is Send => action.type === 'send');
    const leaves = send?.leaves ?? [];
    given.push(...leaves);
    source.handle({ type: 'sent', peer: 'client', id }, now);
    source.handle({ type: 'gained', peer: 'client', leaves }, now);
  }
  assert.deepEqual(given, [...new Array(map.leafCount).keys()]);
});
