import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { promisify } from 'node:util';

const run = promisify(execFile);

const PREFIX = 'xbench';
const BRIDGE = 'bridge0';
const NAMESPACES = '/run/netns';

/** A link's rate both ways in Mbit/s; undefined is as fast as the machine. */
export type LinkMbit = number | undefined;

export interface LinkBytes {
  /** Out of the host, and into it. */
  sent: number;
  received: number;
}

interface LinkStatistics {
  ifname: string;
  stats64: { rx: { bytes: number }; tx: { bytes: number } };
}

/**
 * Hosts in network namespaces of their own on one switch, which is a namespace too: nothing of this
 * machine's own network is touched, and two LANs do not meet. Each link is shaped in both directions.
 */
export class Lan {
  readonly #name: string;
  readonly #isOneHost: boolean;
  readonly hosts: number;

  private constructor(name: string, hosts: number, isOneHost: boolean) {
    this.#name = name;
    this.hosts = hosts;
    this.#isOneHost = isOneHost;
  }

  /** @param oneHost Everything on host 0: what is sent goes over its loopback interface. */
  static async up(links: readonly LinkMbit[], { oneHost = false } = {}): Promise<Lan> {
    removeAbandoned();
    const lan = new Lan(`${PREFIX}${process.pid}`, links.length, oneHost);
    living.add(lan);
    try {
      await lan.#build(links);
    } catch (error) {
      lan.down();
      throw error;
    }
    return lan;
  }

  address(at: number): string {
    const host = this.#isOneHost ? 0 : at;
    return `10.77.${Math.floor(host / 200)}.${(host % 200) + 10}`;
  }

  /** What stands before a command to run it on a host. */
  prefix(host: number): string[] {
    return ['ip', 'netns', 'exec', this.#host(this.#isOneHost ? 0 : host)];
  }

  /** What went over every link so far, as the switch counts it. */
  async counters(): Promise<LinkBytes[]> {
    if (this.#isOneHost) {
      const lo = (await statistics(this.#host(0))).find(({ ifname }) => ifname === 'lo');
      // Both directions of everybody in one number.
      return [{ sent: lo?.stats64.tx.bytes ?? 0, received: lo?.stats64.rx.bytes ?? 0 }];
    }
    const links = await statistics(this.#switch);
    return Array.from({ length: this.hosts }, (_, host) => {
      const found = links.find(({ ifname }) => ifname === `p${host}`);
      return {
        sent: found?.stats64.rx.bytes ?? 0,
        received: found?.stats64.tx.bytes ?? 0,
      };
    });
  }

  /** Also where it was built half. Processes on the hosts are to be ended before. */
  down(): void {
    living.delete(this);
    for (const name of namespaces()) {
      if (name === this.#switch || name.startsWith(`${this.#name}h`)) remove(name);
    }
  }

  get #switch(): string {
    return `${this.#name}sw`;
  }

  #host(host: number): string {
    return `${this.#name}h${host}`;
  }

  async #build(links: readonly LinkMbit[]): Promise<void> {
    const sw = this.#switch;
    await run('ip', ['netns', 'add', sw]);
    await run('ip', [
      '-n',
      sw,
      'link',
      'add',
      'name',
      BRIDGE,
      'type',
      'bridge',
      'mcast_snooping',
      '0',
    ]);
    await run('ip', ['-n', sw, 'link', 'set', BRIDGE, 'up']);
    for (const [host, mbit] of links.entries()) await this.#plug(host, mbit);
  }

  async #plug(host: number, mbit: LinkMbit): Promise<void> {
    const sw = this.#switch;
    const name = this.#host(host);
    const port = `p${host}`;
    await run('ip', ['netns', 'add', name]);
    // An address that is being probed for its like is no address yet; here nobody else can have it.
    await run('ip', ['netns', 'exec', name, 'sysctl', '-qw', 'net.ipv6.conf.default.accept_dad=0']);
    await run('ip', [
      ...['-n', sw, 'link', 'add', 'name', port, 'type', 'veth'],
      ...['peer', 'name', 'eth0', 'netns', name],
    ]);
    await run('ip', ['-n', sw, 'link', 'set', port, 'master', BRIDGE, 'up']);
    await run('ip', ['-n', name, 'addr', 'add', `${this.address(host)}/16`, 'dev', 'eth0']);
    for (const link of ['lo', 'eth0']) await run('ip', ['-n', name, 'link', 'set', link, 'up']);
    // Multicast needs a route.
    await run('ip', ['-n', name, 'route', 'add', 'default', 'dev', 'eth0']);
    if (mbit === undefined) return;
    const shape = ['root', 'tbf', 'rate', `${mbit}mbit`, 'burst', '512kb', 'latency', '100ms'];
    await run('tc', ['-n', sw, 'qdisc', 'add', 'dev', port, ...shape]);
    await run('tc', ['-n', name, 'qdisc', 'add', 'dev', 'eth0', ...shape]);
  }
}

async function statistics(namespace: string): Promise<LinkStatistics[]> {
  const { stdout } = await run('ip', ['-n', namespace, '-j', '-s', 'link', 'show']);
  return JSON.parse(stdout) as LinkStatistics[];
}

const living = new Set<Lan>();

/** Takes every LAN of this process down; for the way out. */
export function takeLansDown(): void {
  for (const lan of [...living]) lan.down();
}

/** Why hosts of one's own cannot be had here; undefined where they can. */
export function whyNoLan(): string | undefined {
  if (process.platform !== 'linux') return 'network namespaces need Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  for (const command of ['ip', 'tc']) {
    try {
      execFileSync(command, ['-V'], { stdio: 'ignore' });
    } catch {
      return `${command} is not installed (Debian: iproute2)`;
    }
  }
  return undefined;
}

function namespaces(): string[] {
  return existsSync(NAMESPACES) ? readdirSync(NAMESPACES) : [];
}

function remove(name: string): void {
  execFileSync('ip', ['netns', 'del', name]);
}

/** What a run left that was killed without a chance to clean up. */
function removeAbandoned(): void {
  for (const name of namespaces()) {
    const pid = new RegExp(`^${PREFIX}([0-9]+)(sw|h[0-9]+)$`).exec(name)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) remove(name);
  }
}
