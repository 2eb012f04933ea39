/**
 * Who asks whom for what, in numbers. Measured: two open requests at the source and three at each
 * sibling fill 100 Mbit/s links; more only makes the source decide too early.
 */
export const POLICY = {
  requestsPerSource: 2,
  requestsPerSibling: 3,
  /**
   * Asked of siblings and not arrived: what arrives in `inFlightMs`, so that a slow line is not
   * promised more than it can carry before the deadlines.
   */
  bytesInFlight: 64 << 20,
  bytesInFlightAtLeast: 1 << 20,
  bytesInFlightAtFirst: 4 << 20,
  inFlightMs: 4_000,
  rateWindowMs: 1_000,
  /** When nothing good came from anybody this long, older requests keep nothing from others. */
  starvedMs: 8_000,
  /** How much later a request to a sibling is due that sends bytes, but no verified piece. */
  slowMs: 40_000,
  /** Arrived and not yet on disk. */
  bytesBeingStored: 32 << 20,
  /** How many candidates a pick compares: exact below that, a random sample above. */
  candidates: 1024,

  /** The last bytes: asked for piece by piece, and from a second peer where the first is late. */
  tailBytes: 16 << 20,
  duplicateAfterMs: 500,
  duplicateAtSourceAfterMs: 1_500,
  asksPerLeaf: 2,
  /** Outside the tail a piece that is this late may be asked for twice too. */
  lateMs: 4_000,

  /** Answers under way at once, in all and to one peer: so that nobody waits for one slow reader. */
  uploads: 24,
  uploadsPerPeer: 2,
  /** An answer that takes longer than this is slow; the slow ones leave this many places to others… */
  slowUploadMs: 10_000,
  uploadsForFast: 8,
  /** …up to this many in all. */
  uploadsInAll: 64,
  /** More unanswered requests than this from one peer is abuse. */
  requestsQueued: 64,

  /** A client alone gets `shareAlone` of what it lacks, then the rest when this has passed. */
  rendezvousMs: 1_500,
  /** A peer that fetches a bundle's metadata will soon pull its pieces: waited for this long. */
  expectedMs: 4_000,
  shareAlone: 0.5,
  /** With others there: what one client may get of pieces that nobody else has. */
  shareOfFresh: 0.6,
  /** All the waiting that the two shares may cost one client, ever. */
  patienceMs: 4_000,
  /** Others that asked for nothing this long are not waited for. */
  othersIdleMs: 3_000,

  /** A piece that a sibling has or will have is sent again only this much later… */
  repeatAfterMs: 2_500,
  /** …and where the client had its share from here and does get pieces elsewhere, this much. */
  repeatMuchLaterMs: 10_000,
  stalledMs: 1_500,
  /** A client that has found no sibling by now cannot reach one. */
  linkMs: 2_000,
  /** How long an open request may stay unanswered before an empty answer says "still here". */
  holdMs: 8_000,
  retryMs: 100,
} as const;
