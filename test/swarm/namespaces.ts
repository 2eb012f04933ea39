import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Did, Manifest } from '../../src/domain/bundle.js';

const CHILD = fileURLToPath(new URL('child-lan-node.js', import.meta.url));
const PREFIX = `xn${process.pid}`;

/** Why no LAN of network namespaces can be made here; undefined where it can. */
export function whyNoNamespaces(): string | undefined {
  const name = `${PREFIX}probe`;
  const { status, error, stderr } = spawnSync('ip', ['netns', 'add', name], { encoding: 'utf8' });
  if (error !== undefined) return 'iproute2 (the command ip) is missing';
  if (status !== 0) return `ip netns add is refused here (it needs root): ${stderr.trim()}`;
  spawnSync('ip', ['netns', 'delete', name]);
  return undefined;
}

function ip(...args: string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** What a node of the LAN is told to do. */
export interface LanNodeOptions {
  seed: number;
  manifest: Manifest;
  /** Lengths of the artifacts where it holds them all; otherwise it pulls. */
  holds?: number[];
  masters?: string[];
  peers?: string[];
  interfaces?: string[];
  mdns?: boolean;
}

export interface LanNodeState {
  did: Did;
  addresses: string[];
  peers: { did: Did; address: string }[];
  heldBytes: number;
  isComplete: boolean;
  /** Hosts that it opened a connection to, as the system was told. */
  dialled: string[];
  /** TCP connections that are up, loopback aside. */
  connections: number;
}

/** A node of the swarm in a process and a network namespace of its own. */
export class LanNode {
  readonly #child: ChildProcess;
  #state: LanNodeState | undefined;
  #failure: string | undefined;
  #wake: () => void = () => undefined;

  constructor(namespace: string, options: LanNodeOptions) {
    this.#child = spawn(
      'ip',
      ['netns', 'exec', namespace, process.execPath, CHILD, JSON.stringify(options)],
      { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
    );
    this.#child.on('message', (message) => {
      const told = message as LanNodeState | { failed: string };
      if ('failed' in told) this.#failure = told.failed;
      else this.#state = told;
      this.#wake();
    });
  }

  get state(): LanNodeState | undefined {
    return this.#state;
  }

  /** The first state that fits. */
  async until(fits: (state: LanNodeState) => boolean, limitMs = 20_000): Promise<LanNodeState> {
    const endMs = Date.now() + limitMs;
    for (;;) {
      if (this.#failure !== undefined) throw new Error(this.#failure);
      if (this.#state !== undefined && fits(this.#state)) return this.#state;
      if (Date.now() > endMs) throw new Error(`not in time: ${JSON.stringify(this.#state)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 250);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    await new Promise((resolve) => {
      this.#child.once('exit', resolve);
      this.#child.kill('SIGKILL');
    });
  }
}

/** Hosts on bridges; gone with `close`. */
export class Lan {
  readonly #namespaces: string[] = [];
  readonly #nodes: LanNode[] = [];
  readonly #hub = `${PREFIX}hub`;
  #links = 0;
  /** Port and interface of each wire, by host. */
  readonly #plugs = new Map<string, { port: string; name: string }[]>();

  /** @param wires How many bridges there are; they stand in a namespace of their own. */
  constructor(wires = 1) {
    this.#namespaces.push(this.#hub);
    ip('netns', 'add', this.#hub);
    for (let wire = 0; wire < wires; wire += 1) {
      ip('-n', this.#hub, 'link', 'add', `br${wire}`, 'type', 'bridge', 'mcast_snooping', '0');
      ip('-n', this.#hub, 'link', 'set', `br${wire}`, 'up');
    }
  }

  /** A host without a wire. */
  host(): string {
    const name = `${PREFIX}h${this.#namespaces.length}`;
    ip('netns', 'add', name);
    this.#namespaces.push(name);
    ip('-n', name, 'link', 'set', 'lo', 'up');
    return name;
  }

  /** Plugs an interface of a host into a bridge; without addresses it has a link-local one alone. */
  plug(host: string, name: string, addresses: readonly string[], wire = 0): void {
    const port = `p${(this.#links += 1)}`;
    this.#plugs.set(host, [...(this.#plugs.get(host) ?? []), { port, name }]);
    ip('-n', this.#hub, 'link', 'add', port, 'type', 'veth', 'peer', 'name', name, 'netns', host);
    ip('-n', this.#hub, 'link', 'set', port, 'master', `br${wire}`, 'up');
    // No waiting for an address that somebody else might have.
    execFileSync('ip', [
      ...['netns', 'exec', host, 'sh', '-c'],
      `echo 0 > /proc/sys/net/ipv6/conf/${name}/accept_dad`,
    ]);
    for (const address of addresses) ip('-n', host, 'address', 'add', address, 'dev', name);
    ip('-n', host, 'link', 'set', name, 'up');
  }

  /** A host's wires carry so much in each direction; needs tc. */
  shape(host: string, mbit: number): void {
    const shape = ['root', 'tbf', 'rate', `${mbit}mbit`, 'burst', '128kb', 'latency', '100ms'];
    for (const { port, name } of this.#plugs.get(host) ?? [])
      for (const [namespace, device] of [
        [this.#hub, port],
        [host, name],
      ] as const)
        execFileSync('tc', ['-n', namespace, 'qdisc', 'add', 'dev', device, ...shape]);
  }

  /** So that whoever would dial the internet does send a packet. */
  route(host: string, name: string): void {
    ip('-n', host, 'route', 'add', 'default', 'dev', name);
  }

  /** The bridges pass no multicast on. */
  blockMulticast(): void {
    for (let port = 1; port <= this.#links; port += 1)
      ip(
        ...['-n', this.#hub, 'link', 'set', `p${port}`],
        ...['type', 'bridge_slave', 'mcast_flood', 'off'],
      );
  }

  node(host: string, options: LanNodeOptions): LanNode {
    const node = new LanNode(host, options);
    this.#nodes.push(node);
    return node;
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.stop()));
    for (const name of this.#namespaces) spawnSync('ip', ['netns', 'delete', name]);
  }
}
