import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

const MODULE = new URL('../../src/platform/freed-memory.js', import.meta.url).href;

/** Page faults of a process that uses the same few megabytes of buffers over and over. */
function faults(before: string): number {
  const script = `
    ${before}
    const { setFlagsFromString } = await import('node:v8');
    const { runInNewContext } = await import('node:vm');
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc');
    const turn = () => {
      for (let i = 0; i < 100; i += 1) Buffer.allocUnsafeSlow(80_000).fill(1);
      collect();
    };
    for (let i = 0; i < 20; i += 1) turn();
    const { minorPageFault } = process.resourceUsage();
    for (let i = 0; i < 40; i += 1) turn();
    console.log(process.resourceUsage().minorPageFault - minorPageFault);`;
  return Number(execFileSync(process.execPath, ['--input-type=module', '-e', script]));
}

const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };

test(
  'freed memory is used again without the system clearing it',
  { skip: header.glibcVersionRuntime === undefined && 'this system has another allocator' },
  () => {
    const without = faults('');
    const with_ = faults(`(await import(${JSON.stringify(MODULE)})).keepFreedMemory();`);
    assert.ok(with_ * 4 < without, `${with_} page faults, ${without} without`);
  },
);
