import { messageOf } from '../domain/errors.js';
import type { EcosystemName, Origin } from '../domain/plan.js';
import type { GatewayServer, ServedView } from '../ports/ecosystem.js';
import type { Insight } from '../ports/insight.js';
import { isLoopback } from '../swarm/addresses.js';
import type { NetworkInterface } from '../swarm/interfaces.js';
import { nobodyToAsk } from './held-view.js';
import type { Printer } from './printer.js';

/** Whoever may use the gateway has the private packages that this user may read. */
export function tellOfPrivate(
  indexes: readonly { url: string; isPublic: boolean }[],
  warn: (message: string) => void,
): void {
  const urls = indexes.filter(({ isPublic }) => !isPublic).map(({ url }) => url);
  if (urls.length === 0) return;
  warn(`private, answered to this machine and private addresses only: ${urls.join(', ')}`);
}

/**
 * What others write in their settings: the name that they call this gateway by, or an address of this
 * machine where it listens on all of them.
 */
export function addressForOthers(
  url: string,
  { bind, names }: { bind: string; names: readonly string[] },
  interfaces: readonly NetworkInterface[],
): string {
  if (bind === 'localhost' || isLoopback(bind)) return url;
  const isEverywhere = bind === '0.0.0.0' || bind === '::';
  const [own] = interfaces
    .filter(({ isLoopback: inside, isVirtual }) => !inside && !isVirtual)
    .flatMap(({ addresses }) => addresses)
    .filter(({ ip }) => ip.includes('.'));
  const host = names[0] ?? (isEverywhere ? own?.ip : undefined);
  if (host === undefined) return url;
  const at = new URL(url);
  at.hostname = host;
  return at.origin;
}

/** How many files came from where, while it serves. */
export function originTally(printer: Printer): (origin: Origin) => void {
  const tally: Partial<Record<Origin, number>> = {};
  return (origin) => {
    tally[origin] = (tally[origin] ?? 0) + 1;
    const words = Object.entries(tally).map(([name, files]) => `${files} ${WORDS[name as Origin]}`);
    printer.live({ event: 'passed', ...tally }, [`files: ${words.join(', ')}`]);
  };
}

const WORDS: Record<Origin, string> = {
  store: 'kept here',
  local: 'marked here',
  sibling: 'from siblings',
  swarm: 'from the swarm',
  upstream: 'from the official sources',
};

/** No bundle is served, and no answer is kept by the shell: what it is made from changes elsewhere. */
export function nothingHeld(): ServedView {
  let asked = 0;
  return {
    generation: () => String((asked += 1)),
    bundles: () => [],
    entriesByName: () => [],
    entryByPath: () => undefined,
    entriesBySha256: () => [],
    names: () => [],
    read: (entry) => nobodyToAsk(entry).then(() => new Uint8Array()),
  };
}

/** One look at a time for each that is told of; what fails is met by who asks. */
export function lookWith(servers: readonly GatewayServer[], warn: (message: string) => void) {
  return (ecosystem: EcosystemName, name: string): void => {
    const server = servers.find((one) => one.name === ecosystem);
    server?.refresh?.(name).catch((error: unknown) => {
      warn(`what is new of ${name} could not be looked at: ${messageOf(error)}`);
    });
  };
}

/** Who is known in the public swarm is for this machine and those near it. */
export function forThoseAfar(insight: Insight): Insight {
  return { ...insight, status: () => ({ ...insight.status(), network: undefined }) };
}
