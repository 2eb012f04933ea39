import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createLog } from '../../src/platform/log.js';

function capture(level: 'error' | 'warn' | 'info' | 'debug') {
  const lines: string[] = [];
  const now = () => new Date('2026-11-01T08:00:00.000Z');
  return { lines, log: createLog({ level, now, write: (line) => lines.push(line) }) };
}

test('a line has time, level, text and fields', () => {
  const { lines, log } = capture('info');
  log
    .with({ peer: 'did:key:z6Mk' })
    .warn('slow peer', { ms: 12, note: 'two words', none: undefined });
  assert.deepEqual(lines, [
    '2026-11-01T08:00:00.000Z warn slow peer peer=did:key:z6Mk ms=12 note="two words"\n',
  ]);
});

test('what is below the level is dropped', () => {
  const { lines, log } = capture('warn');
  log.debug('a');
  log.info('b');
  log.warn('c');
  log.error('d');
  assert.deepEqual(
    lines.map((line) => line.split(' ')[2]),
    ['c\n', 'd\n'],
  );
});

test('no text forges a second line or steers the terminal', () => {
  const { lines, log } = capture('info');
  log.info('a\nb\u001b[2J', { name: 'x\ny\u001b[2J' });
  assert.equal(lines.length, 1);
  assert.doesNotMatch((lines[0] ?? '').slice(0, -1), /[\u0000-\u001f]/);
});
