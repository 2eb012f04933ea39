import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { Client } from './client.js';
import type { Contender, Content, Launch, Stage, StrangerKind } from './contender.js';
import { HostProcess, type Told } from './host-process.js';
import { Lan, type LinkMbit } from './lan.js';
import { idleShare, machineTicks } from './machine.js';
import { resultOf, type Restart, type TrialResult } from './trial-result.js';

const START_MS = 60_000;
const LEAVE_MS = 5_000;

export interface TrialInput {
  contender: Contender;
  content: Content;
  /** Host 0 is the source, then come the clients, then the strangers. */
  links: readonly LinkMbit[];
  strangers?: readonly StrangerKind[];
  /** All on host 0, over its loopback interface. */
  oneHost?: boolean;
  /** Of the harness; the trial makes and removes one of its own in it. */
  folder: string;
  deadlineMs: number;
  nodeFlags?: (host: number) => string[];
  /** Seconds between one client's start and the next one's. */
  joinEverySeconds?: number;
  /** What happens to them meanwhile. */
  disturb?: (trial: Disturbable) => Promise<void>;
}

/** What a disturbance may do. */
export interface Disturbable {
  contentBytes: number;
  /** Of the trial; clients keep theirs in folders of it. */
  folder: string;
  clients: readonly number[];
  sourceSentBytes(): Promise<number>;
  killSource(): Promise<void>;
  /** Kills a client without a word; started again it goes on in its folder. */
  kill(host: number): Promise<void>;
  restart(host: number): Promise<void>;
  /** Something worth a line in the report. */
  note(text: string): void;
  /** The share of the content that a client said it has; 0 where it does not say. */
  share(host: number): number;
  /** Aborted when the trial is over. */
  signal: AbortSignal;
}

/** One contender brings the content to every client once. */
export async function runTrial(input: TrialInput): Promise<TrialResult> {
  const folder = join(input.folder, `trial-${input.contender.name}`);
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const lan = await Lan.up(input.links, { oneHost: input.oneHost ?? false });
  const trial = new Trial(input, lan, folder);
  try {
    return await trial.run();
  } finally {
    await trial.end();
    lan.down();
    await rm(folder, { recursive: true, force: true });
  }
}

class Trial {
  readonly #input: TrialInput;
  readonly #lan: Lan;
  readonly #stage: Stage;
  readonly #clients: Client[];
  readonly #strangers: HostProcess[] = [];
  /** Hosts that were killed and are to come back. */
  readonly #awaited = new Set<number>();
  readonly #restarts: Restart[] = [];
  readonly #notes: string[] = [];
  readonly #over = new AbortController();
  #source: HostProcess | undefined;
  #serving: Told | undefined;
  #started = 0;

  constructor(input: TrialInput, lan: Lan, folder: string) {
    this.#input = input;
    this.#lan = lan;
    const clients = input.links.map((_, host) => host).slice(1);
    if (input.strangers !== undefined) clients.splice(-input.strangers.length);
    this.#clients = clients.map((host) => new Client(host, join(folder, `go-${host}`)));
    const nodeFlags = input.nodeFlags ?? (() => []);
    this.#stage = { content: input.content, lan, folder, clients, nodeFlags };
  }

  async run(): Promise<TrialResult> {
    await this.#serve();
    await this.#startStrangers();
    for (const client of this.#clients) await this.#load(client);
    // What others have left to write is not this one's to wait for.
    await promisify(execFile)('sync');
    const before = { links: await this.#lan.counters(), ticks: machineTicks() };
    const disturbing = this.#disturb();
    const deadline = Date.now() + this.#input.deadlineMs;
    await Promise.all(
      this.#clients.map(async (client, at) => {
        await sleep(at * (this.#input.joinEverySeconds ?? 0) * 1000);
        await this.#go(client);
        await this.#follow(client, deadline);
      }),
    );
    const after = { links: await this.#lan.counters(), ticks: machineTicks() };
    this.#over.abort();
    await disturbing;
    if (this.#input.nodeFlags) await this.#untilLeft();
    await this.end();
    this.#noteLiar();
    const traffic = after.links.map((link, host) => ({
      sent: link.sent - (before.links[host]?.sent ?? 0),
      received: link.received - (before.links[host]?.received ?? 0),
    }));
    const { contender, content } = this.#input;
    return {
      ...resultOf({
        ...{ contender: contender.name, contentBytes: content.bytes, traffic },
        ...{ source: this.#source, clients: this.#clients },
      }),
      idleShare: idleShare(before.ticks, after.ticks),
      restarts: this.#restarts,
      notes: this.#notes,
    };
  }

  /** What it fails at is told; the clients show what came of it. */
  async #disturb(): Promise<void> {
    try {
      await this.#input.disturb?.(this.#disturbable());
    } catch (error) {
      const isCutShort = this.#over.signal.aborted;
      this.#notes.push(
        `DISTURBANCE ${isCutShort ? 'CAME TOO LATE' : 'FAILED'}: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
  }

  async end(): Promise<void> {
    this.#over.abort();
    await Promise.all(
      [this.#source, ...this.#strangers, ...this.#clients.map(({ process }) => process)].map(
        async (one) => {
          await one?.stop();
        },
      ),
    );
  }

  async #serve(): Promise<void> {
    const { contender } = this.#input;
    this.#source = this.#spawn(0, await contender.source(this.#stage));
    if ('event' in contender.serving)
      this.#serving = await this.#source.told(contender.serving.event, START_MS);
    else await this.#untilListening(contender.serving.port);
  }

  async #startStrangers(): Promise<void> {
    const { contender, strangers = [] } = this.#input;
    for (const [at, kind] of strangers.entries()) {
      const host = this.#clients.length + 1 + at;
      const launch = await contender.stranger?.(this.#stage, host, kind);
      if (launch === undefined) throw new Error(`${contender.name} knows no ${kind} peer`);
      const process = this.#spawn(host, launch);
      this.#strangers.push(process);
      await process.told('serving', START_MS);
    }
  }

  /** What Node was asked to write at its end is lost where a signal ends it. */
  async #untilLeft(): Promise<void> {
    const leaving = this.#clients.map(async ({ process }) => await process?.exited);
    await Promise.race([Promise.all(leaving), sleep(LEAVE_MS)]);
  }

  /** A liar that nobody caught was not met, and shows nothing. */
  #noteLiar(): void {
    if (this.#input.strangers?.includes('lying') !== true) return;
    const caught = this.#clients.filter(({ processes }) =>
      processes.some(({ events }) =>
        events.some((told) => /bad piece/.test(String(told['message']))),
      ),
    );
    this.#notes.push(`the liar was caught by ${caught.length} of ${this.#clients.length} clients`);
  }

  async #untilListening(port: number): Promise<void> {
    const hex = port.toString(16).toUpperCase().padStart(4, '0');
    for (let tries = 0; tries < START_MS / 50; tries += 1) {
      const source = this.#source;
      if (source?.endedMs !== undefined) break;
      const sockets = await readFile(`/proc/${(await source?.pid()) ?? 0}/net/tcp`, 'utf8');
      if (new RegExp(`:${hex} [0-9A-F:]+ 0A`).test(sockets)) return;
      await sleep(50);
    }
    throw new Error(`the source does not listen:\n${this.#source?.story() ?? ''}`);
  }

  async #load(client: Client): Promise<void> {
    const launch = await this.#input.contender.client(
      ...([this.#stage, client.host, client.gate, this.#serving] as const),
    );
    client.launch = launch;
    // A plain one has nothing to load: it is started when it goes.
    if (launch.manner === 'plain') return;
    const process = this.#spawn(client.host, launch);
    client.processes.push(process);
    const loaded = await process.told('loaded', START_MS);
    client.loadSeconds = (loaded.atMs - process.startedMs) / 1000;
  }

  async #go(client: Client): Promise<void> {
    client.wentMs = Date.now();
    if (client.process === undefined) {
      const process = this.#spawn(client.host, client.launch);
      client.processes.push(process);
      client.connectedMs = process.startedMs;
    } else await writeFile(client.gate, '');
  }

  /** Until it is complete, through as many processes as it is given. */
  async #follow(client: Client, deadlineMs: number): Promise<void> {
    while (client.completeMs === undefined && Date.now() < deadlineMs) {
      const { process } = client;
      const leftMs = deadlineMs - Date.now();
      if (process === undefined) return;
      try {
        if (client.loadSeconds === 0) client.completeMs = await untilDone(process, leftMs);
        else {
          client.connectedMs ??= (await process.told('connected', leftMs)).atMs;
          client.completeMs = (await process.told('complete', leftMs)).atMs;
        }
      } catch (error) {
        // It was killed, and somebody may start it again.
        const next = await this.#nextProcess(client, process, deadlineMs);
        if (next) continue;
        client.failure = error instanceof Error ? error.message : String(error);
        return;
      }
    }
  }

  async #nextProcess(client: Client, last: HostProcess, deadlineMs: number): Promise<boolean> {
    while (this.#awaited.has(client.host) && Date.now() < deadlineMs) {
      if (client.process !== last) return true;
      await sleep(20);
    }
    return client.process !== last;
  }

  #disturbable(): Disturbable {
    const client = (host: number): Client => {
      const found = this.#clients.find((one) => one.host === host);
      if (!found) throw new Error(`host ${host} is no client`);
      return found;
    };
    return {
      contentBytes: this.#input.content.bytes,
      folder: this.#stage.folder,
      clients: this.#stage.clients,
      sourceSentBytes: async () => (await this.#lan.counters())[0]?.sent ?? 0,
      killSource: async () => this.#source?.stop('SIGKILL'),
      note: (text) => void this.#notes.push(text),
      kill: async (host) => {
        this.#awaited.add(host);
        await client(host).process?.stop('SIGKILL');
      },
      restart: async (host) => {
        const one = client(host);
        // The gate stands open by now.
        const share = one.heldBytes / this.#input.content.bytes;
        const next = this.#spawn(host, one.launch);
        one.processes.push(next);
        this.#awaited.delete(host);
        const ready = await next.told('connected', this.#input.deadlineMs);
        this.#restarts.push({
          host,
          share,
          readySeconds: (ready.atMs - next.startedMs) / 1000,
          readBytes: await next.readBytes(),
        });
      },
      share: (host) => client(host).heldBytes / this.#input.content.bytes,
      signal: this.#over.signal,
    };
  }

  #spawn(host: number, { command, env = {} }: Launch) {
    this.#started += 1;
    return new HostProcess({
      prefix: this.#lan.prefix(host),
      command,
      usageFile: join(this.#stage.folder, `usage-${this.#started}`),
      env,
    });
  }
}

async function untilDone(process: HostProcess, leftMs: number): Promise<number> {
  const over = new AbortController();
  const code = await Promise.race([
    process.exited,
    sleep(leftMs, undefined, { signal: over.signal }).catch(() => undefined),
  ]);
  over.abort();
  if (code === 0 && process.endedMs !== undefined) return process.endedMs;
  throw new Error(
    code === undefined ? 'not done in time' : `ended with ${code}:\n${process.story()}`,
  );
}
