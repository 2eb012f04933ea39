import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { chromium } from 'playwright-core';
import { openWorld, STEP_MS } from '../e2e/world.js';
import { startNode } from '../swarm/public/hosts.js';

const CHROMIUM = '/usr/bin/chromium';
/** Where the pictures for docs/ go; without it none are kept. */
const PICTURES = process.env['X_PICTURES'];

const skip = existsSync(CHROMIUM) ? false : `${CHROMIUM} is not installed`;

test(
  'the page of a node, in Chromium: who is in the swarm, how near, and what they gave; how to install',
  { skip },
  async (context: TestContext) => {
    const world = await openWorld(context);
    const quiet = ['--no-mdns', '--no-rendezvous', '--no-upnp', '--network', 'x-test'];
    const others = await Promise.all(
      [91, 92, 93].map((number) => startNode(context, number, { network: 'x-test' })),
    );
    const peers = others.map(({ host }, at) => {
      const port = /\/tcp\/([0-9]+)/.exec(host.listening().join())?.[1] ?? '';
      return ['--peer', `127.0.0.${91 + at}:${port}`];
    });
    const node = world.start(
      [
        ...['node', '--data', world.data('node'), '--port', '0', '--listen', '0', ...quiet],
        ...peers.flat(),
      ],
      world.fixtures.allEnv,
    );
    const url = String((await node.waitFor('serving', STEP_MS))['gateway']);
    await node.waitFor('nodes', STEP_MS, ({ connected }) => Number(connected) >= 3);
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run'],
    });
    context.after(() => browser.close());
    const page = await browser.newPage({ viewport: { width: 1100, height: 900 } });
    const complaints: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    page.on('request', (request) => {
      if (!request.url().startsWith(url)) complaints.push(request.url());
    });
    await page.goto(url);
    await page.getByRole('heading', { name: 'Swarm “x-test”' }).waitFor({ timeout: STEP_MS });
    const rows = page.locator('#network ~ table tbody tr');
    for (const { host } of others) {
      const row = rows.filter({ has: page.locator(`code[title^="${host.did}"]`) });
      await row.getByText(/connected/).waitFor({ timeout: STEP_MS });
    }
    const drawing = page.getByRole('img', { name: /^This machine and \d+ nodes?, [3-9] of them/ });
    assert.ok((await drawing.locator('.connected').count()) >= 3);
    assert.match(await page.locator('pre').innerText(), new RegExp(`--index-url ${url}/pypi/`));
    const picture = async (name: string): Promise<void> => {
      if (PICTURES !== undefined) await page.screenshot({ path: join(PICTURES, `${name}.png`) });
    };
    await picture('page-swarm');
    await page.emulateMedia({ colorScheme: 'dark' });
    await page.setViewportSize({ width: 390, height: 900 });
    const tooWide = await page.evaluate('document.documentElement.scrollWidth > window.innerWidth');
    assert.equal(tooWide, false, 'at a phone’s width nothing is cut off');
    await picture('page-swarm-phone');
    assert.deepEqual(complaints, []);
  },
);
