import { SWARM_BOUNDS } from './swarm-bounds.js';

/**
 * Every bound that protects a process from its input, in one place. Sizes in bytes, times in
 * milliseconds, the rest counts.
 */
export const BOUNDS = {
  /** A Debian package up to this size is unpacked for the licences that its copyright file names. */
  licencePackageBytes: 2 * 1024 * 1024,
  /** The tar inside it, unpacked. */
  licenceArchiveBytes: 64 * 1024 * 1024,
  licenceFileBytes: 512 * 1024,
  rootRequests: 1_000,

  // input files
  inputFileBytes: 16 << 20,
  inputFiles: 4_096,
  inputNesting: 32,
  /** Of one run, from addresses; together as many bytes as these. */
  fetchedInputs: 256,
  fetchedInputsBytes: 64 << 20,
  jsonNesting: 512,
  requirementLines: 200_000,
  shownProblems: 20,
  shownHints: 3,
  hintMs: 5_000,

  // upstream
  indexPageBytes: 256 << 20,
  /** Of one project on one index; the largest that are known have some ten thousand. */
  indexPageFiles: 200_000,
  excerptCharacters: 120,
  packumentBytes: 256 << 20,
  wheelMetadataBytes: 16 << 20,
  wheelDirectoryBytes: 64 << 20,
  sdistMetadataBytes: 16 << 20,
  provenanceBytes: 4 << 20,
  attestations: 64,
  advisoryFileBytes: 256 << 20,
  advisories: 2_000_000,
  tarballUnpackedBytes: 8 * 2 ** 30,
  tarballEntries: 1_000_000,
  packageJsonBytes: 8 << 20,
  foreignTarballBytes: 2 ** 31,
  sdistOpenedBytes: 1 << 30,
  releaseFileBytes: 32 << 20,
  packagesFileBytes: 2 ** 31,
  parsedIndexBytes: 2 ** 31,
  parsedIndexesBytes: 2 ** 31,
  stanzaBytes: 4 << 20,
  keyringBytes: 16 << 20,
  statusFileBytes: 256 << 20,
  controlFileBytes: 4 << 20,
  controlArchiveBytes: 64 << 20,
  artifactBytes: 64 * 2 ** 30,
  /** Where an index does not say how large a file is, so that a lie would only show at its end. */
  unsizedArtifactBytes: 8 * 2 ** 30,
  redirects: 10,
  /** Names of upstream hosts that were looked up, and for how long an answer is taken again. */
  knownNames: 1_000,
  knownNameMs: 10_000,
  requestAttempts: 5,
  requestBackoffMs: 250,
  retryAfterMs: 60_000,
  connectTimeoutMs: 15_000,
  connectTimeouts: 2,
  idleTimeoutMs: 60_000,
  smallReadMs: 900_000,
  unreachableHostMs: 20_000,
  rememberedHosts: 1_024,
  rememberedEtags: 4_096,
  connectionsPerOrigin: 64,
  upstreamCacheEntryBytes: 64 << 20,
  upstreamCacheBytes: 2 ** 31,
  upstreamCacheEntries: 100_000,
  discardedBodyBytes: 64 << 10,
  discardedBodyMs: 2_000,
  addressCharacters: 8_192,
  netrcBytes: 1 << 20,
  parallelDownloads: 16,
  parallelIndexRequests: 48,

  // marking what is already there
  scanDepth: 32,
  /** Names looked at in one folder that is scanned, and files marked in all. */
  scanEntries: 5_000_000,
  markedFiles: 500_000,
  markedFileBytes: 16 * 2 ** 30,
  scanHeadBytes: 8 << 10,
  parallelScans: 4,
  /** More than so many are only counted. */
  scanProblems: 1_000,

  // resolution
  resolverDecisions: 200_000,
  hintDecisions: 2_000,
  pipRounds: 2_000,
  pipTries: 3_000,
  resolverTimeMs: 600_000,
  planArtifacts: 500_000,

  // bundle metadata
  rootMetadataBytes: 512 << 10,
  timestampMetadataBytes: 64 << 10,
  snapshotMetadataBytes: 4 << 20,
  targetsMetadataBytes: 16 << 20,
  rootRotations: 256,
  bundleMetadataBytes: 2 ** 30,
  bundleBins: 16_384,
  binTargets: 4_096,
  metadataKeys: 64,
  masters: 256,
  metadataParallelReads: 16,
  metadataSaveAttempts: 8,
  entryTextChars: 1_024,
  detailNesting: 8,
  manifestEntries: 1_000_000,
  bundlesPerMaster: 1_000,
  documentBytes: 256 << 20,

  // wire
  frameBytes: (1 << 20) + (16 << 10),
  runPieces: 4,
  runBytes: 1 << 20,
  /** Memory for runs that stays with a reader. */
  freeRuns: 16,
  /** What was hashed so lately, in so many files, is not hashed again for the next who asks. */
  readersOfLongRuns: 8,
  latelyVerifiedFiles: 256,
  latelyVerifiedMs: 10_000,
  settledConflicts: 1_000,
  entriesForNextCommand: 5_000,
  leaves: 4 << 20,
  /** A run of small artifacts has no more. */
  leavesPerRequest: 256,
  needCheckMs: 100,
  streamWriteBufferBytes: 4 << 20,
  /** Frames of yamux's without data that wait on one connection: 12 bytes each, some 300 in memory. */
  unsentAnswers: 20_000,
  streamWindowBytes: 4 << 20,
  readBufferBytes: 8 << 20,
  controlFrames: 4_096,
  closeStreamMs: 2_000,
  unreadPieceMs: 20_000,
  storeRetryMs: 5_000,
  inboundConnectionsPerSecond: 64,
  pendingConnections: 64,
  /** Of those, of one address. */
  pendingConnectionsFromOne: 16,
  bundleStreams: 64,
  pieceStreams: 4,
  treesPerRequest: 256,
  treeBytesPerRequest: 4 << 20,
  recentPieceBytes: 16 << 20,
  /** Memory that waits for the next verified pieces: no more than was in use at once before. */
  freePieceBytes: 24 << 20,
  earlyPieceBytes: 16 << 20,
  /** A bundle of fewer leaves nothing behind that is worth collecting at once. */
  entriesWorthCollecting: 1_000,
  /** Verified pieces that are given to others before they are on disk. */
  offeredBytes: 16 << 20,
  /** …and where there are no others. */
  offeredAloneBytes: 4 << 20,
  /** Verified pieces are written when there is so much, or after so long. */
  keptGroupBytes: 8 << 20,
  keptGroupMs: 100,
  treeRetryMs: 500,
  slowestAnswerBytesPerMs: 64,
  discoveryTags: 16,
  handshakeTimeoutMs: 20_000,
  masterTimeoutMs: 8_000,
  /** Who is hung up on calls so often within that: where many call at once, some wait for room. */
  callAttempts: 5,
  /** Once it answered the call. Where thirty share a slow line a packet can be lost time and again. */
  masterSilentMs: 30_000,
  greetingMs: 10_000,
  requestDeadlineMs: 20_000,
  idlePeerMs: 60_000,
  stalledPullMs: 45_000,
  unobtainableMs: 6_000,
  lingerMs: 30_000,
  peers: 256,
  /**
   * Siblings that a client dials, and those that it has in all, dialled or accepted. In the simulation
   * 31 and 100 clients end sooner with so many than with twice as many.
   */
  neighboursSought: 12,
  neighbours: 20,
  /** Siblings heard of, and of those never met so many from one who names them. */
  acquaintances: 256,
  introduced: 64,
  announcedFromOne: 8,
  /** A connection that carries nothing of ours for so long is closed; sooner where many are. */
  unusedConnectionMs: 15_000,
  unusedInCrowdMs: 2_000,
  connections: 512,
  connectionsFromOne: 64,
  farConnections: 128,
  /** Fewer than hold all upload places, two each: one machine with many keys cannot. */
  linksFromOne: 24,
  interfaces: 32,
  /** Of one link in a second; more are not looked at. */
  multicastPackets: 256,
  /** What packets were found to say is kept of so many, none of them longer than this. */
  judgedPackets: 512,
  judgedPacketBytes: 1_500,
  /** Senders of which it is kept whether they are on a link. */
  multicastSenders: 512,
  haveMapBytes: 16 << 20,
  siblingAddresses: 16,
  rememberedSiblings: 64,

  // gateway
  gatewayHeaderBytes: 32 << 10,
  gatewayBodyBytes: 4 << 20,
  gatewayConnections: 2_000,
  gatewayRequestMs: 60_000,
  gatewayWaitForPieceMs: 120_000,
  gatewayHeadersMs: 20_000,
  gatewayKeepAliveMs: 30_000,
  gatewayStalledMs: 30_000,
  gatewayPipelinedRequests: 64,
  /** Files that a gateway brings from the official source at once. */
  gatewayDownloads: 128,
  /** An index is asked for anew after so long; an older one is good enough where the source is silent for so long. */
  gatewayIndexFreshMs: 60_000,
  gatewayIndexSilenceMs: 5_000,
  gatewayIndexes: 2_000,
  gatewayIndexBytes: 256 << 20,
  gatewayPoolIndexes: 8,
  gatewayPrefetches: 256,
  parallelPrefetches: 4,
  prefetchedBytes: 32 << 20,
  prefetchedOfOne: 16,
  gatewayQuotaCheckMs: 30_000,
  recentlyUsed: 1_000_000,
  gatewayKeptAnswerBytes: 24 << 20,
  gatewayQuickAnswers: 4_096,
  gatewayQuickAnswerBytes: 64 << 10,
  /** So many bodies are read far ahead; beyond that all share the bytes, and read no more than one part each. */
  gatewayBodiesAtEase: 4,
  gatewayBodyPartsBytes: 8 << 20,
  gatewayReadsAtOnce: 16,
  gatewaySocketBytes: 16 << 10,
  gatewayPrepareMs: 1_000,
  gatewayLimitedAddresses: 10_000,
  searchResults: 250,
  searchCharacters: 1_024,
  auditBodyBytes: 32 << 20,
  auditedPackages: 200_000,
  auditedDepth: 256,
  wishes: 2_000,
  wishCharacters: 200,
  gatewayEventStreams: 64,
  gatewayEventMs: 500,
  gatewayEventSilenceMs: 15_000,
  searchedNames: 5_000,
  placedBlobBytes: 1 << 30,
  placedBlobs: 20_000,

  // keys
  keyDerivationBytes: 256 << 20,
  /** So far apart two clocks may be before it is said that a bundle comes from the future. */
  signingAheadMs: 60 * 60_000,

  // members
  membershipBytes: 8 << 10,
  membershipBundles: 64,
  /** That one machine has, and shows to another. */
  memberships: 16,
  /** How often one peer can show some on one link. */
  shownMemberships: 16,
  revokedMemberships: 10_000,
  members: 10_000,
  invites: 1_000,
  inviteUses: 1_000,
  inviteDays: 3_650,
  /** Before a membership ends it is said so. */
  membershipWarningDays: 14,
  inviteBookBytes: 16 << 20,
  /** How soon a membership that ends is noticed where nothing else happens. */
  membersCheckMs: 2_000,
  /** And where frames come. */
  admittedMs: 100,

  // requests
  requestHeaderBytes: 64 << 20,
  requestHeldBytes: 64 << 20,
  requestAgeWarningDays: 30,

  // volumes
  volumes: 10_000,
  /** The largest file that FAT32 holds, what most sticks are sold with. */
  defaultVolumeBytes: 2 ** 32 - 1,
  placementBytes: 64 << 20,
  parityVolumes: 16,
  protectedVolumes: 64,
  protectedBytes: 2 ** 40,
  parityListBytes: 1 << 20,
  parityChecksBytes: 256 << 20,
  volumeRefusals: 1_000,
  /** Of what is taken in at once: two long entries, or a hundred short ones. */
  importWeightBytes: 16 << 20,
  volumeEntries: 2_000_000,
  volumeDirectoryBytes: 512 << 20,

  // runtimes
  runtimeDescriptionBytes: 64 << 10,
  runtimeFiles: 100_000,
  /** Unpacked. */
  runtimeBytes: 2 ** 31,
  runtimeStartMs: 60_000,

  // store
  packBlobBytes: 224 << 10,
  packFileBytes: 512 << 20,
  catalogBusyMs: 5_000,
  openFiles: 64,
  cachedTreeBytes: 8 << 20,
  catalogNoticeMs: 100,
  abandonedDownloadMs: 7 * 24 * 3_600_000,
  controlLineBytes: 1 << 20,
  controlQueueBytes: 16 << 20,
  controlConnections: 64,
  controlRequestMs: 10_000,
  controlAliveMs: 5_000,
  controlSilenceMs: 30_000,

  ...SWARM_BOUNDS,
} as const;
