import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The page is built into what the gateway reads at its start. */
export default defineConfig({
  root: here('.'),
  base: '/',
  oxc: { jsx: { importSource: 'preact', runtime: 'automatic' } },
  build: {
    outDir: here('../../dist/page'),
    assetsDir: 'page',
    emptyOutDir: true,
    target: 'es2022',
  },
  logLevel: 'warn',
});
