import assert from 'node:assert/strict';
import { test } from 'node:test';
import { XError } from '../../src/domain/errors.js';
import { parseRates } from '../../src/roles/rates.js';

test('rates as people write them', () => {
  assert.deepEqual(parseRates('--up', ['2MB/s']), { otherwise: 2e6, windows: [] });
  assert.deepEqual(parseRates('--up', ['1.5MiB']), { otherwise: 1_572_864, windows: [] });
  assert.deepEqual(parseRates('--up', ['22:00-06:00=20MB/s, 100kB/s', '6:30-24:00=unlimited']), {
    otherwise: 1e5,
    windows: [
      { fromMinute: 1320, untilMinute: 360, rate: 2e7 },
      { fromMinute: 390, untilMinute: 1440, rate: undefined },
    ],
  });
});

test('what is none is refused with the flag and how it is written', () => {
  const nonsense = [
    ['fast'],
    [''],
    [' ', ','],
    ['0'],
    ['-1MB/s'],
    ['10kB/s'],
    ['25:00-06:00=1MB/s'],
    ['10:00-10:00=1MB/s'],
    ['10-12=1MB/s'],
    ['=1MB/s'],
    ['10:00-12:00='],
    ['1MB/s', '2MB/s'],
    Array.from({ length: 49 }, () => '10:00-12:00=1MB/s'),
  ];
  for (const given of nonsense) {
    assert.throws(
      () => parseRates('--down', given),
      (error: unknown) => {
        assert.ok(error instanceof XError, given.join());
        assert.equal(error.code, 'USAGE');
        assert.match(error.message, /^--down: "/);
        assert.match(error.hint ?? '', /2MB\/s/);
        return true;
      },
      given.join(),
    );
  }
});
