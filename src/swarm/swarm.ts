import { BOUNDS } from '../domain/bounds.js';
import type { Did, PieceManifest } from '../domain/bundle.js';
import type { Sha256 } from '../domain/digest.js';
import { PieceEntries } from '../domain/piece-entries.js';
import { messageOf } from '../domain/errors.js';
import type { Catalog } from '../ports/catalog.js';
import type { Clock } from '../ports/clock.js';
import type { Gate } from '../ports/gate.js';
import type { Random } from '../ports/random.js';
import type { Store } from '../ports/store.js';
import type { Share, ShareRequest, Swarm, SwarmAddresses } from '../ports/swarm.js';
import { Admission } from './admission.js';
import { formatAddress, parseAddress, tcpOf, type LookUp } from './addresses.js';
import type { ReceivedFrame } from './answers.js';
import { BundleCaller } from './bundle-caller.js';
import { askForTrees } from './bundle-client.js';
import { BUNDLE_PROTOCOL, BundleServer } from './bundle-server.js';
import { didOfPeer } from './did.js';
import { Discovery } from './discovery.js';
import { Host } from './host.js';
import { Introductions, parseSiblings, reachable } from './introductions.js';
import { Links } from './links.js';
import { hostsOf } from './listens-on.js';
import type { Sibling } from './messages.pb.js';
import { openChannel } from './multicast.js';
import { NamedDialer } from './named-dialer.js';
import { PIECE_PROTOCOL, type PieceLink } from './piece-link.js';
import { parseMultiaddr, RememberedSiblings } from './remembered-siblings.js';
import { PieceShare } from './share.js';
import { SiblingDialer } from './sibling-dialer.js';
import { watchSurroundings } from './surroundings.js';
import { systemLookUp } from './system-look-up.js';
import { collectAll } from './young-garbage.js';

export interface SwarmOptions {
  /** 0 takes a free port. */
  listenPort: number;
  /** IP addresses to listen on; by default all, or those of the chosen interfaces. */
  listenHosts?: readonly string[];
  /** Names of the network interfaces to use; by default all that are not virtual. */
  interfaces?: readonly string[];
  /** Whether siblings are looked for by multicast. */
  mdns: boolean;
  /** Siblings to dial, as HOST, HOST:PORT or multiaddr. */
  peers: readonly string[];
}

export interface SwarmDeps {
  /** The 32-byte seed of the machine's Ed25519 key: peer id and did:key are both this key. */
  identity: { seed: Uint8Array };
  store: Store;
  catalog: Catalog;
  /** Who may have what. */
  gate: Gate;
  clock: Clock;
  random: Random;
  options: SwarmOptions;
  /** How host names become addresses; the system's resolver by default. */
  lookUp?: LookUp;
}

/** How often a peer's arriving bytes are told to the schedulers. */
const HEARD_MS = 1_000;

export function createSwarm(deps: SwarmDeps): Swarm {
  return new PieceSwarm(deps);
}

interface Running {
  host: Host;
  links: Links;
  named: NamedDialer;
  siblings: SiblingDialer;
  discovery: Discovery;
}

class PieceSwarm implements Swarm {
  readonly #deps: SwarmDeps;
  readonly #bundles: BundleServer;
  readonly #shares = new Map<Sha256, PieceShare>();
  readonly #opening = new Map<Sha256, Promise<PieceShare>>();
  readonly #listed = new Map<Sha256, Set<Did>>();
  readonly #unwatch = new Map<Sha256, Map<string, () => void>>();
  readonly #heardMs = new Map<PieceLink, number>();
  readonly #remembered: RememberedSiblings;
  readonly #introductions: Introductions;
  readonly #admission: Admission;
  readonly #caller: BundleCaller;
  #checking: NodeJS.Timeout | undefined;
  #running: Running | undefined;

  constructor(deps: SwarmDeps) {
    this.#deps = deps;
    this.#remembered = new RememberedSiblings(deps.catalog);
    this.#introductions = new Introductions(deps.clock, deps.random);
    const isNear = ({ from }: PieceLink): boolean => this.#parts().host.isNear(from);
    this.#admission = new Admission(deps.gate, isNear, deps.clock);
    this.#caller = new BundleCaller(deps.gate, (address) =>
      this.#parts().named.connect(parseAddress(address)),
    );
    this.#bundles = new BundleServer({
      catalog: deps.catalog,
      store: deps.store,
      gate: deps.gate,
      sharedWith: (sha256) =>
        [...this.#shares.values()]
          .filter((share) => share.names(sha256))
          .map(({ manifest: { bundle, source } }) => ({ name: bundle, source })),
      isNear: (connection) => this.#parts().host.isNear(connection),
      onInterest: (peer, digest) => this.#shares.get(digest)?.driver.expect(peer),
    });
  }

  async start(): Promise<SwarmAddresses> {
    const { clock, random, options, identity, gate, lookUp = systemLookUp } = this.#deps;
    const { listenPort, interfaces = [] } = options;
    const surroundings = watchSurroundings(interfaces, clock);
    const listenHosts = options.listenHosts ?? hostsOf(surroundings(), interfaces.length > 0);
    const peers = options.peers.map(parseAddress);
    const host = await Host.start(
      { seed: identity.seed, listenPort, listenHosts, hasMembers: () => gate.hasMembers() },
      surroundings,
      clock,
    );
    const links = new Links(host.peer, clock, {
      onLink: (link) => this.#linked(link),
      onUnlink: (link) => this.#unlinked(link),
      onFrame: (link, frame) => this.#receive(link, frame),
      onBytes: (link) => this.#heard(link),
      mostSiblings: () => (this.#isClient() ? BOUNDS.neighbours : BOUNDS.peers),
      isNamed: (peer) => named.isNamed(peer),
    });
    const named = new NamedDialer(host, links, { clock, random, lookUp });
    const siblings = new SiblingDialer({
      host,
      links,
      clock,
      random,
      isNamed: (peer) => named.isNamed(peer),
    });
    const discovery = new Discovery({
      peer: host.peer,
      clock,
      random,
      openChannel,
      neighbourhood: () => host.neighbourhood,
      listensOn: (network) => host.listensOn(network),
      wantsMore: () => siblings.wantsMore,
      onFound: ({ peer, addresses, from }) => {
        siblings.meet(peer, addresses, `link ${from}`, host.neighbourhood.isHere(from));
      },
    });
    this.#running = { host, links, named, siblings, discovery };
    await host.libp2p.handle(
      BUNDLE_PROTOCOL,
      (stream, connection) => this.#bundles.handle(stream, connection),
      { maxInboundStreams: BOUNDS.bundleStreams, maxOutboundStreams: BOUNDS.bundleStreams },
    );
    await host.libp2p.handle(
      PIECE_PROTOCOL,
      (stream, connection) => links.accept(stream, connection, false),
      { maxInboundStreams: BOUNDS.pieceStreams, maxOutboundStreams: BOUNDS.pieceStreams },
    );
    for (const peer of peers) {
      // A peer that the user named is dialled like a master, and asked like a sibling.
      named.watch(peer, { onPeer: () => undefined, onUnreachable: () => undefined });
    }
    for (const { peer, addresses } of this.#remembered.all())
      siblings.meet(peer, addresses, 'memory', true);
    this.#checking = setInterval(() => this.#checkMembers(), BOUNDS.membersCheckMs).unref();
    return { did: this.#did(), addresses: host.addresses() };
  }

  async stop(): Promise<void> {
    const running = this.#running;
    if (running === undefined) return;
    clearInterval(this.#checking);
    running.named.stop();
    running.siblings.stop();
    running.discovery.stop();
    for (const share of [...this.#shares.values()]) await share.stop();
    await running.links.closeAll();
    await running.host.stop();
    this.#running = undefined;
  }

  peers(): { did: Did; address: string }[] {
    return this.#parts()
      .links.all()
      .map(({ did, address }) => ({ did, address }));
  }

  listBundles(...question: Parameters<Swarm['listBundles']>): ReturnType<Swarm['listBundles']> {
    return this.#caller.listBundles(...question);
  }

  join(...question: Parameters<Swarm['join']>): Promise<Uint8Array> {
    return this.#caller.join(...question);
  }

  fetchMetadata(
    ...question: Parameters<Swarm['fetchMetadata']>
  ): ReturnType<Swarm['fetchMetadata']> {
    return this.#caller.fetchMetadata(...question);
  }

  async share(manifest: PieceManifest, request: ShareRequest): Promise<Share> {
    const { named, discovery } = this.#parts();
    const masters = request.masters.map(parseAddress);
    const share = await this.#openShare(manifest);
    const listed = this.#listed.get(manifest.digest) ?? new Set<Did>();
    this.#listed.set(manifest.digest, listed);
    for (const did of request.listed ?? []) listed.add(did);
    share.request(request);
    const watching = this.#unwatch.get(manifest.digest) ?? new Map<string, () => void>();
    this.#unwatch.set(manifest.digest, watching);
    for (const address of masters) {
      const name = formatAddress(address);
      if (watching.has(name)) continue;
      const unwatch = named.watch(address, {
        onPeer: (peer) => {
          share.driver.addMaster(peer);
          share.emit({ event: 'reachable', address: name });
        },
        onUnreachable: (reason, attempt) => {
          share.emit({ event: 'unreachable', address: name, reason, attempt });
        },
      });
      watching.set(name, unwatch);
    }
    if (this.#deps.options.mdns) await discovery.look(manifest.source);
    return share;
  }

  // ---- shares

  /** The share of a manifest; two that ask at once get the same. */
  async #openShare(manifest: PieceManifest): Promise<PieceShare> {
    const known = this.#shares.get(manifest.digest);
    if (known !== undefined) return known;
    const opening =
      this.#opening.get(manifest.digest) ??
      this.#newShare(manifest).finally(() => this.#opening.delete(manifest.digest));
    this.#opening.set(manifest.digest, opening);
    return opening;
  }

  async #newShare(manifest: PieceManifest): Promise<PieceShare> {
    const { store, clock, random } = this.#deps;
    const { host, links } = this.#parts();
    const packed = { ...manifest, entries: PieceEntries.of(manifest.entries) };
    const share = await PieceShare.open(packed, {
      store,
      clock,
      random,
      addresses: () => host.addresses(),
      askForTrees: async (link, wanted) => {
        const signal = AbortSignal.timeout(BOUNDS.masterTimeoutMs);
        const stream = await host.libp2p.dialProtocol(link.peerId, BUNDLE_PROTOCOL, { signal });
        return askForTrees(stream, wanted, this.#deps.gate.shown());
      },
      onJoined: (joined, peer) => this.#joined(joined, peer),
      onLiar: (link) => links.ban(link.peer),
      onStop: (stopped) => {
        this.#shares.delete(stopped.manifest.digest);
        this.#unwatch.get(stopped.manifest.digest)?.forEach((unwatch) => unwatch());
        this.#unwatch.delete(stopped.manifest.digest);
        this.#listed.delete(stopped.manifest.digest);
      },
    });
    this.#shares.set(manifest.digest, share);
    for (const link of links.all()) this.#begin(link, share);
    // Reading many entries left many times their size behind, in a young space that had grown for it.
    if (packed.entries.length >= BOUNDS.entriesWorthCollecting) collectAll();
    return share;
  }

  /** What the catalog names is served, asked for here or not. */
  async #shareFromCatalog(link: PieceLink, digest: Sha256): Promise<void> {
    const { catalog } = this.#deps;
    const record = catalog.bundles().find((bundle) => bundle.manifestDigest === digest);
    if (record === undefined) return;
    const { name, source, version, signedAt, expiresAt, graceDays } = record;
    // To who may not have it, it is as if it were not here.
    if (!this.#admission.admits(link, { bundle: name, source })) return;
    const entries = PieceEntries.of(catalog.pieceEntries(record.id));
    // Once open it greets every link and asks for theirs: what was said meanwhile was not heard.
    await this.#openShare({
      bundle: name,
      source,
      version,
      digest,
      signedAt,
      expiresAt,
      graceDays,
      entries,
    });
  }

  // ---- frames

  #receive(link: PieceLink, frame: ReceivedFrame): void {
    if (frame.members !== undefined) {
      this.#admission.received(link, frame.members.memberships);
      this.#consider(link);
      return;
    }
    const digest = Buffer.from(frame.manifest).toString('hex');
    const share = this.#shares.get(digest);
    if (share === undefined) {
      if (frame.hello === undefined || this.#opening.has(digest)) return;
      this.#shareFromCatalog(link, digest).catch((error: unknown) => {
        link.abort(error instanceof Error ? error : new Error(messageOf(error)));
      });
      return;
    }
    if (!this.#admission.admits(link, share.manifest)) return;
    if (frame.hello ?? frame.change ?? frame.ask ?? frame.answer) this.#parts().links.busy(link);
    if (frame.hello !== undefined) this.#greet(share, link, frame);
    if (frame.change !== undefined) share.driver.changed(link, frame.change);
    if (frame.ask !== undefined) {
      this.#introductions.asked(share, link, frame.ask.siblings);
      share.driver.asked(link, frame.ask);
    }
    if (frame.answer !== undefined) share.driver.answered(link, frame.answer);
    if (frame.cancel !== undefined) share.driver.withdrawn(link, frame.cancel);
    if (frame.siblings !== undefined) this.#meet(link, frame.siblings.siblings);
    if (frame.bye) share.driver.left(link);
  }

  #greet(share: PieceShare, link: PieceLink, { hello }: ReceivedFrame): void {
    if (hello === undefined) return;
    // Our own first: what the joining sets off must find the peer greeted.
    if (hello.reply) share.sayHello(link, false);
    if (this.#listed.get(share.manifest.digest)?.has(link.did) === true)
      share.driver.addMaster(link.peer);
    share.driver.joined(link, hello);
  }

  // ---- members

  /** A peer's or our own memberships are other ones, or it is new: shows ours and greets where that may be. */
  #consider(link: PieceLink): void {
    this.#admission.show(link);
    if (!link.isOurs) return;
    for (const share of this.#shares.values())
      if (!share.sharers.hasGreeted(link)) this.#begin(link, share);
  }

  /** Tells who may know it what is held here, and asks the same. */
  #begin(link: PieceLink, share: PieceShare): void {
    this.#admission.show(link);
    if (this.#admission.admits(link, share.manifest)) share.sayHello(link, true);
  }

  /** Memberships expire and are revoked while links stand. */
  #checkMembers(): void {
    const { links } = this.#parts();
    for (const share of this.#shares.values()) {
      for (const link of links.all()) {
        if (!share.sharers.knows(link) || this.#admission.admits(link, share.manifest)) continue;
        share.driver.left(link);
        link.send(share.manifest.digest, { bye: true });
      }
    }
    for (const link of links.all()) this.#consider(link);
  }

  #heard(link: PieceLink): void {
    const now = this.#deps.clock.monotonicMs();
    if (now - (this.#heardMs.get(link) ?? -Infinity) < HEARD_MS) return;
    this.#heardMs.set(link, now);
    for (const share of this.#shares.values()) share.driver.heard(link);
  }

  // ---- siblings

  #linked(link: PieceLink): void {
    this.#consider(link);
    this.#running?.siblings.linked(link.peer);
  }

  #unlinked(link: PieceLink): void {
    this.#heardMs.delete(link);
    for (const share of this.#shares.values()) share.driver.left(link);
    const running = this.#running;
    if (running?.links.get(link.peer) === undefined) running?.siblings.unlinked(link.peer);
  }

  #joined(share: PieceShare, peer: string): void {
    const link = this.#parts().links.get(peer);
    if (link === undefined) return;
    if (share.sharers.isSibling(peer))
      this.#remembered.note(peer, reachable(link, share.sharers.addressesOf(peer), true));
    this.#introductions.joined(share, link);
  }

  #meet(link: PieceLink, named: readonly Sibling[]): void {
    const { siblings, host } = this.#parts();
    const seen = parseMultiaddr(link.address).map(tcpOf)[0];
    const isHere = seen !== undefined && host.neighbourhood.isHere(seen.ip);
    for (const { peer, addresses } of parseSiblings(named))
      siblings.meet(peer, addresses.flatMap(parseMultiaddr), `peer ${link.peer}`, isHere);
  }

  /** Whether this process pulls: then it has siblings, and a source has it as one of many. */
  #isClient(): boolean {
    return [...this.#unwatch.values()].some((masters) => masters.size > 0);
  }

  // ---- the rest

  #did(): Did {
    const did = didOfPeer(this.#parts().host.libp2p.peerId);
    if (did === undefined) throw new Error('the host has no Ed25519 key');
    return did;
  }

  #parts(): Running {
    if (this.#running === undefined) throw new Error('the swarm is not started');
    return this.#running;
  }
}

/** All addresses; or, where interfaces were chosen, theirs and loopback. */
