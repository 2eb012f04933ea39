// npm run bench:gateway: the gateway beside nginx, on one machine, in one run. Needs wrk, nginx and curl.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bytesOf, fillCatalog } from './fill-catalog.js';

const RUN = fileURLToPath(new URL('../../../bin/run.js', import.meta.url));
const X_PORT = 18_470;
const NGINX_PORT = 18_480;
const PROJECTS = 100_000;
const SAMPLED = 200;
const LARGE_BYTES = 256 << 20;
const SECONDS = 8;
const ROUNDS = 3;
const READY_MS = 60_000;

interface Load {
  requests: number;
  megabytes: number;
  errors: number;
}

const folder = await mkdtemp(join(tmpdir(), 'x-bench-gateway-'));
const children: ChildProcess[] = [];
try {
  for (const tool of ['wrk', 'nginx', 'curl'])
    if (spawnSync(tool, ['-v']).error !== undefined) throw new Error(`${tool} is not installed`);
  const data = join(folder, 'data');
  await fillCatalog(data, { projects: PROJECTS, wheelBytes: 20_000, largeBytes: LARGE_BYTES });
  const gateway = start(process.execPath, [
    RUN,
    ...[
      'client',
      '--data',
      data,
      '--no-mdns',
      '--listen',
      '0',
      '--port',
      String(X_PORT),
      '--quiet',
    ],
  ]);
  await answers(`http://127.0.0.1:${X_PORT}/healthz`);
  firstPages();
  await startNginx();
  const large = `/pypi/files/${await digestOfLarge()}/large-1.0-py3-none-any.whl`;
  const scenarios: [string, string, string, number][] = [
    ['a project page, 64 connections', '/pypi/simple/project-000001/', '/page-1.html', 64],
    ['many project pages, 64 connections', 'pages', 'pages', 64],
    ['a project page, 500 connections', '/pypi/simple/project-000001/', '/page-1.html', 500],
    ['a file of 256 MiB, 4 connections', large, '/large', 4],
  ];
  for (const [name, ours, theirs, connections] of scenarios) {
    const rounds = { x: [] as Load[], nginx: [] as Load[] };
    for (let round = 0; round < ROUNDS; round += 1) {
      rounds.x.push(await load(X_PORT, ours, connections));
      rounds.nginx.push(await load(NGINX_PORT, theirs, connections));
    }
    tell(name, rounds.x, rounds.nginx);
  }
  process.stdout.write(`peak memory of the gateway: ${await peakMegabytes(gateway)} MB\n`);
} finally {
  for (const child of children) child.kill('SIGTERM');
  await rm(folder, { recursive: true, force: true });
}

function start(program: string, args: string[]): ChildProcess {
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  children.push(child);
  return child;
}

async function answers(url: string): Promise<void> {
  for (const end = Date.now() + READY_MS; ;) {
    const isUp = await fetch(url).then(
      (reply) => reply.ok,
      () => false,
    );
    if (isUp) return;
    if (Date.now() > end) throw new Error(`${url} does not answer`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** How long pages take that nobody asked for before. */
function firstPages(): void {
  const base = `http://127.0.0.1:${X_PORT}`;
  const asked: [string, string][] = [
    ['the page of all projects, first', '/pypi/simple/'],
    ['the same again', '/pypi/simple/'],
    ['a project page, first', '/pypi/simple/project-050000/'],
    ['search for "0500"', '/api/packages?q=0500'],
  ];
  for (const [name, path] of asked) {
    const format = '%{time_total} %{size_download}';
    const told = spawnSync('curl', ['-s', '-o', '/dev/null', '-w', format, base + path]).stdout;
    const [seconds, bytes] = String(told).split(' ').map(Number);
    process.stdout.write(
      `${name}: ${((seconds ?? 0) * 1000).toFixed(1)} ms, ${bytes ?? 0} bytes\n`,
    );
  }
}

/** The very pages that x serves, as files. */
async function startNginx(): Promise<void> {
  const root = join(folder, 'static');
  await mkdir(root);
  const pages: string[] = [];
  for (let i = 0; i < SAMPLED; i += 1) {
    const name = `project-${String(i * 499).padStart(6, '0')}`;
    const reply = await fetch(`http://127.0.0.1:${X_PORT}/pypi/simple/${name}/`);
    await writeFile(join(root, `page-${i}.html`), await reply.text());
    pages.push(name);
  }
  await writeFile(join(root, 'large'), bytesOf('large', LARGE_BYTES));
  await writeFile(join(folder, 'x.lua'), picker(pages.map((name) => `/pypi/simple/${name}/`)));
  await writeFile(join(folder, 'nginx.lua'), picker(pages.map((_, i) => `/page-${i}.html`)));
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((kind) => `${kind}_temp_path ${folder}/${kind};`)
    .join(' ');
  const config = `user root; daemon off; worker_processes 1; pid ${folder}/pid; error_log ${folder}/error.log;
    events { worker_connections 2048; }
    http { access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; ${temporary}
      server { listen 127.0.0.1:${NGINX_PORT}; root ${root}; } }`;
  await writeFile(join(folder, 'nginx.conf'), config);
  start('nginx', ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', `${folder}/error.log`]);
  await answers(`http://127.0.0.1:${NGINX_PORT}/page-1.html`);
}

/** A script for wrk that asks for one path after the other. */
function picker(paths: readonly string[]): string {
  const list = paths.map((path) => `"${path}"`).join(',');
  return `local paths = {${list}}\nlocal at = 0\nrequest = function()\n  at = at % #paths + 1\n  return wrk.format("GET", paths[at])\nend\n`;
}

async function digestOfLarge(): Promise<string> {
  const reply = await fetch(`http://127.0.0.1:${X_PORT}/pypi/simple/large/`);
  const digest = /#sha256=([0-9a-f]{64})/.exec(await reply.text())?.[1];
  if (digest === undefined) throw new Error('the large file is not listed');
  return digest;
}

function load(port: number, path: string, connections: number): Promise<Load> {
  const script =
    path === 'pages' ? ['-s', join(folder, port === X_PORT ? 'x.lua' : 'nginx.lua')] : [];
  const url = `http://127.0.0.1:${port}${path === 'pages' ? '/' : path}`;
  const args = ['-t', '1', '-c', String(connections), '-d', `${SECONDS}s`, '--timeout', '30s'];
  return new Promise((resolve, reject) => {
    const wrk = spawn('wrk', [...args, ...script, url], { stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    wrk.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
    wrk.on('error', reject);
    wrk.on('close', () => {
      const [, rate = '0'] = /Requests\/sec:\s+([\d.]+)/.exec(text) ?? [];
      const [, amount = '0', unit = 'B'] = /Transfer\/sec:\s+([\d.]+)([KMG]?B)/.exec(text) ?? [];
      const factor = { B: 1e-6, KB: 1.024e-3, MB: 1.048576, GB: 1073.741824 }[unit] ?? 0;
      const failures = [...text.matchAll(/(?:connect|read|write|timeout|responses:) (\d+)/g)];
      const errors = failures.reduce((sum, [, count]) => sum + Number(count), 0);
      resolve({ requests: Number(rate), megabytes: Number(amount) * factor, errors });
    });
  });
}

function tell(name: string, x: readonly Load[], nginx: readonly Load[]): void {
  const isLarge = name.includes('MiB');
  const of = (loads: readonly Load[]): number =>
    median(loads.map(({ requests, megabytes }) => (isLarge ? megabytes : requests)));
  const errors = x.reduce((sum, one) => sum + one.errors, 0);
  const unit = isLarge ? 'MB/s' : 'requests/s';
  process.stdout.write(
    `${name}: x ${Math.round(of(x))} ${unit}, nginx ${Math.round(of(nginx))}, ${Math.round((of(x) * 100) / of(nginx))} %; errors ${errors}\n`,
  );
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

async function peakMegabytes({ pid }: ChildProcess): Promise<number> {
  const status = await readFile(`/proc/${pid ?? 0}/status`, 'utf8');
  return Math.round(Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024);
}
