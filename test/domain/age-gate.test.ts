import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNotNewerThan } from '../../src/domain/age-gate.js';
import { XError } from '../../src/domain/errors.js';

const NOW = new Date('2026-03-10T12:00:00Z');

test('ages, days and times', () => {
  for (const [text, expected] of [
    ['7d', '2026-03-03T12:00:00.000Z'],
    ['2w', '2026-02-24T12:00:00.000Z'],
    ['36h', '2026-03-09T00:00:00.000Z'],
    ['0d', '2026-03-10T12:00:00.000Z'],
    ['2026-01-31', '2026-01-31T23:59:59.999Z'],
    ['2024-02-29', '2024-02-29T23:59:59.999Z'],
    ['2026-01-31T12:00Z', '2026-01-31T12:00:00.000Z'],
    ['2026-01-31T12:00:00+02:00', '2026-01-31T10:00:00.000Z'],
  ] as const) {
    assert.equal(parseNotNewerThan(text, NOW).toISOString(), expected, text);
  }
});

test('what is neither is refused', () => {
  for (const text of [
    '',
    'd',
    '7',
    '-7d',
    '7m',
    '2026-02-31',
    '2026-13-01',
    '31.1.2026',
    '2026-01-31T25:00Z',
    '2026-1-1',
    'yesterday',
    '2026-01-31T12:00',
    '9'.repeat(400) + 'd',
  ]) {
    assert.throws(() => parseNotNewerThan(text, NOW), XError, text);
  }
});
