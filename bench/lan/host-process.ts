import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** Files of bench/lan that are not TypeScript. */
export function script(name: string): string {
  return fileURLToPath(new URL(`../../../bench/lan/${name}`, import.meta.url));
}

/** Why a command cannot be run; undefined where it can. */
export function whyNoCommand(command: string): string | undefined {
  if (existsSync(command)) return undefined;
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin'];
  return folders.some((folder) => existsSync(`${folder}/${command}`))
    ? undefined
    : `${command} is not installed`;
}

export const PYTHON = '/usr/bin/python3';
const KEPT_TEXT = 64 << 10;

export interface Usage {
  cpuSeconds: number;
  /** The kernel's part of it. */
  systemSeconds: number;
  /** The most memory that was resident at any time. */
  peakBytes: number;
}

export interface Told {
  /** Milliseconds since the epoch. */
  atMs: number;
  event: string;
  [field: string]: unknown;
}

export interface HostProcessOptions {
  /** What stands before the command: where it runs. */
  prefix: readonly string[];
  command: readonly string[];
  /** A file of its own that does not exist yet, for what it used. */
  usageFile: string;
  env?: NodeJS.ProcessEnv;
}

/** A process on one host of the LAN, measured, that tells events as JSON lines. */
export class HostProcess {
  readonly startedMs = Date.now();
  readonly events: Told[] = [];
  readonly exited: Promise<number>;
  endedMs: number | undefined;
  readonly #child: ChildProcess;
  readonly #usageFile: string;
  readonly #watchers = new Set<() => void>();
  #text = '';
  #unparsed = '';

  constructor({ prefix, command, usageFile, env = {} }: HostProcessOptions) {
    this.#usageFile = usageFile;
    const [first = '', ...rest] = [
      ...[...prefix, PYTHON, script('rusage.py'), usageFile],
      ...command,
    ];
    this.#child = spawn(first, rest, {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
      // Ctrl-C goes to the harness, which ends what it started.
      detached: true,
    });
    living.add(this);
    this.#child.stdout?.on('data', (chunk: Buffer) => this.#take(chunk.toString()));
    this.#child.stderr?.on('data', (chunk: Buffer) => this.#keep(chunk.toString()));
    this.exited = new Promise((resolve) => {
      const end = (code: number): void => {
        this.endedMs ??= Date.now();
        living.delete(this);
        this.#wake();
        resolve(code);
      };
      this.#child.on('error', (error) => {
        this.#keep(error.message);
        end(127);
      });
      this.#child.on('close', (code) => end(code ?? 128));
    });
  }

  /** The first event of a name, past or to come. */
  async told(name: string, deadlineMs: number): Promise<Told> {
    const deadline = Date.now() + deadlineMs;
    for (;;) {
      const found = this.events.find(({ event }) => event === name);
      if (found) return found;
      if (this.endedMs !== undefined) throw new Error(`ended before "${name}":\n${this.story()}`);
      if (Date.now() > deadline)
        throw new Error(`no "${name}" in ${deadlineMs} ms:\n${this.story()}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(wake, 200);
        const watchers = this.#watchers;
        function wake(): void {
          clearTimeout(timer);
          watchers.delete(wake);
          resolve();
        }
        watchers.add(wake);
      });
    }
  }

  /** The end of what it said. */
  story(): string {
    return this.#text.trim().split('\n').slice(-12).join('\n');
  }

  /** What it used, once it has ended; undefined where it was never started. */
  usage(): Usage | undefined {
    const { cpuSeconds, systemSeconds, peakBytes } = this.#account();
    return cpuSeconds === undefined || systemSeconds === undefined || peakBytes === undefined
      ? undefined
      : { cpuSeconds, systemSeconds, peakBytes };
  }

  /** The process id of the command itself. */
  async pid(): Promise<number> {
    while (this.#account().pid === undefined && this.endedMs === undefined) await sleep(10);
    return this.#account().pid ?? 0;
  }

  /** What the command read so far, from files and sockets. */
  async readBytes(): Promise<number> {
    const text = readFileSync(`/proc/${await this.pid()}/io`, 'utf8');
    return Number(/^rchar: ([0-9]+)$/m.exec(text)?.[1]);
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM', graceMs = 8_000): Promise<void> {
    if (this.endedMs !== undefined) return;
    if (signal === 'SIGKILL') process.kill(await this.pid(), signal);
    else this.#child.kill(signal);
    const timer = setTimeout(() => this.killNow(), graceMs);
    await this.exited;
    clearTimeout(timer);
  }

  /** Without waiting: the command dies with what measures it. */
  killNow(): void {
    if (this.endedMs === undefined) this.#child.kill('SIGKILL');
  }

  #account(): Partial<Usage> & { pid?: number } {
    if (!existsSync(this.#usageFile)) return {};
    return JSON.parse(readFileSync(this.#usageFile, 'utf8')) as Partial<Usage> & { pid?: number };
  }

  #take(text: string): void {
    this.#unparsed += text;
    const lines = this.#unparsed.split('\n');
    this.#unparsed = lines.pop() ?? '';
    for (const line of lines) {
      const told = line.startsWith('{"at":') ? (JSON.parse(line) as Record<string, unknown>) : {};
      if (typeof told['event'] === 'string') {
        const atMs = new Date(told['at'] as string | number).getTime();
        this.events.push({ ...told, atMs, event: told['event'] });
      }
      if (told['event'] !== 'progress') this.#keep(`${line}\n`);
    }
    this.#wake();
  }

  #keep(text: string): void {
    this.#text = (this.#text + text).slice(-KEPT_TEXT);
  }

  #wake(): void {
    for (const watcher of [...this.#watchers]) watcher();
  }
}

const living = new Set<HostProcess>();

/** Ends whatever still runs; for the way out. */
export function killHostProcesses(): void {
  for (const one of [...living]) one.killNow();
}
