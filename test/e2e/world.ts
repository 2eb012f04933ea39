import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { startFixtures, type Fixtures } from '../../fixtures/upstream/fixtures.js';
import type { WheelRecipe } from '../../fixtures/upstream/pypi-archives.js';
import { XProcess, type XEventLine, type XExit } from '../../fixtures/x-process.js';

/** What a step may take on a busy machine; tests end long before. */
export const STEP_MS = 60_000;

/** Requirement lines of the generated packages. */
export const MANY = Array.from({ length: 60 }, (_, i) => `x-many-${i}`);
export const HUGE = ['x-vast'];
/** A few files of each kind: in a pack, a file of their own, several pieces. */
export const FEW = ['x-alpha', 'x-large', 'x-many-40', 'x-many-50'];

/** Bytes that do not compress, the same for the same seed. */
function noise(lengthBytes: number, seed: string): Buffer {
  return createHash('shake256', { outputLength: lengthBytes }).update(seed).digest();
}

function generated(name: string, lengthBytes: number): WheelRecipe {
  return { name, version: '1.0', files: [['noise.bin', noise(lengthBytes, name)]] };
}

/** 60 wheels of 2 to 120 KB, 3.7 MB in all, and one of 10 MB. */
const WHEELS: readonly WheelRecipe[] = [
  ...MANY.map((name, i) => generated(name, 2_000 * (i + 1))),
  ...HUGE.map((name) => generated(name, 10_000_000)),
];

/** Where one test lives: a folder, the made-up upstreams, and every process it started. */
export interface World {
  folder: string;
  fixtures: Fixtures;
  /** Starts `x` with `--json`; ended with the test. */
  start(args: readonly string[], env?: NodeJS.ProcessEnv): XProcess;
  /** Runs `x` to its end. */
  run(args: readonly string[], env?: NodeJS.ProcessEnv): Promise<XExit>;
  /** Runs `x` to its end without `--json`, as a person would. */
  say(args: readonly string[]): Promise<XExit>;
  /** Signs a bundle of these requirement lines and stops; the source's DID. */
  sign(lines: readonly string[], options?: SourceOptions): Promise<string>;
  /** A source of these requirement lines, as soon as its process is there. */
  sourceProcess(lines: readonly string[], options?: SourceOptions): Promise<XProcess>;
  /** A source of these requirement lines that serves. */
  source(lines: readonly string[], options?: SourceOptions): Promise<Source>;
  /** The arguments of a client with a data folder of that name. */
  client(name: string, master: string, ...more: string[]): string[];
  data(name: string): string;
}

export interface SourceOptions {
  /** The bundle's name, and that of the data folder. */
  name?: string;
  data?: string;
  listen?: string;
  more?: string[];
}

export interface Source {
  process: XProcess;
  invite: string;
  did: string;
  /** HOST:PORT. */
  address: string;
  /** Bytes of the bundle. */
  bytes: number;
  version: number;
}

let shared: Promise<Fixtures & { folder: string }> | undefined;
let users = 0;

/** Opens a world that is gone after the test. */
export async function openWorld(context: TestContext): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), 'x-e2e-'));
  users += 1;
  shared ??= startShared();
  const fixtures = await shared;
  const running: XProcess[] = [];
  context.after(async () => {
    for (const process of running) await process.stop('SIGKILL');
    await rm(folder, { recursive: true, force: true });
    users -= 1;
    if (users > 0) return;
    shared = undefined;
    await fixtures.close();
    await rm(fixtures.folder, { recursive: true, force: true });
  });
  const data = (name: string): string => join(folder, name);
  const world: World = {
    folder,
    fixtures,
    data,
    start: (args, env = {}) => {
      const process = new XProcess([...args, '--json'], { env });
      running.push(process);
      return process;
    },
    run: (args, env) => world.start(args, env).exited,
    client: (name, master, ...more) => [
      ...['client', '--master', master, '--data', data(name)],
      ...['--listen', '0', '--port', '0', ...more],
    ],
    say: (args) => {
      const process = new XProcess(args);
      running.push(process);
      return process.exited;
    },
    sign: async (lines, options) => {
      const process = await sourceProcess(world, lines, { ...options, more: ['--once'] });
      const { did } = await process.waitFor('signed', STEP_MS);
      await process.exited;
      return String(did);
    },
    sourceProcess: (lines, options) => sourceProcess(world, lines, options),
    source: (lines, options) => startSource(world, lines, options),
  };
  return world;
}

/** The environment of a machine whose clock is so many days ahead. */
export function withClock(days: number): NodeJS.ProcessEnv {
  const code = `const D=Date,s=${days * 86_400_000};globalThis.Date=class extends D{constructor(...a){if(a.length>0)super(...a);else super(D.now()+s)}static now(){return D.now()+s}}`;
  return { NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(code)}` };
}

async function startShared(): Promise<Fixtures & { folder: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'x-e2e-fixtures-'));
  return { ...(await startFixtures(folder, { wheels: WHEELS })), folder };
}

async function sourceProcess(
  world: World,
  lines: readonly string[],
  { name = 'bundle', data = 'source', listen = '0', more = [] }: SourceOptions = {},
): Promise<XProcess> {
  // The file's name is in the bundle: it is the same wherever the data lies.
  const file = join(world.folder, 'inputs', data, `${name}.txt`);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${lines.join('\n')}\n`);
  return world.start(
    [
      ...['source', '-r', file, '--name', name, '--data', world.data(data), '--listen', listen],
      ...['--python', '3.11', '--platform', 'linux/amd64', ...world.fixtures.allArgs, ...more],
    ],
    world.fixtures.allEnv,
  );
}

async function startSource(
  world: World,
  lines: readonly string[],
  options?: SourceOptions,
): Promise<Source> {
  const process = await sourceProcess(world, lines, options);
  const signed = await process.waitFor('signed', STEP_MS);
  const serving = await process.waitFor('serving', STEP_MS);
  const invite = String(serving['invite']);
  const [did = '', address = ''] = invite.replace('x://', '').split('@');
  return {
    process,
    invite,
    did,
    address,
    bytes: Number(signed['bytes']),
    version: Number(signed['version']),
  };
}

/** The last event of a name. */
export function lastEvent(process: XProcess, name: string): XEventLine | undefined {
  return process.events.findLast(({ event }) => event === name);
}

/** The texts of all warnings and errors, a line each. */
export function told(process: XProcess): string {
  return process.events
    .filter(({ event }) => event === 'warning' || event === 'error')
    .map(({ message }) => String(message))
    .join('\n');
}

/** A data folder as another machine's: the same content under another key. */
export async function cloneData(world: World, from: string, to: string): Promise<void> {
  await cp(world.data(from), world.data(to), { recursive: true, preserveTimestamps: true });
  for (const own of ['keys', 'resident.lock', 'resident.json', 'writers']) {
    await rm(join(world.data(to), own), { recursive: true, force: true });
  }
}
