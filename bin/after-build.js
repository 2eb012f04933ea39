// What tsc leaves to do: drop compiled files whose source is gone, list the commands, and build the page
// where it changed.
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
for (const folder of ['src', 'commands', 'test', 'fixtures', 'bench']) {
  for (const compiled of globSync(`dist/${folder}/**/*.js`, { cwd: root })) {
    const source = relative('dist', compiled).replace(/\.js$/, '.ts');
    if (!existsSync(join(root, source))) rmSync(join(root, compiled));
  }
}

// With the list oclif loads the one command that is asked for; without it, all of them.
const { Plugin } = await import('@oclif/core');
const plugin = new Plugin({
  root,
  type: 'core',
  ignoreManifest: true,
  errorOnManifestCreate: true,
  respectNoCacheDefault: true,
});
await plugin.load();
writeFileSync(join(root, 'oclif.manifest.json'), JSON.stringify(plugin.manifest));

const built = join(root, 'dist/page/index.html');
const builtMs = existsSync(built) ? statSync(built).mtimeMs : 0;
const sources = globSync(['src/page/**/*', 'src/ports/insight.ts', 'package-lock.json'], {
  cwd: root,
});
if (sources.some((file) => statSync(join(root, file)).mtimeMs > builtMs)) {
  const node = (...args) => execFileSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  node('node_modules/typescript-7/bin/tsc', '-p', 'src/page/tsconfig.json');
  node('node_modules/vite/bin/vite.js', 'build', '--config', 'src/page/vite.config.ts');
}
