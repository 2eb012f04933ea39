import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { buildPypiFixture } from '../../fixtures/upstream/pypi.js';
import { bundleOf, fixtureSource, planOf } from '../ecosystems/pypi/fixture-source.js';
import { openGateway } from './pypi-gateway.js';

const run = promisify(execFile);

function hasPip(): boolean {
  try {
    execFileSync('pip', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test(
  'real pip installs from the gateway, whatever the machine is configured to',
  {
    skip: hasPip() ? false : 'pip is not there',
  },
  async () => {
    const fixture = buildPypiFixture();
    const source = fixtureSource({}, fixture);
    const text = 'x-tool\nx-gamma[all]\nx-large\nx-native\nx-source\n';
    const { view, bytes } = await bundleOf(source, await planOf(source, text), fixture);
    const gateway = await openGateway(view, bytes);
    const folder = await mkdtemp(join(tmpdir(), 'x-pip-'));
    try {
      const { env } = gateway;
      const names = ['x_tool', 'X.Gamma[all]', 'x-large', 'x-native', 'x-source'];
      const options = {
        env: { ...process.env, PIP_FIND_LINKS: '/nowhere', PIP_NO_INDEX: '1', ...env },
        timeout: 120_000,
      };
      await run('pip', ['install', '--quiet', '--target', folder, ...names], options);
      const installed = await readdir(folder);
      for (const name of [
        'x_tool',
        'x_alpha',
        'x_beta',
        'x_gamma',
        'x_delta',
        'x_large',
        'x_native',
        'x_source',
      ]) {
        assert.ok(installed.includes(name), `${name} in ${installed.join(' ')}`);
      }
      assert.ok(
        gateway.asked.some((path) => path.endsWith('.metadata')),
        'pip read METADATA beside the wheel',
      );
      await assert.rejects(
        run('pip', ['install', '--target', folder, 'x-conflict'], options),
        /No matching distribution/,
      );
    } finally {
      gateway.close();
      await rm(folder, { recursive: true });
    }
  },
);
