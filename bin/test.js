// Runs one part of the test suite: `node bin/test.js [clients|vectors|soak] [path words…]`.
// Without a part: all that needs neither the internet nor foreign clients.
import { spawn } from 'node:child_process';
import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const PARTS = ['clients', 'vectors', 'soak'];
const [first, ...others] = process.argv.slice(2);
const part = PARTS.includes(first) ? first : undefined;
const words = part === undefined ? process.argv.slice(2) : others;

const files = globSync('dist/test/**/*.test.js', { cwd: root })
  .filter((file) => {
    const folder = file.split('/')[2];
    if (part === 'vectors') return /vectors/.test(file);
    return part === undefined ? !['clients', 'soak'].includes(folder) : folder === part;
  })
  .filter((file) => words.every((word) => file.includes(word)))
  .sort();
if (files.length === 0) {
  process.stderr.write(`no test file for "${process.argv.slice(2).join(' ')}"\n`);
  process.exit(1);
}
// One that waits for ever is named and fails; the long runs have bounds of their own.
const bounds = part === 'soak' ? [] : ['--test-timeout=1200000'];
// npm names the user's own .npmrc to what it runs: a test that has a home of its own must not be led there.
const { npm_config_userconfig: _, ...env } = process.env;
const child = spawn(
  process.execPath,
  ['--test', '--test-concurrency=2', '--enable-source-maps', ...bounds, ...files],
  {
    cwd: root,
    env,
    stdio: 'inherit',
  },
);
child.on('exit', (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
