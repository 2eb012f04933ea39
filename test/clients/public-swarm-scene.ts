import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { XProcess, type XEventLine } from '../../fixtures/x-process.js';
import { Lan, whyNoNamespaces } from '../swarm/namespaces.js';

const REGISTRY = fileURLToPath(new URL('public-swarm-registry.js', import.meta.url));
const REGISTRY_IP = '10.78.0.100';
/** A machine of two cores starts twelve processes meanwhile. */
const START_MS = 90_000;

/** 30 packages of 100 to 680 KB: 11.7 MB. */
export function swarmPackages(): { name: string; lengthBytes: number }[] {
  return Array.from({ length: 30 }, (_, i) => ({
    name: `x-swarm-${i}`,
    lengthBytes: 100_000 + 20_000 * i,
  }));
}

export function whyNoSwarm(): string | undefined {
  const { error } = spawnSync('tc', ['-V']);
  return whyNoNamespaces() ?? (error === undefined ? undefined : 'iproute2 (tc) is missing');
}

export interface Signed {
  signed: XEventLine;
  warnings: string[];
  seconds: number;
}

/** Hosts on one wire: a registry, nodes of the public swarm, and who fetches over a slow link. */
export class PublicSwarmScene {
  readonly #lan = new Lan();
  readonly #hosts = new Map<number, string>();
  readonly #running: XProcess[] = [];
  #registry: ChildProcess | undefined;
  #index = '';
  #linkMbit = 0;
  #asked = 0;
  #fetches = 0;

  private constructor(readonly folder: string) {}

  /** @param linkMbit of every host but the registry's; the one that fetches is number 0. */
  static async open(t: TestContext, linkMbit: number): Promise<PublicSwarmScene> {
    const scene = new PublicSwarmScene(await mkdtemp(join(tmpdir(), 'x-public-swarm-')));
    t.after(() => scene.#close());
    await scene.#startRegistry();
    scene.#linkMbit = linkMbit;
    const names = swarmPackages().map(({ name }) => name);
    await writeFile(scene.requirements, `${names.join('\n')}\n`);
    return scene;
  }

  get requirements(): string {
    return join(this.folder, 'requirements.txt');
  }

  /** Wheels that the registry was asked for, parts of one counted each. */
  get asked(): number {
    return this.#asked;
  }

  /** The packages are carried to this host's data folder, which makes it one that holds them. */
  async hold(number: number): Promise<void> {
    const { code, stdout } = await this.#source(number, this.#data(number), ['--no-swarm']).exited;
    if (code !== 0) throw new Error(stdout);
  }

  /** `x node` on its host, once it is connected with somebody. */
  async node(number: number, peer: number | undefined): Promise<XProcess> {
    const node = this.#start(number, [
      ...['node', '--data', this.#data(number), '--port', '0', '--no-mdns', '--no-rendezvous'],
      ...['--no-upnp', '--public-index', this.#index],
      ...(peer === undefined ? [] : ['--peer', `10.78.0.${peer}:8471`]),
    ]);
    await node.waitFor('joined', START_MS);
    if (peer !== undefined)
      await node.waitFor('nodes', START_MS, ({ connected }) => Number(connected) > 0);
    return node;
  }

  /** `x source -r --once` at the end of the slow link, with nothing held. */
  fetch(more: readonly string[]): { process: XProcess; done: Promise<Signed> } {
    const beganMs = performance.now();
    const process = this.#source(0, join(this.folder, `fetched-${this.#fetches++}`), more);
    const ended = async (): Promise<Signed> => {
      const { code } = await process.exited;
      const signed = process.events.find(({ event }) => event === 'signed');
      if (code !== 0 || signed === undefined) throw new Error(process.story());
      const warnings = process.events.filter(
        ({ event, message }) =>
          event === 'warning' && !/nothing but its bytes/.test(String(message)),
      );
      const seconds = (performance.now() - beganMs) / 1_000;
      return { signed, seconds, warnings: warnings.map(({ message }) => String(message)) };
    };
    return { process, done: ended() };
  }

  /** Reads what the last fetch brought again. */
  async verify(): Promise<number | null> {
    const data = join(this.folder, `fetched-${this.#fetches - 1}`);
    return (await this.#start(0, ['verify', 'set', '--data', data]).exited).code;
  }

  peer(number: number): string[] {
    return ['--peer', `10.78.0.${number}:8471`];
  }

  #source(number: number, data: string, more: readonly string[]): XProcess {
    return this.#start(number, [
      ...['source', '-r', this.requirements, '--name', 'set', '--data', data, '--once'],
      ...['--python', '3.11', '--platform', 'linux/amd64', '--public-index', this.#index, ...more],
    ]);
  }

  #start(number: number, args: readonly string[]): XProcess {
    const env = {
      PIP_CONFIG_FILE: '/dev/null',
      PIP_INDEX_URL: this.#index,
      PIP_EXTRA_INDEX_URL: '',
      PIP_FIND_LINKS: '',
    };
    const prefix = ['ip', 'netns', 'exec', this.#host(number)];
    const process = new XProcess([...args, '--json'], { env, prefix });
    this.#running.push(process);
    return process;
  }

  #host(number: number): string {
    const known = this.#hosts.get(number);
    if (known !== undefined) return known;
    const host = this.#lan.host();
    this.#hosts.set(number, host);
    this.#lan.plug(host, 'eth0', [`10.78.0.${number === 0 ? 200 : number}/24`]);
    // Before it is used: what a host that will hold a set downloads comes over the same line.
    this.#lan.shape(host, this.#linkMbit);
    return host;
  }

  #data(number: number): string {
    return join(this.folder, `node-${number}`);
  }

  async #startRegistry(): Promise<void> {
    const host = this.#lan.host();
    this.#lan.plug(host, 'eth0', [`${REGISTRY_IP}/24`]);
    const child = spawn('ip', ['netns', 'exec', host, process.execPath, REGISTRY, REGISTRY_IP], {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    this.#registry = child;
    this.#index = await new Promise<string>((resolve, reject) => {
      child.on('exit', (code) => reject(new Error(`the registry ended: ${code}`)));
      child.on('message', (message: { index?: string }) => {
        if (message.index === undefined) this.#asked += 1;
        else resolve(message.index);
      });
    });
  }

  async #close(): Promise<void> {
    await Promise.all(this.#running.map((process) => process.stop('SIGKILL')));
    this.#registry?.kill('SIGKILL');
    await this.#lan.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}
