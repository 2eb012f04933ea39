import assert from 'node:assert/strict';
import { execFile, execFileSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { buildPypiFixture } from '../../fixtures/upstream/pypi.js';
import { createPypiServer } from '../../src/ecosystems/pypi/server.js';
import { bundleOf, fixtureSource, planOf } from '../ecosystems/pypi/fixture-source.js';

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
    const server = createPypiServer();
    const asked: string[] = [];
    let gateway = '';
    const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const url = new URL(request.url ?? '/', gateway);
      asked.push(url.pathname);
      const answer = await server.respond(
        {
          method: 'GET',
          path: decodeURIComponent(url.pathname).replace(/^\/pypi\//, ''),
          query: url.searchParams,
          headers: { accept: request.headers.accept ?? '' },
          baseUrl: gateway,
        },
        view,
      );
      if (answer.kind === 'not-found') response.writeHead(404).end(answer.what);
      else if (answer.kind === 'bytes')
        response.writeHead(answer.status, answer.headers).end(answer.bytes);
      else response.writeHead(200, answer.headers).end(bytes.get(answer.entry.sha256));
    };
    const http = createServer((request, response) => {
      handle(request, response).catch((thrown: unknown) =>
        response.writeHead(500).end(String(thrown)),
      );
    });
    await new Promise<void>((done) => http.listen(0, '127.0.0.1', done));
    gateway = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
    const folder = await mkdtemp(join(tmpdir(), 'x-pip-'));
    try {
      const { env } = await server.settings({ command: 'pip', gateway, bundles: [], view });
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
        asked.some((path) => path.endsWith('.metadata')),
        'pip read METADATA beside the wheel',
      );
      await assert.rejects(
        run('pip', ['install', '--target', folder, 'x-conflict'], options),
        /No matching distribution/,
      );
    } finally {
      http.close();
      await rm(folder, { recursive: true });
    }
  },
);
