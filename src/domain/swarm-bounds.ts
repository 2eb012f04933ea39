/** Of the public swarm: what strangers can make this process do, keep or send. Used as part of `BOUNDS`. */
export const SWARM_BOUNDS = {
  /** A gossip message, and the name of a package or version in it. */
  announcementBytes: 4 << 10,
  announcedAddresses: 8,
  announcedAddressChars: 256,
  announcedNameChars: 214,
  announcedVersionChars: 128,
  /** How old a message may be, and how far ahead its author's clock. */
  announcementAgeMs: 10 * 60_000,
  announcementAheadMs: 2 * 60_000,
  /** The system's clock leads so far where the machine slept, or where the time was set. */
  clockLeapMs: 30_000,
  /** Messages of another time, and none of this in more than a pause between heartbeats, until the clock is doubted. */
  clockDoubts: 2,
  clockDoubtAfterMs: 6 * 60_000,
  /** Messages that one neighbour may pass on at once, and then in a second. */
  gossipBurst: 200,
  gossipPerSecond: 40,
  /** Of one author: a burst, and then one in so long. */
  authorBurst: 8,
  authorPauseMs: 15_000,
  /** Authors whose last sequence number is known: as many signatures as can be checked while a message is young… */
  gossipAuthors: 75_000,
  /** …and neighbours whose bucket is. */
  gossipNeighbours: 1_024,
  /** Signatures checked in a second, whoever sends what. */
  gossipSignaturesPerSecond: 100,
  nodeTtlMs: 24 * 3_600_000,
  knownNodes: 20_000,
  /** Nodes of one /24 or /48: among those near one place, and in all. */
  nodesOfGroupInBucket: 2,
  nodesOfGroup: 10,
  bucketNodes: 16,
  bucketReserve: 8,
  /** An answer to a lookup. */
  lookupAnswerOwners: 16,
  lookupAnswerNodes: 16,
  lookupAnswerBytes: 16 << 10,
  /** Of one question, how many keys; of the answer to more than one its length, and the nodes in it. */
  lookupKeys: 64,
  lookupAnswersBytes: 32 << 10,
  lookupNamedNodes: 256,
  /** Nodes remembered to answer one key at a time. */
  singleNodes: 1_000,
  lookupDeadlineMs: 8_000,
  lookupAskMs: 1_500,
  lookupAsks: 48,
  lookupHops: 16,
  lookupOwners: 64,
  /** Of a walk's candidates, and of the owners it tells. */
  lookupNodesOfGroup: 3,
  lookupOwnersOfGroup: 3,
  lookups: 256,
  /** A request of /x/lookup/1; streams of one node, and how long a node may take to ask. */
  lookupRequestBytes: 40 << 10,
  lookupStreams: 16,
  lookupRequestMs: 10_000,
  /** Questions that one /24 or /48 may ask at once, and then in a second; and all together. */
  lookupBurst: 1_000,
  lookupsPerSecond: 100,
  allLookupsBurst: 4_000,
  allLookupsPerSecond: 1_000,
  lookupGroups: 4_096,
  /** Keys of one message that count as much as a question. */
  recordsAsQuestion: 50,
  /** Of one search, what may come from a directory of others. */
  directoryOwners: 16,
  /** Searches that ask it at once; the others wait. */
  directoryAsks: 8,
  /** Keys of a plan that are looked for before their turn, and so many at once. */
  foreseen: 2_000,
  foreseenAtOnce: 128,
  /** Where walks ended, for what is published soon after. */
  rememberedWalks: 1_000,
  rememberedWalkMs: 10 * 60_000,
  /** Who asked for what within an hour, so that one network's questions count once. */
  countedDemands: 20_000,
  countedDemandMs: 3_600_000,
  cachedLookups: 10_000,
  cachedOwnersMs: 10 * 60_000,
  recordTtlMs: 24 * 3_600_000,
  records: 400_000,
  recordsOfOwner: 50_000,
  /** What all owners of one /24 or /48 may leave here. */
  recordsOfGroup: 100_000,
  recordsOfKey: 32,
  recordsOfKeyAndGroup: 4,
  recordsPerMessage: 1_000,
  publicationsAtOnce: 64,
  /** Keys that a node tells of; what comes after is found by nobody until others have gone. */
  publications: 200_000,
  parallelWalks: 4,
  parallelLeaves: 4,
  directoryProvideMs: 60_000,
  scoredNodes: 10_000,
  measuredProviders: 2_048,
  swarmFetches: 256,
  swarmWaitingFetches: 100_000,
  swarmProviders: 32,
  swarmAsks: 512,
  swarmAsksOfProvider: 16,
  /** Without a byte, and from the first to the last. */
  swarmAskMs: 3_000,
  swarmAskAtMostMs: 120_000,
  swarmClaims: 4,
  swarmFalseClaims: 2,
  quarantineBytes: 64 * 2 ** 30,
  /** Of an answer that comes faster than it can be written. */
  quarantineUnwrittenBytes: 32 << 20,
  /** Streams of one node that asks here: the second takes over from one that is ending. */
  artifactStreams: 2,
  /** Nodes that this one asks over open streams. */
  artifactLinks: 256,
  /** Of one asker, waiting and under way. */
  artifactAsksOfStream: 128,
  /** Questions of one asker that are looked up at once, and then in a second. */
  artifactAskBurst: 1_000,
  artifactAsksPerSecond: 500,
  /** A source that joins the swarm waits so long at most for somebody to answer before it fetches. */
  meetMs: 2_000,
  /** A gateway's client waits no longer for the swarm to bring a file whole. */
  bringMs: 10_000,
  /** Artifacts that a source fetches at once where the swarm helps. */
  parallelSwarmFetches: 64,
  /** Digests that are remembered as public, beside those that bundles name. */
  publicDigests: 2_000_000,
  uploadSlots: 32,
  /** Answers beside those of each slot that do not move, for their readers take nothing. */
  uploadHeldOfSlot: 2,
  uploadLookMs: 500,
  /** Of all answers together, in memory: read, and not taken by their readers. */
  uploadWaitingBytes: 32 << 20,
  /** A part of an answer while as many are under way as may be. */
  uploadLeastPartBytes: 64 << 10,
  /** An answer of which its reader took less than that since the last time did not move. */
  uploadMovedBytes: 16 << 10,
  /** The slowest rate that --up or --down can say, a second. */
  slowestRateBytes: 64_000,
  /** Of a schedule of --up or --down. */
  rateWindows: 48,
  /** A part of an answer where the upload is limited: all slots have their turn within a second or so. */
  smallestPartBytes: 4 << 10,
  /** Handed on at once where what comes is limited. */
  pacedReadBytes: 16 << 10,
  uploadRequests: 4_096,
  uploadRequestsOfPeer: 64,
  demandKeys: 100_000,
  /** Pages of public indexes that are shown to others: one, and all that are kept for it. */
  sharedIndexBytes: 16 << 20,
  sharedIndexesBytes: 64 << 20,
  indexStatementBytes: 2 << 10,
  indexStreams: 4,
  /** Of one network: so many pages at once, and then in a second; who asks faster waits so long for a turn. */
  indexBurst: 64,
  indexesPerSecond: 16,
  indexTurnMs: 2_000,
  trustedForIndexes: 16,
  /** Packages whose versions are remembered to notice new ones, versions of one, and what is told of a page. */
  hintedPackages: 2_000,
  hintedVersions: 2_000,
  hintsOfPage: 4,
  toldHints: 4_096,
  /** What is told of a plan: with the word that a node is there and the one that it goes, an author's burst. */
  hintsOfPlan: 6,
  /** Who has news of versions and is about to go waits so long for somebody to listen. */
  hintListenMs: 2_000,
  /** In a minute: how much is told of versions, and how many indexes are asked because somebody told. */
  hintsPerMinute: 10,
  hintLooksPerMinute: 20,
  /** Until the first word, and the last, of those who are asked. */
  trustedIndexMs: 3_000,
  trustedIndexAtMostMs: 20_000,
  /** What public indexes named, and the packages and dependents that are counted for it. */
  namedArtifacts: 100_000,
  namedPackages: 50_000,
  countedDependents: 100,
  /** Fetched in one turn because few have it, and at once; a turn takes no longer. */
  replicasAtOnce: 20,
  parallelReplicas: 2,
  replicationMs: 10 * 60_000,
  /** What a node leaves free on its disk, whatever its quota. */
  freeDiskBytes: 2 ** 30,
  /** Connections: in all, and of one address and one /24 or /48; above `AtEase` those that carry nothing go. */
  swarmConnections: 384,
  swarmConnectionsAtEase: 128,
  swarmConnectionsOfAddress: 16,
  swarmConnectionsOfGroup: 48,
  swarmInboundPerSecond: 32,
  /** A connection that carried nothing of ours for so long is closed. */
  swarmUnusedMs: 10 * 60_000,
  swarmDials: 32,
  swarmWaitingDials: 512,
  swarmDialMs: 6_000,
  /** Addresses of one node that are tried. */
  swarmDialAddresses: 8,
  swarmHandshakeMs: 10_000,
  /** Of one address and one /24 or /48, at once; of all `pendingConnections`. */
  swarmHandshakesOfAddress: 8,
  swarmHandshakesOfGroup: 16,
  swarmRefused: 10_000,
  /** Of one stream, and how many a stranger may have open. */
  swarmWindowBytes: 2 << 20,
  swarmReadBufferBytes: 3 << 20,
  swarmStreams: 128,
  /** Peers, and as many values of each DHT, that libp2p keeps in memory. */
  swarmStoredPeers: 4_096,
  swarmStoredValues: 100_000,
  swarmStoredValueBytes: 16 << 10,
  swarmStoredNameChars: 256,
  /** A neighbour that sends more gossip than its measure is not listened to for so long. */
  gossipFlooderMs: 60_000,
  gossipRpcBytes: 1 << 20,
  gossipSendBytes: 4 << 20,
  gossipTopicBytes: 16 << 10,
  /** Addresses that multicast or the BitTorrent DHT named, and nobody has proved yet. */
  swarmCandidates: 256,
  swarmCandidatesOfGroup: 8,
  swarmCandidateDialsPerSecond: 2,
  swarmCandidatePauseMs: 5 * 60_000,
  swarmCandidateDials: 8,
  /** Of those on a link that announced themselves; and of what one announced of another. */
  swarmLinkDials: 16,
  swarmLinkDialsPerSecond: 20,
  swarmLinkDialMs: 3_000,
  swarmLinkCandidatePauseMs: 15_000,
  swarmHearsayDials: 4,
  swarmHearsayDialsPerSecond: 4,
  /** What a node that can be reached passes on for those that cannot. */
  relayReservations: 32,
  relayReservationMs: 60 * 60_000,
  relayedConnections: 32,
  relayedMs: 2 * 60_000,
  relayedBytes: 256 << 10,
  /** Relays that a node has that cannot be reached. */
  ownRelays: 2,
  rendezvousFirstMs: 5_000,
  rendezvousEveryMs: 15 * 60_000,
  rendezvousRestartMs: 30_000,
  rendezvousMemoryMb: 64,
  nodeSaveMs: 5_000,
  nodeLeaveMs: 1_000,
} as const;
