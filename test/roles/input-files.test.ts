import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readInputFile } from '../../src/roles/input-files.js';

const folder = await mkdtemp(join(tmpdir(), 'x-input-'));
after(() => rm(folder, { recursive: true }));

async function written(bytes: Buffer): Promise<string> {
  const path = join(folder, 'asked.txt');
  await writeFile(path, bytes);
  return path;
}

test('a file is read in the encoding that its mark or its first comment names', async () => {
  const latin = (head: string): Buffer => Buffer.from(`${head}# caf\u00e9\nx-beta\n`, 'latin1');
  const cases: readonly (readonly [Buffer, string])[] = [
    [Buffer.from('\ufeff# caf\u00e9\nx-beta\n'), '# caf\u00e9\nx-beta\n'],
    [Buffer.from('\ufeffx-beta\n', 'utf16le'), 'x-beta\n'],
    [latin('# -*- coding: latin-1 -*-\n'), '# -*- coding: latin-1 -*-\n# caf\u00e9\nx-beta\n'],
    [latin('#\n# coding=cp1252\n'), '#\n# coding=cp1252\n# caf\u00e9\nx-beta\n'],
  ];
  for (const [bytes, text] of cases) {
    assert.equal((await readInputFile(await written(bytes))).text, text);
  }
  for (const head of ['', '# coding: klingon\n', 'x\nx\n# coding: latin-1\n']) {
    const refused = readInputFile(await written(latin(head)));
    await assert.rejects(refused, { code: 'INPUT_UNREADABLE', hint: /UTF-8/ });
  }
});

test(
  'a device that never ends is left',
  { skip: existsSync('/dev/zero') ? false : 'there is no /dev/zero' },
  async () => {
    await assert.rejects(readInputFile('/dev/zero'), {
      code: 'INPUT_UNREADABLE',
      message: /no end/,
    });
  },
);
