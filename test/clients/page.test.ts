import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { chromium, type Browser, type Page } from 'playwright-core';
import { XProcess } from '../../fixtures/x-process.js';
import { openWorld, type World } from './e2e-world.js';

const CHROMIUM = '/usr/bin/chromium';
const DEADLINE_MS = 30_000;
/** Where the pictures for docs/ go; without it none are kept. */
const PICTURES = process.env['X_PICTURES'];

const skip = existsSync(CHROMIUM) ? false : `${CHROMIUM} is not installed`;

describe('the page, in Chromium, on live data', { skip }, () => {
  let world: World;
  let source: XProcess;
  let client: XProcess;
  let gateway: string;
  let browser: Browser;
  let page: Page;
  const foreign: string[] = [];
  const complaints: string[] = [];

  before(async () => {
    world = await openWorld();
    source = new XProcess(world.sourceArgs, { env: world.fixtures.allEnv });
    const { invite } = await source.waitFor('serving', DEADLINE_MS);
    client = startClient(String(invite).replace(/@[^:]+:/, '@127.0.0.1:'), '0');
    gateway = String((await client.waitFor('serving', DEADLINE_MS))['gateway']);
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    const context = await browser.newContext({
      permissions: ['clipboard-read', 'clipboard-write'],
      viewport: { width: 1100, height: 1000 },
    });
    page = await context.newPage();
    page.on('request', (request) => {
      if (!request.url().startsWith(gateway)) foreign.push(request.url());
    });
    page.on('console', (message) => {
      if (message.type() === 'error') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(gateway);
  });

  after(async () => {
    await browser.close();
    await client.stop();
    await source.stop();
    await world.close();
  });

  function startClient(master: string, port: string): XProcess {
    const data = join(world.folder, 'browsed');
    const args = ['client', '--data', data, '--master', master, '--port', port];
    return new XProcess([...args, '--listen', '0', '--no-mdns', '--json']);
  }

  const seen = (text: string | RegExp): Promise<void> =>
    page.getByText(text).first().waitFor({ timeout: DEADLINE_MS });

  const picture = async (name: string): Promise<void> => {
    if (PICTURES !== undefined) await page.screenshot({ path: join(PICTURES, `${name}.png`) });
  };

  test('a bundle that arrived: how much of it, how old, who signed it, from whom', async () => {
    await seen('everything is here');
    await seen(/^all of .* here, in \d+ files$/);
    const bar = page.getByRole('progressbar', { name: 'field: how much is here' });
    assert.equal(await bar.getAttribute('aria-valuenow'), '100');
    assert.equal(await page.locator('.bundles code').getAttribute('title'), world.did);
    const peer = page.locator('#peers + table tbody tr');
    assert.match(await peer.innerText(), /source.*field/s);
    await picture('page');
  });

  test('search by name from the keyboard, and the command to copy', async () => {
    await page.keyboard.press('/');
    await page.keyboard.type('x-tool');
    await page.getByText(/^[1-9] packages?$/).waitFor({ timeout: DEADLINE_MS });
    const found = page.locator('.packages > li').first();
    const names = await page.locator('.packages h3').allInnerTexts();
    assert.ok(
      names.every((name) => name.includes('x-tool')),
      names.join(),
    );
    const command = await found.locator('.command code').first().innerText();
    assert.match(command, /^x run -- pip install 'x-tool==\d/);
    await found
      .getByRole('button', { name: /^Copy: / })
      .first()
      .press('Enter');
    await seen('copied');
    assert.equal(await page.evaluate('navigator.clipboard.readText()'), command);
  });

  test('a name that nobody carries', async () => {
    await page.getByRole('searchbox').fill('<b>no%such_thing');
    await seen('“<b>no%such_thing” is in no bundle here.');
    await page.getByRole('searchbox').fill('');
    await page.getByLabel('Ecosystem').selectOption('npm');
    await seen(/^\d+ packages$/);
    const shown = await page.locator('.packages .tag').allInnerTexts();
    assert.deepEqual(new Set(shown), new Set(['npm']));
    await page.getByLabel('Ecosystem').selectOption('');
  });

  test('what pip and npm asked for in vain comes onto the wish list by itself', async () => {
    await seen('Nothing was asked for that is not in a bundle.');
    await fetch(`${gateway}/pypi/simple/no-such-project/`);
    await fetch(`${gateway}/npm/@scope%2fno-such-module`);
    await seen('no-such-project');
    await seen('@scope/no-such-module');
  });

  test('dark, and as wide as a phone', async () => {
    await page.emulateMedia({ colorScheme: 'dark' });
    await picture('page-dark');
    for (const width of [320, 390]) {
      await page.setViewportSize({ width, height: 900 });
      const tooWide = 'document.documentElement.scrollWidth > window.innerWidth';
      assert.equal(await page.evaluate(tooWide), false);
      const torn =
        "[...document.querySelectorAll('code[title]')].filter((e) => e.getClientRects().length !== 1).length";
      assert.equal(await page.evaluate(torn), 0);
    }
    await picture('page-phone');
    await page.setViewportSize({ width: 1100, height: 1000 });
    await page.emulateMedia({ colorScheme: 'light' });
  });

  test('nothing was asked of anybody but the gateway, and nothing complained', () => {
    assert.deepEqual(foreign, []);
    assert.deepEqual(complaints, []);
  });

  test('a gateway that stops is said, and one that is back is shown again', async () => {
    const { port } = new URL(gateway);
    await client.stop();
    await page.getByRole('alert').waitFor({ timeout: DEADLINE_MS });
    await seen('not answering');
    await picture('page-gateway-gone');
    client = startClient('127.0.0.1:1', port);
    await client.waitFor('serving', DEADLINE_MS);
    await page.getByRole('alert').waitFor({ state: 'detached', timeout: DEADLINE_MS });
    await seen('No source and no sibling is connected.');
  });
});
