import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { XProcess } from '../../fixtures/x-process.js';
import { HUGE, lastEvent, MANY, openWorld, STEP_MS } from './world.js';

/** Each client ended with the whole bundle, a quarter or more of it from the other. */
async function assertSwapped(clients: readonly XProcess[], bytes: number): Promise<void> {
  for (const client of clients) {
    const { code, stdout, stderr } = await client.exited;
    assert.equal(code, 0, `${stdout}\n${stderr}`);
    const done = lastEvent(client, 'complete');
    assert.equal(done?.['bytes'], bytes);
    assert.equal(Number(done?.['fromMaster']) + Number(done?.['fromSiblings']), bytes);
    const fromSibling = Number(done?.['fromSiblings']);
    assert.ok(fromSibling >= bytes / 4, `${fromSibling} of ${bytes} bytes from the sibling`);
  }
}

for (const [what, lines, apartMs] of [
  ['many small files', MANY, 0],
  ['one large file', HUGE, 0],
  ['many small files, half a second apart', MANY, 500],
] as const) {
  test(`two clients swap: ${what}`, { timeout: 2 * STEP_MS }, async (t) => {
    const world = await openWorld(t);
    const source = await world.source(lines);
    const a = world.start(world.client('a', source.invite, '--once'));
    await sleep(apartMs);
    const b = world.start(world.client('b', source.invite, '--once'));
    await assertSwapped([a, b], source.bytes);
  });
}
