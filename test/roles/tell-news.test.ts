import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { Hint } from '../../src/network/seen-versions.js';
import { tellNews } from '../../src/roles/tell-news.js';
import { VersionNews } from '../../src/roles/version-news.js';
import { startNode, until } from '../swarm/public/hosts.js';

const { signal } = new AbortController();
const hint = (name: string): Hint => ({
  type: 'version',
  ecosystem: 'npm',
  name,
  version: '2.0.0',
});

/** What a user is told, a line each. */
function said(): { lines: string[]; printer: { event(event: object, text: string): void } } {
  const lines: string[] = [];
  return { lines, printer: { event: (_, text) => void lines.push(text) } };
}

test('others are told where somebody hears it, and only then it is said so', async (t) => {
  const heard: string[] = [];
  const node = await startNode(t, 121);
  const { lines, printer } = said();
  await tellNews([hint('alone')], { node, printer, signal });
  assert.deepEqual(lines, []);
  const other = await startNode(t, 122, {
    peers: node.host.addresses(),
    onHint: ({ name }) => void heard.push(name),
  });
  await until('the other one can be told', () => node.listeners === 1);
  await tellNews([hint('one'), hint('two')], { node, printer, signal });
  const told = ['one', 'two'].map((name) => `npm: ${name} 2.0.0 is new, others are told`);
  assert.deepEqual(lines, told);
  await until('both are heard', () => heard.length === 2);
  // Somebody listened a moment ago, and is gone when it is told.
  await other.stop();
  await until('it is gone', () => node.listeners === 0);
  const late = { listeners: 1, tell: (one: Hint) => node.tell(one) };
  await tellNews([hint('late')], { node: late, printer, signal });
  await node.stop();
  await tellNews([hint('stopped')], { node: late, printer, signal });
  assert.deepEqual(lines, told);
});

test('of news that an index has it is said whether others are told', async () => {
  for (const [told, what] of [
    [3, 'others are told'],
    [0, 'nobody listens'],
  ] as const) {
    const { lines, printer } = said();
    const tell = (): Promise<number> => Promise.resolve(told);
    const news = new VersionNews({ tell, look: () => undefined, printer });
    news.saw('npm', 'one', new Map([['1.0.0', false]]));
    news.saw(
      'npm',
      'one',
      new Map([
        ['1.0.0', false],
        ['2.0.0', false],
      ]),
    );
    await setImmediate();
    assert.deepEqual(lines, [`npm: one 2.0.0 is new, ${what}`]);
  }
});
