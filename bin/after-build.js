// What tsc leaves to do: drop compiled files whose source is gone, and copy what is not TypeScript.
import { existsSync, globSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
for (const folder of ['src', 'commands', 'test', 'fixtures', 'bench']) {
  for (const compiled of globSync(`dist/${folder}/**/*.js`, { cwd: root })) {
    const source = relative('dist', compiled).replace(/\.js$/, '.ts');
    if (!existsSync(join(root, source))) rmSync(join(root, compiled));
  }
}
