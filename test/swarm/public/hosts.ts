import type { TestContext } from 'node:test';
import { Neighbourhood } from '../../../src/swarm/interfaces.js';
import { PublicHost } from '../../../src/swarm/public/public-host.js';
import { systemClock } from '../nodes.js';

/** Loopback as if it were a link with many machines: each host has an address of its own on it. */
export function loopbackLink(): Neighbourhood {
  return new Neighbourhood(
    [
      {
        name: 'link0',
        isLoopback: false,
        isVirtual: false,
        addresses: [{ ip: '127.0.0.1', cidr: '127.0.0.0/8' }],
      },
    ],
    [],
  );
}

export function seedOf(number: number): Uint8Array {
  const seed = new Uint8Array(32).fill(7);
  seed[0] = number & 255;
  seed[1] = number >> 8;
  return seed;
}

/** A host at 127.0.0.`number`, stopped when the test ends. */
export async function startHost(
  t: TestContext,
  number: number,
  {
    network = 'test',
    surroundings = loopbackLink,
  }: { network?: string; surroundings?: () => Neighbourhood } = {},
): Promise<PublicHost> {
  const host = await PublicHost.start(
    { seed: seedOf(number), listenPort: 0, listenHosts: [`127.0.0.${number}`], network },
    { surroundings, clock: systemClock },
  );
  t.after(() => host.stop());
  return host;
}

/** Looks again and again; how long that takes decides nothing. */
export async function until(what: string, isSo: () => boolean, limitMs = 60_000): Promise<void> {
  const endMs = Date.now() + limitMs;
  while (!isSo()) {
    if (Date.now() > endMs) throw new Error(`not in time: ${what}`);
    await systemClock.sleep(20);
  }
}
