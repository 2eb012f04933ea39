import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { test } from 'node:test';

const MODULE = new URL('../../src/platform/freed-memory.js', import.meta.url).href;
const MIB = 1 << 20;

/** By how much the heap that freed memory stays in grows with fifty blocks of a megabyte. */
function heapGrowth(before: string): number {
  const script = `
    ${before}
    const { readFileSync } = await import('node:fs');
    const heap = () => {
      const line = /^([0-9a-f]+)-([0-9a-f]+) .*\\[heap\\]$/m.exec(readFileSync('/proc/self/maps', 'utf8'));
      return parseInt(line?.[2] ?? '0', 16) - parseInt(line?.[1] ?? '0', 16);
    };
    const empty = heap();
    const blocks = Array.from({ length: 50 }, () => Buffer.allocUnsafeSlow(${MIB}));
    console.log(heap() - empty, blocks.length);`;
  const told = execFileSync(process.execPath, ['--input-type=module', '-e', script]).toString();
  return Number(told.split(' ')[0]);
}

const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
const isGlibc = header.glibcVersionRuntime !== undefined && existsSync('/proc/self/maps');

test(
  'blocks come from the heap, where what is freed stays, and not each from the system',
  { skip: !isGlibc && 'this system has another allocator' },
  () => {
    assert.ok(heapGrowth('') < 10 * MIB, 'without it they come from the system');
    const grown = heapGrowth(`(await import(${JSON.stringify(MODULE)})).keepFreedMemory();`);
    assert.ok(grown > 40 * MIB, `the heap grew by ${grown} bytes`);
  },
);
