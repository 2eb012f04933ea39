import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Manifest } from '../../src/domain/bundle.js';
import { serviceTag } from '../../src/swarm/announcement.js';
import { startNode, storeBundle } from './nodes.js';
import { Lan, whyNoNamespaces, type LanNode } from './namespaces.js';

const skip = whyNoNamespaces() ?? false;
const LENGTHS = [300_000, 40_000, 1_000];
const TOTAL = 341_000;

async function manifestOf(name: string): Promise<Manifest> {
  const node = await startNode(200);
  const manifest = await storeBundle(node.open.store, LENGTHS, name);
  await node.stop();
  return { ...manifest, source: `did:key:z6Mk${name}` };
}

function openLan(t: TestContext, wires?: number): Lan {
  const lan = new Lan(wires);
  t.after(() => lan.close());
  return lan;
}

/** Hosts on the first wire with an IPv4 address each. */
function hosts(lan: Lan, count: number): string[] {
  return Array.from({ length: count }, (_, i) => {
    const host = lan.host();
    lan.plug(host, 'eth0', [`10.99.0.${i + 1}/24`]);
    return host;
  });
}

const isWhole = ({ heldBytes }: { heldBytes: number }): boolean => heldBytes === TOTAL;

test(
  'four hosts find each other by multicast and hold one connection a pair',
  { skip },
  async (t) => {
    const lan = openLan(t);
    const manifest = await manifestOf('four');
    const nodes = hosts(lan, 4).map((host, i) =>
      lan.node(host, { seed: i + 1, manifest, ...(i === 0 ? { holds: LENGTHS } : {}) }),
    );
    for (const node of nodes) await node.until((state) => state.peers.length === 3);
    for (const node of nodes.slice(1)) await node.until(isWhole);
    for (const node of nodes) await node.until(({ connections }) => connections === 3);
  },
);

test('where multicast is blocked the source introduces', { skip }, async (t) => {
  const lan = openLan(t);
  const manifest = await manifestOf('blocked');
  const [first, ...others] = hosts(lan, 4) as [string, string, string, string];
  lan.blockMulticast();
  lan.node(first, { seed: 1, manifest, holds: LENGTHS });
  const [alone, ...clients] = others.map((host, i) =>
    lan.node(host, { seed: i + 2, manifest, masters: i === 0 ? [] : ['10.99.0.1'] }),
  ) as [LanNode, LanNode, LanNode];
  for (const node of clients) {
    const { peers } = await node.until((state) => isWhole(state) && state.peers.length === 2);
    assert.deepEqual(
      peers.filter(({ address }) => address.includes('10.99.0.2')),
      [],
    );
  }
  assert.deepEqual((await alone.until(() => true)).peers, [], 'nothing is heard here');
});

test(
  'with --peer alone a node meets its sibling, and through it nobody is dialled twice',
  { skip },
  async (t) => {
    const lan = openLan(t);
    const manifest = await manifestOf('peer');
    const [a, b] = hosts(lan, 2) as [string, string];
    lan.node(a, { seed: 1, manifest, holds: LENGTHS, mdns: false });
    const node = lan.node(b, { seed: 2, manifest, mdns: false, peers: ['10.99.0.1'] });
    const { dialled } = await node.until(isWhole);
    assert.deepEqual(dialled, ['10.99.0.1']);
  },
);

test('siblings meet where there is nothing but IPv6 link-local addresses', { skip }, async (t) => {
  const lan = openLan(t);
  const manifest = await manifestOf('six');
  const nodes = [1, 2, 3].map((seed) => {
    const host = lan.host();
    lan.plug(host, 'eth0', []);
    return lan.node(host, { seed, manifest, ...(seed === 1 ? { holds: LENGTHS } : {}) });
  });
  for (const node of nodes.slice(1)) {
    const { peers, dialled } = await node.until((s) => isWhole(s) && s.peers.length === 2);
    assert.ok(
      peers.every(({ address }) => address.includes('/ip6/fe80::')),
      JSON.stringify(peers),
    );
    assert.ok(
      dialled.every((host) => /^fe80::.*%eth0$/.test(host)),
      dialled.join(),
    );
  }
});

test('of two interfaces only the chosen one is used', { skip }, async (t) => {
  const lan = openLan(t, 2);
  const manifest = await manifestOf('choice');
  const [left, middle, right] = [lan.host(), lan.host(), lan.host()];
  lan.plug(left, 'eth0', ['10.99.0.1/24'], 0);
  lan.plug(middle, 'eth0', ['10.99.0.2/24'], 0);
  lan.plug(middle, 'eth1', ['10.98.0.2/24'], 1);
  lan.plug(right, 'eth0', ['10.98.0.1/24'], 1);
  const others = [left, right].map((host, i) =>
    lan.node(host, { seed: i + 1, manifest, holds: LENGTHS }),
  ) as [LanNode, LanNode];
  const chooser = lan.node(middle, { seed: 3, manifest, interfaces: ['eth1'] });
  const state = await chooser.until(isWhole);
  await sleep(1_500);
  const { peers, addresses, dialled } = chooser.state ?? state;
  assert.deepEqual(
    peers.map(({ did }) => did),
    [others[1].state?.did],
  );
  assert.ok(
    addresses.every((one) => !one.includes('10.99.0.')),
    addresses.join(),
  );
  assert.ok(
    dialled.every((host) => host.startsWith('10.98.') || host.endsWith('%eth1')),
    dialled.join(),
  );
  assert.deepEqual(others[0].state?.peers, []);
});

test('two networks on one link never mix', { skip }, async (t) => {
  const lan = openLan(t);
  const manifests = [await manifestOf('red'), await manifestOf('blue')];
  const nodes = hosts(lan, 4).map((host, i) => {
    const manifest = manifests[i % 2]!;
    return lan.node(host, { seed: i + 1, manifest, ...(i < 2 ? { holds: LENGTHS } : {}) });
  });
  for (const node of nodes.slice(2)) await node.until(isWhole);
  await sleep(1_500);
  for (const [i, node] of nodes.entries()) {
    const partner = nodes[(i + 2) % 4]!;
    assert.deepEqual(
      node.state?.peers.map(({ did }) => did),
      [partner.state?.did],
    );
  }
});

test('a bridge of containers is left alone unless it is asked for', { skip }, async (t) => {
  const lan = openLan(t, 2);
  const manifest = await manifestOf('docker');
  const [machine, container] = [lan.host(), lan.host()];
  lan.plug(machine, 'eth0', ['10.99.0.1/24'], 0);
  lan.plug(machine, 'docker0', ['172.17.0.1/16'], 1);
  lan.plug(container, 'eth0', ['172.17.0.2/16'], 1);
  const inside = lan.node(container, { seed: 1, manifest, holds: LENGTHS });
  await inside.until(() => true);
  const node = lan.node(machine, { seed: 2, manifest });
  const { addresses } = await node.until(() => true);
  assert.ok(
    addresses.every((one) => !one.includes('172.17.')),
    addresses.join(),
  );
  await sleep(1_500);
  assert.deepEqual([node.state?.peers, node.state?.dialled], [[], []]);
  await node.stop();
  await lan.node(machine, { seed: 2, manifest, interfaces: ['docker0'] }).until(isWhole);
});

test(
  'forged announcements make nobody dial the internet, loopback, or another network',
  { skip },
  async (t) => {
    const lan = openLan(t);
    const manifest = await manifestOf('forged');
    const [honest, victim, thief] = hosts(lan, 3) as [string, string, string];
    lan.route(victim, 'eth0');
    const holder = lan.node(honest, { seed: 1, manifest, holds: LENGTHS });
    const node = lan.node(victim, { seed: 2, manifest });
    await node.until(isWhole);
    const script = fileURLToPath(new URL('child-forge-announcements.js', import.meta.url));
    const { did } = holder.state ?? assert.fail();
    const forge = [script, serviceTag(manifest.source), did];
    execFileSync('ip', ['netns', 'exec', thief, process.execPath, ...forge]);
    await node.until(({ dialled }) => dialled.includes('10.99.0.77'));
    await sleep(1_500);
    const { dialled, peers } = node.state ?? assert.fail();
    const nearby = dialled.filter((host) => /^10\.99\.0\.|^fe80::/.test(host));
    assert.deepEqual(dialled, nearby);
    assert.deepEqual(
      peers.map((peer) => peer.did),
      [did],
      'who is known already stays',
    );
  },
);
