// Runs commands in a project with npm's server behind the smallest gateway, inside whatever network
// this process is in: `node npm-offline-run.js FOLDER`, where FOLDER holds run.json and blobs.
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { createNpmServer } from '../../src/ecosystems/npm/server.js';
import type { CatalogEntry } from '../../src/ports/catalog.js';
import { MemoryBytes, serveView, viewOf } from '../ecosystems/npm/held.js';

/** What run.json holds. */
export interface OfflineRun {
  entries: CatalogEntry[];
  project: string;
  commands: string[][];
  env: Record<string, string>;
}

/** What is printed, one a command. */
export interface OfflineResult {
  command: string[];
  status: number | null;
  output: string;
}

const folder = isMainThread ? (process.argv[2] ?? '') : (workerData as string);
const run = JSON.parse(readFileSync(join(folder, 'run.json'), 'utf8')) as OfflineRun;

if (isMainThread) {
  // The server answers from a thread of its own, since the commands below block this one.
  const worker = new Worker(new URL(import.meta.url), { workerData: folder });
  const url = await new Promise<string>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
  });
  const results: OfflineResult[] = [];
  for (const command of run.commands) results.push(await execute(command, url));
  process.stdout.write(JSON.stringify(results));
  await worker.terminate();
} else {
  const { url } = await serveView(view());
  parentPort?.postMessage(url);
}

function view(): ReturnType<typeof viewOf> {
  const bytes = new MemoryBytes();
  for (const entry of run.entries) bytes.add(readFileSync(join(folder, 'blobs', entry.sha256)));
  return viewOf(run.entries, bytes);
}

async function execute(command: string[], gateway: string): Promise<OfflineResult> {
  const [program = '', ...args] = command;
  const settings = await createNpmServer().settings({
    command: program,
    gateway,
    bundles: [],
    view: view(),
  });
  const dir = join(folder, `settings-${Math.abs(hash(command.join(' ')))}`);
  const placed = (text: string): string => text.replaceAll('{dir}', dir);
  for (const { path, text } of settings.files) {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  }
  const env = Object.fromEntries(
    Object.entries(settings.env).map(([key, value]) => [key, placed(value)]),
  );
  const result = spawnSync(program, [...settings.args.map(placed), ...args], {
    cwd: run.project,
    env: { ...run.env, ...env },
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { command, status: result.status, output: `${result.stdout}${result.stderr}` };
}

function hash(text: string): number {
  return [...text].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) | 0, 7);
}
