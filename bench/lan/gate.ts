/**
 * Preloaded with --import into a client: loads what the client needs, says so, and holds it back until
 * the file in BENCH_GATE exists. Hosts that share a machine would otherwise be measured at loading
 * code in turn.
 */
import { existsSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { boundYoungSpace } from '../../src/swarm/young-garbage.js';

const gate = process.env['BENCH_GATE'];
// Threads of the client preload it too.
if (gate !== undefined && isMainThread) {
  enableCompileCache();
  // As the command does, which loads what it needs after that.
  boundYoungSpace();
  await import('../../src/roles/client.js');
  await import('../../commands/client.js');
  await import('../../src/roles/command-line.js');
  const { user, system } = process.cpuUsage();
  const loaded = { at: Date.now(), event: 'loaded', cpuSeconds: (user + system) / 1e6 };
  process.stdout.write(`${JSON.stringify(loaded)}\n`);
  while (!existsSync(gate)) await sleep(10);
}
