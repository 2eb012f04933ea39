// The made-up upstreams and a gateway before them, both on this host: `node passing-child.js FOLDER`.
// Writes FOLDER/ready.json when they serve. What is written to standard input is injected as a fault.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startFixtures } from '../../fixtures/upstream/fixtures.js';
import { XProcess } from '../../fixtures/x-process.js';
import type { Fault } from '../../fixtures/upstream/server.js';

const [folder = ''] = process.argv.slice(2);
const fixtures = await startFixtures(join(folder, 'upstream'));
const gateway = new XProcess(
  [
    ...['gateway', '--data', join(folder, 'gateway'), '--port', '8470', '--json'],
    ...fixtures.args.debian.slice(0, 6),
  ],
  { env: fixtures.allEnv },
);
await gateway.waitFor('serving', 60_000);
createInterface(process.stdin).on('line', (line) => {
  const { path, ...fault } = JSON.parse(line) as Fault & { path: string };
  fixtures.server.inject({ ...fault, path: new RegExp(path) });
});
process.once('SIGTERM', () => {
  void gateway.stop('SIGTERM').then(() => process.exit(0));
});
await writeFile(join(folder, 'ready.json'), JSON.stringify({ keyring: fixtures.args.debian[5] }));
