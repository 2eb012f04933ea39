// A Python index on a host of its own, until it is killed: `node public-swarm-registry.js IP`.
// Tells its parent its address, and of each file that is asked for.
import { createHash } from 'node:crypto';
import { setInterval } from 'node:timers';
import { buildPypiFixture } from '../../fixtures/upstream/pypi.js';
import { startFixtureUpstream } from '../../fixtures/upstream/server.js';
import { swarmPackages } from './public-swarm-scene.js';

process.on('disconnect', () => process.exit(0));
const noise = (lengthBytes: number, seed: string): Buffer =>
  createHash('shake256', { outputLength: lengthBytes }).update(seed).digest();
const wheels = swarmPackages().map(({ name, lengthBytes }) => ({
  name,
  version: '1.0',
  files: [['noise.bin', noise(lengthBytes, name)] as const],
}));
const server = await startFixtureUpstream({ pypi: buildPypiFixture(wheels) }, process.argv[2]);
process.send?.({ index: server.pypiIndex });
let told = 0;
setInterval(() => {
  for (; told < server.requests.length; told++) {
    const path = server.requests[told]?.path ?? '';
    if (path.endsWith('.whl')) process.send?.({ asked: path });
  }
}, 50);
