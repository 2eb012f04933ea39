import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { BOUNDS } from '../../src/domain/bounds.js';
import type { CatalogEntry } from '../../src/ports/catalog.js';
import { createHeldView } from '../../src/roles/held-view.js';
import { openData } from '../../src/roles/open-data.js';
import { entry } from '../trust/sample.js';

test('what is waited for is waited for no longer than the gateway’s bound', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'x-view-'));
  const data = await openData(folder);
  // A timeout of a signal keeps no process alive.
  const alive = setTimeout(() => undefined, 60_000);
  try {
    const bounds: number[] = [];
    const { timeout } = AbortSignal;
    t.mock.method(AbortSignal, 'timeout', (ms: number) => {
      bounds.push(ms);
      return timeout.call(AbortSignal, 1);
    });
    const view = createHeldView(data.catalog, data.store, (_entry, signal) => {
      assert.ok(signal, 'a waiter that nothing ends');
      return new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason as Error));
      });
    });
    const wanted: CatalogEntry = { ...entry(1), bundleId: 'demo@did', bundleName: 'demo' };
    await assert.rejects(view.read(wanted, 10_000), { name: 'TimeoutError' });
    assert.deepEqual(bounds, [BOUNDS.gatewayWaitForPieceMs]);
  } finally {
    clearTimeout(alive);
    await data.close();
    await rm(folder, { recursive: true });
  }
});
