#!/usr/bin/env node
// Starts x. Plain JavaScript that any Node can parse: it decides whether this Node will do.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const NEEDED = '22.22.2 or newer of 22, 24.15 or newer of 24, or 26 and newer';

/** npm's own libraries set this floor: ^22.22.2 || ^24.15 || >=26. */
function suits(version) {
  const [major, minor, patch] = version.split('.').map(Number);
  if (major === 22) return minor > 22 || (minor === 22 && patch >= 2);
  if (major === 24) return minor >= 15;
  return major >= 26;
}

function handOver(node) {
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'];
  for (const signal of signals) {
    process.on(signal, () => {
      // A terminal's Ctrl-C reaches the child by itself; sent twice it would cut its farewell short.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  }
  child.on('error', (error) => refuse(`cannot start ${node}: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 1);
    for (const name of signals) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}

/**
 * Compiled code is kept beside the installed packages, where whoever could write it could write those
 * too; else in this user's own cache. Never in a folder for everybody, as Node would do by itself.
 */
async function keepCompiled() {
  const { constants, enableCompileCache } = await import('node:module');
  const folders = [
    () => fileURLToPath(new URL('../node_modules/.cache/x-compiled', import.meta.url)),
    () => join(ownCache(), 'x-compiled'),
  ];
  const failed = constants.compileCacheStatus.FAILED;
  try {
    folders.some((folder) => enableCompileCache(folder()).status !== failed);
  } catch {
    // Who has no home has no cache: x starts a little slower.
  }
}

/** A relative folder is none (XDG base directory specification): it would be another one each time. */
function ownCache() {
  const said = process.env.XDG_CACHE_HOME ?? '';
  return isAbsolute(said) ? said : join(homedir(), '.cache');
}

function refuse(reason) {
  process.stderr.write(`x: ${reason}\n`);
  process.exit(1);
}

if (suits(process.versions.node)) {
  await keepCompiled();
  // Which Node will do is decided here; oclif would load a library to decide it again.
  process.env.OCLIF_DISABLE_ENGINE_WARNING = '1';
  const { start } = await import('../dist/src/roles/command-line.js');
  delete process.env.OCLIF_DISABLE_ENGINE_WARNING;
  await start(process.argv.slice(2), import.meta.url);
} else {
  const bundled = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
  if (existsSync(bundled) && process.env.X_HANDED_OVER === undefined) {
    process.env.X_HANDED_OVER = '1';
    handOver(bundled);
  } else refuse(`needs Node ${NEEDED}; this is ${process.versions.node}`);
}
