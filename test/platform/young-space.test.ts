import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

const MODULE = new URL('../../src/platform/young-space.js', import.meta.url).href;
const MIB = 1 << 20;

/** How large the young space is when a million objects were made, of which many lived on. */
function youngSpaceBytes(before: string): number {
  const script = `
    ${before}
    const { getHeapSpaceStatistics } = await import('node:v8');
    const kept = [];
    for (let at = 0; at < 1_000_000; at++) {
      const made = { at, list: [at] };
      if (at % 3 === 0) kept.push(made);
    }
    const { space_size } = getHeapSpaceStatistics().find((one) => one.space_name === 'new_space');
    console.log(space_size, kept.length);`;
  const told = execFileSync(process.execPath, ['--input-type=module', '-e', script]).toString();
  return Number(told.split(' ')[0]);
}

test('the young space stays as it is, however much lives on', () => {
  assert.ok(youngSpaceBytes('') > 16 * MIB, 'without it the space grows');
  const kept = youngSpaceBytes(`(await import(${JSON.stringify(MODULE)})).keepYoungSpace();`);
  assert.ok(kept <= 4 * MIB, `the young space has ${kept} bytes`);
});
