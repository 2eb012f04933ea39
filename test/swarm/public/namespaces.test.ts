import { spawn } from 'node:child_process';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Lan, whyNoNamespaces } from '../namespaces.js';
import { until } from './hosts.js';

export interface ChildOptions {
  number: number;
  network?: string;
  listenHosts?: string[];
  peers?: string[];
  mdns?: boolean;
}

export interface ChildState {
  did: string;
  addresses: string[];
  connections: { did: string; isRelayed: boolean }[];
  /** With whom there was a connection through a relay, however short: a direct one takes its place. */
  relayed: string[];
}

interface Child {
  state: ChildState | undefined;
  connect(contact: Pick<ChildState, 'did' | 'addresses'>): void;
}

const CHILD = fileURLToPath(new URL('child-node.js', import.meta.url));
const skip = whyNoNamespaces() ?? false;

function start(t: TestContext, host: string, options: ChildOptions): Child {
  const child = spawn(
    'ip',
    ['netns', 'exec', host, process.execPath, CHILD, JSON.stringify(options)],
    { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
  );
  t.after(() => child.kill('SIGKILL'));
  const node: Child = { state: undefined, connect: (contact) => void child.send(contact) };
  child.on('message', (state) => (node.state = state as ChildState));
  return node;
}

const isWith = (node: Child, other: Child): boolean =>
  node.state?.connections.some(({ did }) => did === other.state?.did) === true;

const isRelayedTo = (node: Child, other: Child): boolean =>
  other.state !== undefined && node.state?.relayed.includes(other.state.did) === true;

test(
  'on a link nodes of one network meet by multicast, and those of another do not',
  { skip },
  async (t) => {
    const lan = new Lan();
    t.after(() => lan.close());
    const [a, b, c] = [1, 2, 3].map((number) => {
      const host = lan.host();
      lan.plug(host, 'eth0', [`10.99.0.${number}/24`]);
      return start(t, host, { number, mdns: true, network: number === 3 ? 'other' : 'test' });
    }) as [Child, Child, Child];
    await until('they meet', () => isWith(a, b) && isWith(b, a), 120_000);
    await until('the other one runs', () => c.state !== undefined);
    if (c.state?.connections.length !== 0) throw new Error('networks were mixed');
  },
);

test(
  'who cannot be reached is reached through a relay, and directly once both know each other',
  { skip },
  async (t) => {
    const lan = new Lan();
    t.after(() => lan.close());
    // Addresses as on the internet, on a wire of this test's own.
    const hosts = [1, 2, 3].map((number) => {
      const host = lan.host();
      lan.plug(host, 'eth0', [`45.99.0.${number}/24`]);
      return host;
    }) as [string, string, string];
    const relay = start(t, hosts[0], { number: 1 });
    const hidden = start(t, hosts[1], { number: 2, listenHosts: [], peers: ['45.99.0.1'] });
    const caller = start(t, hosts[2], { number: 3 });
    await until(
      'it states a relayed address',
      () =>
        hidden.state?.addresses.some(
          (address) => address.includes('/45.99.0.1/') && address.endsWith('p2p-circuit'),
        ) === true,
      120_000,
    );
    await until('all run', () => relay.state !== undefined && caller.state !== undefined);
    caller.connect(hidden.state!);
    await until('it is reached', () => isWith(caller, hidden) && isWith(hidden, caller), 120_000);
    await until(
      'through the relay',
      () => isRelayedTo(caller, hidden) && isRelayedTo(hidden, caller),
    );
    await until(
      'then without it',
      () =>
        caller.state?.connections.some(
          ({ did, isRelayed }) => did === hidden.state?.did && !isRelayed,
        ) === true,
    );
  },
);
