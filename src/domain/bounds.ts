/**
 * Every bound that protects a process from its input, in one place. Sizes in bytes, times in
 * milliseconds, the rest counts.
 */
export const BOUNDS = {
  // input files
  inputFileBytes: 16 << 20,
  inputFiles: 256,
  inputNesting: 32,
  requirementLines: 200_000,

  // upstream
  indexPageBytes: 256 << 20,
  packumentBytes: 256 << 20,
  wheelMetadataBytes: 16 << 20,
  wheelDirectoryBytes: 64 << 20,
  sdistMetadataBytes: 16 << 20,
  releaseFileBytes: 32 << 20,
  packagesFileBytes: 2 ** 31,
  stanzaBytes: 4 << 20,
  artifactBytes: 64 * 2 ** 30,
  redirects: 10,
  requestAttempts: 5,
  requestBackoffMs: 250,
  connectTimeoutMs: 15_000,
  idleTimeoutMs: 60_000,
  parallelDownloads: 16,
  parallelIndexRequests: 48,

  // resolution
  resolverDecisions: 200_000,
  resolverTimeMs: 600_000,
  planArtifacts: 500_000,

  // bundle metadata
  rootMetadataBytes: 512 << 10,
  timestampMetadataBytes: 64 << 10,
  snapshotMetadataBytes: 4 << 20,
  targetsMetadataBytes: 16 << 20,
  rootRotations: 256,
  manifestEntries: 1_000_000,
  bundlesPerMaster: 1_000,
  documentBytes: 256 << 20,

  // wire
  frameBytes: (1 << 20) + (16 << 10),
  runPieces: 4,
  runBytes: 1 << 20,
  leaves: 4 << 20,
  streamWriteBufferBytes: 4 << 20,
  streamWindowBytes: 4 << 20,
  readBufferBytes: 8 << 20,
  controlFrames: 4_096,
  closeStreamMs: 2_000,
  inboundConnectionsPerSecond: 64,
  pendingConnections: 64,
  bundleStreams: 32,
  pieceStreams: 4,
  treesPerRequest: 256,
  treeBytesPerRequest: 4 << 20,
  recentPieceBytes: 32 << 20,
  treeRetryMs: 500,
  discoveryTags: 16,
  handshakeTimeoutMs: 20_000,
  masterTimeoutMs: 15_000,
  requestDeadlineMs: 20_000,
  idlePeerMs: 60_000,
  peers: 256,
  haveMapBytes: 16 << 20,
  siblingAddresses: 16,

  // gateway
  gatewayHeaderBytes: 32 << 10,
  gatewayBodyBytes: 4 << 20,
  gatewayConnections: 2_000,
  gatewayRequestMs: 60_000,
  gatewayWaitForPieceMs: 120_000,

  // volumes
  volumeEntries: 2_000_000,
  volumeDirectoryBytes: 512 << 20,

  // store
  packBlobBytes: 64 << 10,
  packFileBytes: 512 << 20,
  catalogBusyMs: 5_000,
  abandonedDownloadMs: 7 * 24 * 3_600_000,
  controlLineBytes: 1 << 20,
} as const;
