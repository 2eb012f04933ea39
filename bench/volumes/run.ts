import { spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, mkdtemp, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { systemClock } from '../../src/platform/clock.js';
import { buildBundle } from '../../src/operations/build-bundle.js';
import type { FetchedArtifact } from '../../src/ports/ecosystem.js';
import { openData } from '../../src/roles/open-data.js';
import { openIdentity } from '../../src/roles/open-keys.js';
import { formatBytes } from '../../src/roles/printer.js';

/**
 * Export, import and verify beside `zip -0`, `cp` and `sha256sum`, with the same bytes in the same run.
 * `npm run bench:volumes -- [--bytes 5368709120] [--folder DIR]`: the folder's file system is the
 * medium; three times the bytes have to fit.
 */
const MIB = 1 << 20;
const X = new URL('../../../bin/run.js', import.meta.url).pathname;

interface Run {
  what: string;
  seconds: number;
  /** Of processor time, all of its processes together. */
  cpuSeconds: number;
  peakBytes: number;
}

const { values } = parseArgs({
  options: {
    bytes: { type: 'string', default: String(5 * 2 ** 30) },
    folder: { type: 'string', default: '.' },
  },
});
const totalBytes = Number(values.bytes);
const dir = await mkdtemp(join(values.folder, 'bench-volumes-'));
try {
  await bench();
} finally {
  await rm(dir, { recursive: true, force: true });
}

async function bench(): Promise<void> {
  const load = (): string => readFileSync('/proc/loadavg', 'utf8').split(' ')[0] ?? '';
  const before = load();
  const at = (name: string): string => join(dir, name);
  await fill(at('data'), at('files'));
  const runs: Run[] = [];
  const run = async (what: string, command: string, args: string[]): Promise<void> => {
    spawnSync('sync', ['-f', dir]);
    forget();
    runs.push({ what, ...(await measured(command, args)) });
    const last = runs.at(-1);
    process.stderr.write(`${what}: ${last?.seconds.toFixed(1)} s\n`);
  };
  const x = (...args: string[]): [string, string[]] => [process.execPath, [X, ...args, '--quiet']];
  const shell = (text: string): [string, string[]] => ['sh', ['-ec', text]];

  await run(
    'x export',
    ...x('export', 'bench', '--no-read-back', '--to', at('out'), '--data', at('data')),
  );
  await run('cp + sync', ...shell(`cp -r ${at('files')} ${at('copy')}; sync -f ${at('copy')}`));
  await rm(at('copy'), { recursive: true });
  if (spawnSync('zip', ['-v']).status === 0) {
    await run(
      'zip -0 + sync',
      ...shell(`zip -0 -q -r ${at('all.zip')} ${at('files')}; sync -f ${at('all.zip')}`),
    );
    await rm(at('all.zip'));
  }
  await run('x verify', ...x('verify', at('out'), '--data', at('reader')));
  await run('sha256sum', ...shell(`sha256sum ${at('out')}/* > /dev/null`));
  await run('x import', ...x('import', at('out'), '--accept-new', '--data', at('other')));
  await rm(at('other'), { recursive: true });
  await run(
    'sha256sum, cp + sync',
    ...shell(
      `sha256sum ${at('out')}/* > /dev/null; cp -r ${at('out')} ${at('copy')}; sync -f ${at('copy')}`,
    ),
  );
  report(runs);
  process.stdout.write(`load ${before} before, ${load()} after\n`);
}

/** Everything begins on the disk: what the page cache holds is what ran before. */
function forget(): void {
  const drop = ['-exec', 'dd', 'if={}', 'iflag=nocache', 'count=0', 'status=none', ';'];
  const { status } = spawnSync('find', [dir, '-type', 'f', ...drop]);
  if (status !== 0) throw new Error('the page cache cannot be emptied of the files: dd is needed');
}

/** A bundle of files of 1 KB to 256 MiB, half of it in large ones, and the same files in a folder. */
async function fill(folder: string, files: string): Promise<void> {
  await mkdir(files);
  const data = await openData(folder);
  try {
    const identity = await openIdentity(folder);
    const artifacts: FetchedArtifact[] = [];
    const sizes = [256 * MIB, 16 * MIB, 2 * MIB, MIB / 4, 10_000];
    for (let made = 0, count = 0; made < totalBytes; count += 1) {
      const lengthBytes = Math.min(sizes[count % sizes.length] ?? MIB, totalBytes - made);
      artifacts.push(await artifact(data.store, files, `p${count}`, lengthBytes));
      made += lengthBytes;
    }
    await buildBundle(
      { store: data.store, catalog: data.catalog, clock: systemClock, identity },
      { name: 'bench', artifacts, sealed: [], inputs: [], targets: ['any'] },
    );
  } finally {
    await data.close();
  }
}

async function artifact(
  store: Awaited<ReturnType<typeof openData>>['store'],
  files: string,
  name: string,
  lengthBytes: number,
): Promise<FetchedArtifact> {
  const block = randomBytes(Math.min(lengthBytes, MIB));
  const file = await open(join(files, name), 'w');
  const pieces: Buffer[] = [];
  for (let at = 0; at < lengthBytes; at += block.length) {
    block.writeUInt32LE(at / MIB, 0);
    const piece = Buffer.from(block.subarray(0, Math.min(block.length, lengthBytes - at)));
    await file.write(piece);
    pieces.push(piece);
  }
  await file.close();
  const { sha256, sha512 } = await store.putBytes(Buffer.concat(pieces));
  const filename = `${name}-1.0-py3-none-any.whl`;
  return {
    sha256,
    sha512,
    lengthBytes,
    artifact: {
      purl: `pkg:pypi/${name}@1.0`,
      ecosystem: 'pypi',
      name,
      version: '1.0',
      filename,
      path: `pypi/${name}/${filename}`,
      sizeBytes: lengthBytes,
      digests: { sha256 },
      url: `https://index.example/${filename}`,
      proof: 'none',
      requiredBy: [],
      requires: [],
      targets: ['any'],
      private: false,
      detail: {},
    },
  };
}

async function measured(command: string, args: string[]): Promise<Omit<Run, 'what'>> {
  const before = childrenCpuSeconds();
  const start = performance.now();
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  let peakBytes = 0;
  const watch = setInterval(() => (peakBytes = Math.max(peakBytes, peakOf(child.pid))), 100);
  const code = await new Promise((resolve) => child.on('exit', resolve));
  clearInterval(watch);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${String(code)}`);
  const seconds = (performance.now() - start) / 1000;
  return { seconds, cpuSeconds: childrenCpuSeconds() - before, peakBytes };
}

/** What the processes that have ended used (Linux). */
function childrenCpuSeconds(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

/** The most memory that a process had so far (Linux). */
function peakOf(pid: number | undefined): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return 1024 * Number(/^VmHWM:\s+(\d+)/m.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

function report(runs: readonly Run[]): void {
  const rows = runs.map(({ what, seconds, cpuSeconds, peakBytes }) => {
    const rate = formatBytes(totalBytes / seconds);
    return `| ${what.padEnd(22)} | ${seconds.toFixed(1).padStart(7)} | ${`${rate}/s`.padStart(10)} | ${cpuSeconds.toFixed(1).padStart(7)} | ${formatBytes(peakBytes).padStart(8)} |`;
  });
  const head = ['what', 'seconds', 'rate', 'CPU s', 'peak'];
  process.stdout.write(
    `${formatBytes(totalBytes)}\n\n| ${head.join(' | ')} |\n| --- | --- | --- | --- | --- |\n${rows.join('\n')}\n`,
  );
}
