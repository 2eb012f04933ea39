// A node of the public swarm in a process of its own, for network namespaces: it does what its argument
// says and tells its parent how it stands, until it is killed.
import { NETWORK_POLICY } from '../../../src/network/policy.js';
import { SwarmNode } from '../../../src/swarm/public/swarm-node.js';
import { identityFromSeed } from '../../../src/trust/identity.js';
import { seededRandom } from '../../simulation/lan.js';
import { systemClock } from '../nodes.js';
import { MemoryNodeBook, seedOf } from './hosts.js';
import type { ChildOptions, ChildState } from './namespaces.test.js';

process.on('disconnect', () => process.exit(0));
const options = JSON.parse(process.argv[2] ?? '{}') as ChildOptions;
const node = await SwarmNode.start({
  identity: identityFromSeed(seedOf(options.number)),
  book: new MemoryNodeBook(),
  clock: systemClock,
  random: seededRandom(options.number),
  state: () => ({ kind: 'light', freeBytes: 0, load: 0 }),
  warn: () => undefined,
  options: {
    network: options.network ?? 'test',
    listenPort: 8471,
    listenHosts: options.listenHosts,
    peers: options.peers ?? [],
    mdns: options.mdns ?? false,
    rendezvous: undefined,
  },
});
const relayed = new Set<string>();
node.host.onConnected(({ did, isRelayed }) => void (isRelayed && relayed.add(did)));
process.on('message', (contact) => {
  const { did, addresses } = contact as { did: string; addresses: string[] };
  void node.host.connect({ did, addresses }).catch(() => undefined);
});
setInterval(() => process.send?.(state()), NETWORK_POLICY.endLookMs);

function state(): ChildState {
  return {
    did: node.host.did,
    addresses: node.host.addresses(),
    connections: node.host.connections().map(({ did, isRelayed }) => ({ did, isRelayed })),
    relayed: [...relayed],
  };
}
